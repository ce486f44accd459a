package dev.adapterferry.deploy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A folder on another host, as far as a deployment needs it; an SFTP session fits behind it. Paths are relative to the
 * folder and use {@code /}.
 */
public interface RemoteFolder {
    /** Where it is, for messages: {@code user@host:/srv/models}. */
    String name();

    /** Makes a directory and its parents. */
    void makeDirectories(String path) throws IOException;

    /** Size in bytes, empty when there is no such file. */
    Optional<Long> size(String path) throws IOException;

    /**
     * Sends a file from an offset on, and has the host force it to its disk where it offers that.
     *
     * @param local the file
     * @param path  where it goes
     * @param from  bytes that are there already; 0 replaces what is there
     */
    void upload(Path local, String path, long from) throws IOException;

    /** Names in a directory, without folders. */
    List<String> list(String path) throws IOException;

    /** SHA-256 of a file as computed there, empty where the host offers no way. */
    Optional<String> sha256(String path) throws IOException;

    /** SHA-256 of a file as read back from there, which costs as much as sending it. */
    String readBack(String path) throws IOException;

    /** Small text file, empty when there is none. */
    Optional<String> read(String path) throws IOException;

    /** Writes a small text file. */
    void write(String path, String text) throws IOException;

    /** Renames at one instant, replacing what has the new name ({@code posix-rename@openssh.com}). */
    void rename(String from, String to) throws IOException;

    /** Removes a file; nothing happens when there is none. */
    void remove(String path) throws IOException;
}
