package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.LongNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.TensorInfo;
import java.util.Arrays;
import java.util.Optional;

/**
 * Input embedding and output head: one tensor in many checkpoints, two in training as soon as one of them is adapted. Decides whether
 * they stay one, gives the head a tensor of its own where they do not, and writes into the configuration what a loader must know.
 */
final class TiedEmbeddings {
    private static final int CHUNK = 1 << 18;

    private final Drafts drafts;
    private final AdapterFolder adapter;

    TiedEmbeddings(Drafts drafts, AdapterFolder adapter) {
        this.drafts = drafts;
        this.adapter = adapter;
    }

    /**
     * Settles the two.
     *
     * @param config the merged configuration; changed in place
     */
    void settle(ObjectNode config) {
        Optional<TensorInfo> found = drafts.names().inputEmbedding();
        if (found.isEmpty()) {
            return;
        }
        TensorInfo base = found.get();
        Optional<TensorInfo> ownHead = drafts.names().find("lm_head", ".weight");
        if (ownHead.isEmpty()) {
            settleShared(base, config);
        }
        long rows = rowsOf(base);
        Optional<Long> headRows = ownHead.map(this::rowsOf).or(() -> drafts.newHead().map(head -> head.info().shape().getFirst()));
        if (headRows.isPresent() && headRows.get() != rows && (rows != base.shape().getFirst() || ownHead.isPresent() && headRows.get() != ownHead.get().shape().getFirst())) {
            throw drafts.refusal("the vocabulary was resized, but only in one place: the input embedding has " + rows + " rows, the output head " + headRows.get()
                    + ". Save the adapter again with save_embedding_layers=True");
        }
        if (rows != base.shape().getFirst()) {
            put(config, "vocab_size", LongNode.valueOf(rows));
        }
    }

    private long rowsOf(TensorInfo tensor) {
        TensorDraft draft = drafts.all().get(tensor.name());
        return (draft == null ? tensor : draft.info()).shape().getFirst();
    }

    private void settleShared(TensorInfo base, ObjectNode config) {
        Optional<TensorDraft> head = drafts.newHead();
        Optional<TensorDraft> embedding = Optional.ofNullable(drafts.all().get(base.name()));
        boolean apart = embedding.isPresent() && !embedding.get().onlyTokens();
        if (head.isEmpty() && (!apart || staysTied(embedding.get(), base))) {
            return;
        }
        if (head.isPresent() && adapter.config().tiesWeights() && (embedding.isEmpty() || sameDelta(head.get(), embedding.get()))) {
            drafts.all().remove(head.get().info().name());
            if (embedding.isEmpty()) {
                drafts.all().put(base.name(), head.get().named(base.name()));
            }
            return;
        }
        if (head.isPresent() && apart && sameReplacement(head.get(), embedding.get())) {
            drafts.all().remove(head.get().info().name());
            return;
        }
        TensorDraft own = head.orElseGet(() -> drafts.of("lm_head", ".weight"));
        embedding.flatMap(TensorDraft::tokens).filter(rows -> !own.hasTokens()).ifPresent(own::tokens);
        put(config, "tie_word_embeddings", BooleanNode.FALSE);
        drafts.warnings().add("input embedding and output head were trained apart and are written as two tensors; tie_word_embeddings is now false");
    }

    /** mlx-lm adapts both sides of a shared embedding; PEFT does when told to; and a head of another size cannot be told. */
    private boolean staysTied(TensorDraft embedding, TensorInfo base) {
        if (!embedding.info().shape().getFirst().equals(base.shape().getFirst())) {
            if (!adapter.config().tiesWeights()) {
                drafts.warnings().add("the adapter holds a resized input embedding and no output head; the head stays tied to it");
            }
            return true;
        }
        return adapter.config().tiesWeights() || adapter.config().format() == AdapterConfig.Format.MLX;
    }

    /** Whether head and embedding have the same low-rank delta, the head's factors being the embedding's transposed. */
    private static boolean sameDelta(TensorDraft head, TensorDraft embedding) {
        if (head.deltas().size() != 1 || embedding.deltas().size() != 1) {
            return false;
        }
        Delta one = head.deltas().getFirst();
        Delta other = embedding.deltas().getFirst();
        return one.rows() == other.rows() && one.shape().rank() == other.shape().rank() && Arrays.equals(one.values().right(one), other.values().right(other))
                && Arrays.equals(one.values().left(one, 0, one.rows()), other.values().left(other, 0, other.rows()));
    }

    /** Whether the file holds the same whole tensor twice, as it does when a shared embedding was resized. */
    private boolean sameReplacement(TensorDraft head, TensorDraft embedding) {
        if (!head.isReplaced() || !embedding.isReplaced() || !head.deltas().isEmpty() || !embedding.deltas().isEmpty() || !head.info().shape().equals(embedding.info().shape())) {
            return false;
        }
        int cols = (int) head.info().rowLength();
        int step = Math.max(1, CHUNK / cols);
        float[] one = new float[step * cols];
        float[] other = new float[step * cols];
        for (long row = 0; row < head.info().rows(); row += step) {
            int rows = (int) Math.min(step, head.info().rows() - row);
            adapter.tensors().read(head.origin(), row, rows, one, 0);
            adapter.tensors().read(embedding.origin(), row, rows, other, 0);
            if (!Arrays.equals(one, 0, rows * cols, other, 0, rows * cols)) {
                return false;
            }
        }
        return true;
    }

    /** Multimodal configurations say it within {@code text_config}; a loader believes whichever it reads. */
    private static void put(ObjectNode config, String key, JsonNode value) {
        for (ObjectNode node : config.path("text_config") instanceof ObjectNode text ? new ObjectNode[] {config, text} : new ObjectNode[] {config}) {
            if (node == config && config.has("text_config") && !config.has(key)) {
                continue;
            }
            node.set(key, value);
        }
    }
}
