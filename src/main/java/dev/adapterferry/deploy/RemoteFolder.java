package dev.adapterferry.deploy;

import java.io.IOException;
import java.nio.file.Path;
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

    /** Copies a whole file there, replacing what is there. */
    void upload(Path local, String path) throws IOException;

    /** SHA-256 of a file as computed there, empty where the host offers no way. */
    Optional<String> sha256(String path) throws IOException;

    /** Small text file, empty when there is none. */
    Optional<String> read(String path) throws IOException;

    /** Writes a small text file. */
    void write(String path, String text) throws IOException;

    /** Renames at one instant, replacing what has the new name ({@code posix-rename@openssh.com}). */
    void rename(String from, String to) throws IOException;

    /** Removes a file; nothing happens when there is none. */
    void remove(String path) throws IOException;
}
