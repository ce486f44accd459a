package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The files a pass reads, as they were when it began. Size, time of change and file identity are compared, not
 * contents: reading everything twice to be sure would cost as much as the pass.
 */
final class WatchedFiles {
    private final Map<Path, State> states = new LinkedHashMap<>();

    private record State(long size, FileTime modified, Object identity) { }

    WatchedFiles(List<Path> files) {
        files.forEach(file -> states.put(file, state(file)));
    }

    /**
     * Checks that nothing changed.
     *
     * @throws FerryException naming the file that did
     */
    void check() {
        states.forEach((file, before) -> {
            if (!state(file).equals(before)) {
                throw new FerryException("The source file " + file + " changed while it was being quantized, so nothing was kept. Let the writing end and run again.");
            }
        });
    }

    private static State state(Path file) {
        try {
            BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
            return new State(attributes.size(), attributes.lastModifiedTime(), attributes.fileKey());
        } catch (IOException e) {
            throw new FerryException("Cannot look at the source file " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
