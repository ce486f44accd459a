package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** mlx-lm's own format: transposed factors, and a scale that is the factor itself. */
class MlxMergeTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2").put("tie_word_embeddings", true);
        base.add("model.embed_tokens.weight", ElementType.BF16, 0.5, 30, 12);
        base.add(Q + ".weight", ElementType.BF16, 0.1, 12, 12);
        adapter = new TinyFiles(folder.resolve("adapter"), 2);
        adapter.config.put("model", "base").put("fine_tune_type", "lora").put("num_layers", 16);
        adapter.config.putObject("lora_parameters").put("rank", 3).put("scale", 2.5).put("dropout", 0.0);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter.writeAdapter("adapters.safetensors"));
    }

    private double[][] pair(String module, int in, int out) {
        TinyFiles.Stored a = adapter.add(module + ".lora_a", ElementType.F32, 0.3, in, 3);
        TinyFiles.Stored b = adapter.add(module + ".lora_b", ElementType.F32, 0.3, 3, out);
        return Plain.times(Plain.of(a), Plain.of(b));
    }

    @Test
    void transposesEvenSquareFactorsAndTakesTheScaleAsItIs() {
        double[][] product = pair(Q, 12, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(Plain.of(base.get(Q + ".weight")), 2.5, Plain.transpose(product)));
            assertThat(merged.report().adapters().getFirst().format()).isEqualTo("MLX");
        }
    }

    @Test
    void defaultsToAScaleOfTwenty() {
        adapter.config.putObject("lora_parameters").put("rank", 3);
        double[][] product = pair(Q, 12, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(Plain.of(base.get(Q + ".weight")), 20, Plain.transpose(product)));
        }
    }

    @Test
    void mergesEmbeddingsWithoutTransposingAndKeepsThemTied() {
        double[][] product = pair("model.embed_tokens", 30, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "model.embed_tokens.weight", Plain.plus(Plain.of(base.get("model.embed_tokens.weight")), 2.5, product));
            assertThat(merged.tensors().find("lm_head.weight")).isEmpty();
        }
    }

    @Test
    void mergesDora() {
        adapter.config.put("fine_tune_type", "dora");
        double[][] product = pair(Q, 12, 12);
        double[][] embedding = pair("model.embed_tokens", 30, 12);
        float[] m = adapter.add(Q + ".m", ElementType.F32, i -> 0.3 + 0.01 * i, 12).values();
        float[] embeddingM = adapter.add("model.embed_tokens.m", ElementType.F32, i -> 1 + 0.01 * i, 30).values();
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.withRowLengths(Plain.plus(Plain.of(base.get(Q + ".weight")), 2.5, Plain.transpose(product)), m));
            TinyFiles.assertMerged(merged, "model.embed_tokens.weight", Plain.withRowLengths(Plain.plus(Plain.of(base.get("model.embed_tokens.weight")), 2.5, embedding), embeddingM));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void mergesExpertsStoredOneByOneOrFused(boolean fused) {
        String experts = "model.layers.0.mlp.experts";
        if (fused) {
            base.add(experts + ".gate_up_proj", ElementType.BF16, 0.1, 2, 10, 7);
        } else {
            for (int e = 0; e < 2; e++) {
                base.add(experts + "." + e + ".gate_proj.weight", ElementType.BF16, 0.1, 5, 7);
                base.add(experts + "." + e + ".up_proj.weight", ElementType.BF16, 0.1, 5, 7);
            }
        }
        TinyFiles.Stored a = adapter.add("model.layers.0.mlp.switch_mlp.up_proj.lora_a", ElementType.F32, 0.3, 2, 3, 7);
        TinyFiles.Stored b = adapter.add("model.layers.0.mlp.switch_mlp.up_proj.lora_b", ElementType.F32, 0.3, 2, 5, 3);
        try (MergedCheckpoint merged = merge()) {
            double[][] exact = fused ? Plain.of(base.get(experts + ".gate_up_proj")) : null;
            for (int e = 0; e < 2; e++) {
                double[][] one = fused ? null : Plain.of(base.get(experts + "." + e + ".up_proj.weight"));
                for (int i = 0; i < 5; i++) {
                    for (int j = 0; j < 7; j++) {
                        double delta = 0;
                        for (int k = 0; k < 3; k++) {
                            delta += 2.5 * b.at(e, i, k) * a.at(e, k, j);
                        }
                        (fused ? exact[e * 10 + 5 + i] : one[i])[j] += delta;
                    }
                }
                if (!fused) {
                    TinyFiles.assertMerged(merged, experts + "." + e + ".up_proj.weight", one);
                }
            }
            if (fused) {
                TinyFiles.assertMerged(merged, experts + ".gate_up_proj", exact);
            }
        }
    }

    /** Square, so that no shape tells that it would be added the wrong way round. */
    @Test
    void refusesExpertsThatTheBaseStoresInputsFirst() {
        base.config.put("model_type", "gpt_oss");
        base.add("model.layers.0.mlp.experts.down_proj", ElementType.BF16, 0.1, 2, 7, 7);
        adapter.add("model.layers.0.mlp.experts.down_proj.lora_a", ElementType.F32, 0.3, 2, 3, 7);
        adapter.add("model.layers.0.mlp.experts.down_proj.lora_b", ElementType.F32, 0.3, 2, 7, 3);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining("module 'model.layers.0.mlp.experts.down_proj'").hasMessageContaining("inputs first").hasMessageContaining("mlx_lm.fuse");
    }

    @Test
    void replacesWholeTensorsOfAFullFineTune() {
        adapter.config.put("fine_tune_type", "full").putNull("lora_parameters");
        TinyFiles.Stored whole = adapter.add(Q + ".weight", ElementType.BF16, 0.1, 12, 12);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.of(whole));
            assertThat(merged.warnings()).isEmpty();
        }
    }

    @Test
    void refusesFactorsOfAnotherShape() {
        pair(Q, 12, 13);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining("[3, 13]").hasMessageContaining("[12, 12]");
    }

    @Test
    void refusesAnotherKindOfFineTune() {
        adapter.config.put("fine_tune_type", "magic");
        pair(Q, 12, 12);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining("magic");
    }
}
