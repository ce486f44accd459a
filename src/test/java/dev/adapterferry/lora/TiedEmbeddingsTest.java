package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.LongNode;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One tensor for input and output, adapted on one side, on the other, on both. */
class TiedEmbeddingsTest {
    private static final String EMBED = "model.embed_tokens";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("vocab_size", 30).put("tie_word_embeddings", true);
        base.add(EMBED + ".weight", ElementType.BF16, 0.5, 30, 12);
        base.add("model.layers.0.self_attn.q_proj.weight", ElementType.BF16, 0.1, 20, 12);
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 4, 6);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter.writeAdapter());
    }

    private double[][] embedding() {
        return Plain.of(base.get(EMBED + ".weight"));
    }

    private double[][] embeddingFactors() {
        adapter.add("base_model.model." + EMBED + ".lora_embedding_A", ElementType.F32, 0.3, 4, 30);
        adapter.add("base_model.model." + EMBED + ".lora_embedding_B", ElementType.F32, 0.3, 12, 4);
        return Plain.transpose(Plain.times(Plain.of(adapter.get("base_model.model." + EMBED + ".lora_embedding_B")), Plain.of(adapter.get("base_model.model." + EMBED + ".lora_embedding_A"))));
    }

    private void assertUntied(MergedCheckpoint merged) {
        assertThat(merged.config().get("tie_word_embeddings").asBoolean(true)).isFalse();
        assertThat(merged.warnings()).anySatisfy(w -> assertThat(w).contains("two tensors"));
        new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation());
        try (CheckpointFolder written = CheckpointFolder.open(folder.resolve("out"))) {
            assertThat(written.config().get("tie_word_embeddings").asBoolean(true)).isFalse();
            assertThat(written.tensors().find("lm_head.weight")).isPresent();
        }
    }

    private void assertTied(MergedCheckpoint merged) {
        assertThat(merged.config().get("tie_word_embeddings").asBoolean()).isTrue();
        assertThat(merged.tensors().find("lm_head.weight")).isEmpty();
    }

    @Test
    void keepsThemTiedWhenNeitherIsTouched() {
        adapter.pair("model.layers.0.self_attn.q_proj", 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
        }
    }

    @Test
    void keepsTheOldHeadWhenOnlyTheEmbeddingWasAdapted() {
        double[][] delta = embeddingFactors();
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.plus(embedding(), 1.5, delta));
            TinyFiles.assertMerged(merged, "lm_head.weight", embedding());
            assertUntied(merged);
        }
    }

    @Test
    void keepsTheOldEmbeddingWhenOnlyTheHeadWasAdapted() {
        adapter.pair("lm_head", 4, 30, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EMBED + ".weight", embedding());
            TinyFiles.assertMerged(merged, "lm_head.weight", Plain.plus(embedding(), 1.5, adapter.product("lm_head")));
            assertUntied(merged);
        }
    }

    @Test
    void writesBothWhenBothDriftedApart() {
        adapter.config.putArray("modules_to_save").add("embed_tokens").add("lm_head");
        adapter.add("base_model.model." + EMBED + ".weight", ElementType.F32, 0.5, 30, 12);
        adapter.add("base_model.model.lm_head.weight", ElementType.F32, 0.5, 30, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.of(adapter.get("base_model.model." + EMBED + ".weight")));
            TinyFiles.assertMerged(merged, "lm_head.weight", Plain.of(adapter.get("base_model.model.lm_head.weight")));
            assertUntied(merged);
        }
    }

    @Test
    void keepsThemTiedWhenTheFileHoldsTheSameTensorTwice() {
        adapter.pair("model.layers.0.self_attn.q_proj", 4, 20, 12);
        float[] grown = adapter.add("base_model.model." + EMBED + ".weight", ElementType.F32, 0.5, 33, 12).values();
        adapter.add("base_model.model.lm_head.weight", ElementType.F32, i -> grown[(int) i], 33, 12);
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
            assertThat(merged.config().get("vocab_size")).isEqualTo(LongNode.valueOf(33));
            assertThat(TinyFiles.read(merged.tensors(), EMBED + ".weight")).isEqualTo(grown);
        }
    }

    @Test
    void keepsThemTiedWhenTheGrownEmbeddingStandsAlone() {
        adapter.pair("model.layers.0.self_attn.q_proj", 4, 20, 12).add("base_model.model." + EMBED + ".weight", ElementType.F32, 0.5, 33, 12);
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
            assertThat(merged.config().get("vocab_size")).isEqualTo(LongNode.valueOf(33));
            assertThat(merged.warnings()).anySatisfy(w -> assertThat(w).contains("stays tied"));
        }
    }

    @Test
    void keepsThemTiedWhenTheTrainingTiedTheirAdapters() {
        adapter.config.put("ensure_weight_tying", true);
        double[][] delta = embeddingFactors();
        float[] a = adapter.get("base_model.model." + EMBED + ".lora_embedding_A").values();
        float[] b = adapter.get("base_model.model." + EMBED + ".lora_embedding_B").values();
        adapter.add("base_model.model.lm_head.lora_A.weight", ElementType.F32, i -> b[((int) i % 12) * 4 + (int) i / 12], 4, 12);
        adapter.add("base_model.model.lm_head.lora_B.weight", ElementType.F32, i -> a[((int) i % 4) * 30 + (int) i / 4], 30, 4);
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.plus(embedding(), 1.5, delta));
        }
        adapter.tensors.keySet().removeIf(name -> name.contains("embed"));
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
            TinyFiles.assertMerged(merged, EMBED + ".weight", Plain.plus(embedding(), 1.5, delta));
        }
    }

    @Test
    void unties() {
        adapter.config.put("ensure_weight_tying", true);
        embeddingFactors();
        adapter.pair("lm_head", 4, 30, 12);
        try (MergedCheckpoint merged = merge()) {
            assertUntied(merged);
        }
    }

    @Test
    void replacesTrainedTokensOnBothSidesOfATiedPair() {
        adapter.config.putArray("trainable_token_indices").add(5);
        adapter.pair("lm_head", 4, 30, 12).add("base_model.model." + EMBED + ".token_adapter.trainable_tokens_delta", ElementType.F32, 0.5, 1, 12);
        double[] row = Plain.of(adapter.get("base_model.model." + EMBED + ".token_adapter.trainable_tokens_delta"))[0];
        try (MergedCheckpoint merged = merge()) {
            double[][] embedding = embedding();
            embedding[5] = row;
            TinyFiles.assertMerged(merged, EMBED + ".weight", embedding);
            double[][] head = Plain.plus(embedding(), 1.5, adapter.product("lm_head"));
            assertThat(TinyFiles.read(merged.tensors(), "lm_head.weight")[12]).isEqualTo((float) head[1][0]);
            assertUntied(merged);
        }
        adapter.tensors.keySet().removeIf(name -> name.contains("lm_head"));
        adapter.pair("model.layers.0.self_attn.q_proj", 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            assertTied(merged);
        }
    }

    @Test
    void refusesAHeadOfTheOldSizeBesideAGrownEmbedding() {
        adapter.pair("lm_head", 4, 30, 12).add("base_model.model." + EMBED + ".weight", ElementType.F32, 0.5, 33, 12);
        assertThatThrownBy(this::merge).hasMessageContaining("33 rows").hasMessageContaining("output head 30");
    }

    @Test
    void writesTheFlagWhereMultimodalConfigurationsHaveIt() {
        base.config.remove("tie_word_embeddings");
        base.config.remove("vocab_size");
        base.config.putObject("text_config").put("vocab_size", 30).put("tie_word_embeddings", true);
        adapter.pair("lm_head", 4, 30, 12);
        try (MergedCheckpoint merged = merge()) {
            assertThat(merged.config().path("text_config").path("tie_word_embeddings").asBoolean(true)).isFalse();
        }
    }
}
