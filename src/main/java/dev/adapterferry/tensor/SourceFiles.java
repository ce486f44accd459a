package dev.adapterferry.tensor;

import java.nio.file.Path;
import java.util.List;

/**
 * Optional on a {@link TensorSource}: the files whose content decides what it yields. A pass that resumes compares
 * their fingerprints ({@link Fingerprint#of}) with those it noted, and starts over when one has changed.
 */
public interface SourceFiles {
    /** The files, in a stable order, without duplicates. */
    List<Path> files();
}
