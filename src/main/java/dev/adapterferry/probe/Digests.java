package dev.adapterferry.probe;

import dev.adapterferry.files.HashedFiles;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Path;

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
        HashedFiles known = new HashedFiles();
        return file -> known.sha256(file, Progress.NONE, Cancellation.current());
    }
}
