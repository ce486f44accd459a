package dev.adapterferry.pass;

import java.nio.file.Path;
import java.util.Optional;

/**
 * How passes run on this machine.
 *
 * @param threads       threads that encode; the result does not depend on it
 * @param journalFolder where journals are kept, which let a killed pass go on; empty: a pass that ends early starts over
 * @param cache         quantized base tensors kept between passes, or empty
 */
public record PassSettings(int threads, Optional<Path> journalFolder, Optional<TensorCache> cache) {
    /** Refuses fewer threads than one. */
    public PassSettings {
        if (threads < 1) {
            throw new IllegalArgumentException(threads + " threads");
        }
    }

    /** All cores, no journal, no cache. */
    public static PassSettings plain() {
        return new PassSettings(Runtime.getRuntime().availableProcessors(), Optional.empty(), Optional.empty());
    }

    /**
     * Memory that a pass holds at most for its row blocks, whatever the model's size: the merged rows as f32, and what they become.
     *
     * @param formats files written at once
     */
    public long bufferBytes(int formats) {
        return (long) threads * RowBlock.USUAL_WEIGHTS * Float.BYTES * (2 + formats);
    }
}
