package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.Closeable;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A Hugging Face model folder as the converter sees it, on disk or with an adapter merged in on the fly: the effective
 * configuration, the files beside it (tokenizer, chat template), and the weights.
 */
public interface Checkpoint extends Closeable {
    /** A short name for messages, for example {@code Qwen/Qwen2.5-7B-Instruct + majora}. */
    String name();

    /** The effective {@code config.json}: what the merge changed (vocab_size, tie_word_embeddings) is already in it. A copy. */
    ObjectNode config();

    /**
     * The file of that name which wins: the adapter's when it brings one that matters, else the base's.
     *
     * @param fileName plain file name such as {@code tokenizer.json} or {@code chat_template.jinja}
     * @return the file, or empty
     */
    Optional<Path> file(String fileName);

    /** The weights, under their checkpoint names, in index order (shards by name, tensors by name within a shard). */
    TensorSource tensors();

    @Override
    void close();
}
