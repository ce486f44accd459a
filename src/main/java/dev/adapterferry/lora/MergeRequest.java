package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A merged checkpoint to write.
 *
 * @param out        folder that is made; must not hold anything else
 * @param type       F32, F16 or BF16 for all floating-point tensors, or empty to keep the base's types
 * @param shardBytes most bytes per file
 * @param threads    worker threads
 */
public record MergeRequest(Path out, Optional<ElementType> type, long shardBytes, int threads) {
    /** Refuses types that are not for weights. */
    public MergeRequest {
        if (type.isPresent() && !type.get().isWritable()) {
            throw new IllegalArgumentException("weights are written as F32, F16 or BF16, not " + type.get());
        }
        if (shardBytes < 1 || threads < 1) {
            throw new IllegalArgumentException("shard size and threads start at 1");
        }
    }
}
