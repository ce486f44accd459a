package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * A file that a stage left.
 *
 * @param path     absolute path
 * @param bytes    size
 * @param sha256   digest, 64 lower-case hexadecimal digits
 * @param modified time of its last change, in milliseconds precision
 */
public record StageFile(String path, long bytes, String sha256, Instant modified) {
    /** Takes a finished file as it is now, with a digest that is known already. */
    public static StageFile of(Path file, String sha256) {
        try {
            return new StageFile(file.toAbsolutePath().normalize().toString(), Files.size(file), sha256, modified(file));
        } catch (IOException e) {
            throw new FerryException("Cannot record " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Takes a finished file as it is now; reads all of it. */
    public static StageFile of(Path file) {
        return of(file, Sha256.of(file));
    }

    /**
     * Whether the file is still what was recorded. Size and time of change settle it when both agree; when only the time differs,
     * the digest is computed again.
     */
    public boolean holds() {
        Path file = Path.of(path);
        try {
            return Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) && Files.size(file) == bytes && (modified(file).equals(modified) || Sha256.of(file).equals(sha256));
        } catch (IOException | FerryException e) {
            return false;
        }
    }

    private static Instant modified(Path file) throws IOException {
        return Files.getLastModifiedTime(file).toInstant().truncatedTo(ChronoUnit.MILLIS);
    }
}
