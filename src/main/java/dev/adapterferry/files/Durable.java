package dev.adapterferry.files;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;

/**
 * Changes on disk that survive a kill and a power cut: nothing appears under its final name before it is complete and
 * forced to the medium.
 */
public final class Durable {
    private Durable() { }

    /**
     * Replaces a small text file as a whole (UTF-8): a reader sees the old text or the new one.
     *
     * @param file final path; missing parent directories are made
     * @param text whole content
     */
    public static void write(Path file, String text) {
        Path beside = file.resolveSibling("." + file.getFileName() + "." + UUID.randomUUID() + ".part");
        try {
            Files.createDirectories(file.toAbsolutePath().getParent());
            Files.writeString(beside, text, StandardCharsets.UTF_8, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
            force(beside);
            Files.move(beside, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            forceDirectory(file.toAbsolutePath().getParent());
        } catch (IOException e) {
            throw new FerryException("Cannot write " + file + ": " + reason(e) + ".", e);
        }
    }

    /** Forces a file's bytes to the medium. */
    public static void force(Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
    }

    /** Forces a directory's entries to the medium; a system that cannot open directories (Windows) keeps its own order. */
    public static void forceDirectory(Path directory) throws IOException {
        try (FileChannel channel = FileChannel.open(directory, StandardOpenOption.READ)) {
            channel.force(true);
        } catch (java.nio.file.AccessDeniedException e) {
            if (java.io.File.separatorChar != '\\') {
                throw e;
            }
        }
    }

    /** What went wrong, in words; {@link FileSystemException}s often carry no more than the path as their message. */
    public static String reason(IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> missing.getFile() + " does not exist";
            case java.nio.file.AccessDeniedException denied -> "no permission for " + denied.getFile();
            case java.nio.file.FileAlreadyExistsException exists -> exists.getFile() + " exists already";
            case FileSystemException system when system.getReason() != null -> system.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
    }
}
