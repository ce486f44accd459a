package dev.adapterferry.convert;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;

/**
 * What config.json and the tensors' names and shapes say of a checkpoint.
 *
 * @param className    HF class name, for example {@code Qwen2ForCausalLM}
 * @param architecture {@code general.architecture}
 * @param since        month of the first llama.cpp that knows the architecture, for example {@code 2025-04}; empty for old ones
 * @param tensors      tensors under GGUF names, in file order
 * @param metadata     all keys but those of the vocabulary and of the provenance
 * @param parameters   number of weights
 * @param notes        what the user should know, one sentence each
 */
public record ModelOutline(String className, String architecture, String since, TensorSource tensors, GgufMetadata metadata, long parameters,
        List<String> notes) {
    /** Whether the embedding serves as the output too. */
    public boolean tied() {
        return tensors.find("output.weight").isEmpty();
    }

    /** A number of the architecture's own group, for example {@code block_count}; 0 when the file has none. */
    public long number(String key) {
        return metadata.findLong(architecture + "." + key).orElse(0L);
    }

    /**
     * Memory for the keys and values of one conversation when llama.cpp serves the model.
     *
     * @param tokens longest conversation
     */
    public long cacheBytes(long tokens) {
        return KeyValueCache.bytes(this, tokens, true);
    }

    /** The same when the embedded llama.cpp serves it, which keeps all tokens for layers with windows too. */
    public long embeddedCacheBytes(long tokens) {
        return KeyValueCache.bytes(this, tokens, false);
    }
}
