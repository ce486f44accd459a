package dev.adapterferry.files;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * SHA-256 of files, read whole once, and again when size, time of the last change or place on the disk is another. Models have gigabytes: what was hashed
 * when it was made need not be hashed when it is installed a moment later. A file that rots without being written to goes unnoticed until the next start.
 */
public final class HashedFiles {
    private static final HashedFiles SHARED = new HashedFiles();

    private final Map<Path, Hashed> known = new ConcurrentHashMap<>();

    /**
     * How a file looks from outside.
     *
     * @param bytes    its size
     * @param modified time of its last change
     * @param key      its place on the disk, or null where there is no such thing
     */
    public record State(long bytes, FileTime modified, Object key) {
        /**
         * Looks at a file.
         *
         * @throws IOException when it cannot be looked at
         */
        public static State of(Path file) throws IOException {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            return new State(now.size(), now.lastModifiedTime(), now.fileKey());
        }
    }

    private record Hashed(State state, String sha256) { }

    /** What this process has hashed so far. */
    public static HashedFiles ofThisProcess() {
        return SHARED;
    }

    /**
     * Keeps a hash that somebody else made while reading the whole file.
     *
     * @param before how it looked before it was read: what changed meanwhile is read again the next time
     * @param sha256 64 lower-case hexadecimal digits
     */
    public void remember(Path file, State before, String sha256) {
        known.put(file.toAbsolutePath(), new Hashed(before, sha256));
    }

    /**
     * The hash of a file.
     *
     * @param progress     hears of every block, in bytes, when the file is read
     * @param cancellation asked before every block
     * @return 64 lower-case hexadecimal digits
     * @throws FerryException when the file cannot be read
     */
    public String sha256(Path file, Progress progress, Cancellation cancellation) {
        try {
            State now = State.of(file);
            Hashed hashed = known.get(file.toAbsolutePath());
            if (hashed == null || !hashed.state().equals(now)) {
                hashed = new Hashed(now, Sha256.of(file, progress, cancellation));
                remember(file, now, hashed.sha256());
            }
            return hashed.sha256();
        } catch (IOException e) {
            throw new FerryException("Cannot hash " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
