package dev.adapterferry.probe;

import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Where the digests of installed files come from. Hashing reads every byte, and models have gigabytes of them. */
@FunctionalInterface
public interface Digests {
    /** SHA-256 of a file, or null when it is not to be computed. */
    String of(Path file) throws IOException;

    /** None: sizes and structure must do. */
    static Digests none() {
        return file -> null;
    }

    /** Reads each file whole, each time. */
    static Digests fresh() {
        return Sha256::of;
    }

    /**
     * Reads a file whole once, and again when its size, its time or its place on the disk is another: what asks every few
     * minutes must not keep the disk busy. A file that rots without being written to goes unnoticed until the next start.
     */
    static Digests remembered() {
        record Seen(long bytes, FileTime modified, Object key, String sha256) { }
        Map<Path, Seen> known = new ConcurrentHashMap<>();
        return file -> {
            BasicFileAttributes now = Files.readAttributes(file, BasicFileAttributes.class);
            Seen seen = known.get(file);
            if (seen == null || seen.bytes() != now.size() || !seen.modified().equals(now.lastModifiedTime()) || !java.util.Objects.equals(seen.key(), now.fileKey())) {
                seen = new Seen(now.size(), now.lastModifiedTime(), now.fileKey(), Sha256.of(file));
                known.put(file, seen);
            }
            return seen.sha256();
        };
    }
}
