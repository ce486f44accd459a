package dev.adapterferry.tensor;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/**
 * Tells one state of a file from another without reading it: the content hash when the file lies in a hub cache, whose
 * blobs are named by their SHA-256, else path, size and time of the last change.
 */
public final class Fingerprint {
    private Fingerprint() { }

    /**
     * The fingerprint of a file as it is now.
     *
     * @param file an existing file; links are followed
     * @return a short text, equal for equal states
     * @throws FerryException when the file cannot be looked at
     */
    public static String of(Path file) {
        try {
            Path real = file.toRealPath();
            BasicFileAttributes attributes = Files.readAttributes(real, BasicFileAttributes.class);
            String name = real.getFileName().toString();
            if (name.length() == 64 && name.chars().allMatch(c -> Character.digit(c, 16) >= 0)) {
                return "sha256:" + name + ":" + attributes.size();
            }
            return real + ":" + attributes.size() + ":" + attributes.lastModifiedTime().toInstant();
        } catch (IOException e) {
            throw new FerryException("Cannot look at " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
