package dev.adapterferry.ledger;

import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One deployed version of a model.
 *
 * @param model    the model's name
 * @param number   1, 2, 3, ... per model
 * @param state    where it stands
 * @param files    what was installed
 * @param settings settings it was made with, JSON
 * @param adapter  identity of the adapter (hash)
 * @param base     identity of the base (repository and commit, or hash)
 * @param scores   result of its evaluation, JSON
 * @param run      run that made it
 * @param created  when it was deployed
 * @param changed  when its state or its scores last changed
 */
public record ReleaseEntry(String model, int number, ReleaseState state, List<File> files, String settings, Optional<String> adapter, Optional<String> base,
        Optional<String> scores, Optional<String> run, Instant created, Instant changed) {
    /** Copies the list. */
    public ReleaseEntry {
        files = List.copyOf(files);
    }

    /**
     * An installed file.
     *
     * @param format quantization
     * @param path   where it was installed
     * @param bytes  size
     * @param sha256 digest, 64 lower-case hexadecimal digits
     */
    public record File(String format, String path, long bytes, String sha256) { }

    /** Bytes of all files. */
    public long bytes() {
        return files.stream().mapToLong(File::bytes).sum();
    }
}
