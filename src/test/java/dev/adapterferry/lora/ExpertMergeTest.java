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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fused expert parameters, against PEFT's einsum written out as loops. */
class ExpertMergeTest {
    private static final String EXPERTS = "model.layers.0.mlp.experts";
    private static final int E = 3;
    private static final int R = 2;

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen3_moe");
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, R, 5);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter.writeAdapter());
    }

    private void factors(String key, int in, int out) {
        adapter.add("base_model.model." + key + ".lora_A.weight", ElementType.F32, 0.3, E * R, in);
        adapter.add("base_model.model." + key + ".lora_B.weight", ElementType.F32, 0.3, out, E * R);
    }

    /** {@code einsum("o r e, e r i -> e o i")} with {@code B.reshape(o, r, e)} and {@code A.reshape(e, r, i)}, times the scale. */
    private double delta(String key, int e, int o, int i) {
        TinyFiles.Stored a = adapter.get("base_model.model." + key + ".lora_A.weight");
        TinyFiles.Stored b = adapter.get("base_model.model." + key + ".lora_B.weight");
        double sum = 0;
        for (int r = 0; r < R; r++) {
            sum += b.at(o, r * E + e) * a.at(e * R + r, i);
        }
        return 2.5 * sum;
    }

    private void targets(String... parameters) {
        var list = adapter.config.putArray("target_parameters");
        for (String parameter : parameters) {
            list.add(parameter);
        }
    }

    private double[][] fused(String name, int rows, int cols, Delta3 delta) {
        double[][] exact = Plain.of(base.get(name));
        for (int e = 0; e < E; e++) {
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < cols; j++) {
                    exact[e * rows + i][j] += delta.at(e, i, j);
                }
            }
        }
        return exact;
    }

    private interface Delta3 {
        double at(int e, int row, int col);
    }

    @Test
    void mergesFusedExpertsStoredOutByIn() {
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 10, 7);
        targets("mlp.experts.gate_up_proj");
        factors(EXPERTS, 7, 10);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".gate_up_proj", fused(EXPERTS + ".gate_up_proj", 10, 7, (e, i, j) -> delta(EXPERTS, e, i, j)));
            MergeReport.Tensor line = merged.report().tensors().getFirst();
            assertThat(line.actualNorm()).isCloseTo(line.expectedNorm(), org.assertj.core.data.Offset.offset(1e-5));
        }
    }

    @Test
    void mergesFusedExpertsStoredInByOut() {
        base.config.put("model_type", "gpt_oss");
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 7, 10);
        targets("gate_up_proj");
        factors(EXPERTS, 7, 10);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".gate_up_proj", fused(EXPERTS + ".gate_up_proj", 7, 10, (e, i, j) -> delta(EXPERTS, e, j, i)));
        }
    }

    @ParameterizedTest
    @CsvSource({"qwen3_moe,0.18.1,true", "qwen3_moe,0.17.0,true", "qwen3_moe,0.19.1,false", "qwen3_moe,0.20.0,false", "gpt_oss,0.20.1.dev0@UNKNOWN,true", "gpt_oss,0.18.0,true"})
    void decidesSquareExpertsByTheVersionThatTrainedThem(String model, String version, boolean transposed) {
        base.config.put("model_type", model);
        adapter.config.put("peft_version", version);
        base.add(EXPERTS + ".down_proj", ElementType.BF16, 0.1, E, 8, 8);
        targets("experts.down_proj");
        factors(EXPERTS, 8, 8);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".down_proj",
                    fused(EXPERTS + ".down_proj", 8, 8, (e, i, j) -> transposed ? delta(EXPERTS, e, j, i) : delta(EXPERTS, e, i, j)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "0.19.0", "0.19.1.dev0@abc"})
    void refusesSquareExpertsWhoseOrderNothingTells(String version) {
        if (!version.isEmpty()) {
            adapter.config.put("peft_version", version);
        }
        base.add(EXPERTS + ".down_proj", ElementType.BF16, 0.1, E, 8, 8);
        targets("experts.down_proj");
        factors(EXPERTS, 8, 8);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining("square").hasMessageContaining("down_proj");
    }

    @Test
    void tellsTwoParametersOfOneModuleApartByTheirShapes() {
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 10, 7);
        base.add(EXPERTS + ".down_proj", ElementType.BF16, 0.1, E, 7, 5);
        targets("experts.gate_up_proj", "experts.down_proj");
        factors(EXPERTS, 5, 7);
        factors(EXPERTS + ".base_layer", 7, 10);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".gate_up_proj", fused(EXPERTS + ".gate_up_proj", 10, 7, (e, i, j) -> delta(EXPERTS + ".base_layer", e, i, j)));
            TinyFiles.assertMerged(merged, EXPERTS + ".down_proj", fused(EXPERTS + ".down_proj", 7, 5, (e, i, j) -> delta(EXPERTS, e, i, j)));
        }
    }

    @Test
    void tellsThemApartByTheOrderOfWrappingWhereShapesDoNot() {
        adapter.config.put("peft_version", "0.19.1");
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 8, 8);
        base.add(EXPERTS + ".down_proj", ElementType.BF16, 0.1, E, 8, 8);
        targets("experts.down_proj", "experts.gate_up_proj");
        factors(EXPERTS, 8, 8);
        factors(EXPERTS + ".base_layer", 8, 8);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".gate_up_proj", fused(EXPERTS + ".gate_up_proj", 8, 8, (e, i, j) -> delta(EXPERTS + ".base_layer", e, i, j)));
            TinyFiles.assertMerged(merged, EXPERTS + ".down_proj", fused(EXPERTS + ".down_proj", 8, 8, (e, i, j) -> delta(EXPERTS, e, i, j)));
        }
    }

    @ParameterizedTest
    @CsvSource({"model.layers.0.mlp.experts,gate_proj,up_proj,down_proj", "model.layers.0.block_sparse_moe.experts,w1,w3,w2"})
    void mergesAFusedAdapterIntoExpertsStoredOneByOne(String stored, String gate, String up, String down) {
        for (int e = 0; e < E; e++) {
            base.add(stored + "." + e + "." + gate + ".weight", ElementType.BF16, 0.1, 5, 7);
            base.add(stored + "." + e + "." + up + ".weight", ElementType.BF16, 0.1, 5, 7);
            base.add(stored + "." + e + "." + down + ".weight", ElementType.BF16, 0.1, 7, 5);
        }
        targets("mlp.experts.gate_up_proj", "mlp.experts.down_proj");
        factors(EXPERTS + ".base_layer", 7, 10);
        factors(EXPERTS, 5, 7);
        try (MergedCheckpoint merged = merge()) {
            for (int e = 0; e < E; e++) {
                int expert = e;
                assertOne(merged, stored + "." + e + "." + gate + ".weight", (i, j) -> delta(EXPERTS + ".base_layer", expert, i, j));
                assertOne(merged, stored + "." + e + "." + up + ".weight", (i, j) -> delta(EXPERTS + ".base_layer", expert, 5 + i, j));
                assertOne(merged, stored + "." + e + "." + down + ".weight", (i, j) -> delta(EXPERTS, expert, i, j));
            }
            assertThat(merged.adaptedTensors()).hasSize(9);
        }
    }

    private void assertOne(MergedCheckpoint merged, String name, TinyFiles.Exact delta) {
        double[][] exact = Plain.of(base.get(name));
        for (int i = 0; i < exact.length; i++) {
            for (int j = 0; j < exact[0].length; j++) {
                exact[i][j] += delta.at(i, j);
            }
        }
        TinyFiles.assertMerged(merged, name, exact);
    }

    @Test
    void mergesAdaptersOfSingleExperts() {
        base.add(EXPERTS + ".1.gate_proj.weight", ElementType.BF16, 0.1, 5, 7);
        adapter.pair(EXPERTS + ".1.gate_proj", R, 5, 7);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, EXPERTS + ".1.gate_proj.weight", Plain.plus(Plain.of(base.get(EXPERTS + ".1.gate_proj.weight")), 2.5, adapter.product(EXPERTS + ".1.gate_proj")));
        }
    }

    @Test
    void takesATwoDimensionalParameterForALayer() {
        base.add("model.layers.0.mlp.gate.weight", ElementType.BF16, 0.1, 8, 8);
        targets("mlp.gate.weight");
        adapter.config.putObject("alpha_pattern").put("gate.weight", 8);
        adapter.pair("model.layers.0.mlp.gate", R, 8, 8);
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "model.layers.0.mlp.gate.weight", Plain.plus(Plain.of(base.get("model.layers.0.mlp.gate.weight")), 4, adapter.product("model.layers.0.mlp.gate")));
        }
    }

    @Test
    void refusesExpertsOfAnotherShape() {
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 10, 7);
        targets("experts.gate_up_proj");
        factors(EXPERTS, 9, 10);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining(EXPERTS).hasMessageContaining("[6, 9]").hasMessageContaining("gate_up_proj [3, 10, 7]");
    }

    @Test
    void refusesExpertsOfAnotherRank() {
        base.add(EXPERTS + ".gate_up_proj", ElementType.BF16, 0.1, E, 10, 7);
        adapter.config.put("r", 4);
        targets("experts.gate_up_proj");
        factors(EXPERTS, 7, 10);
        assertThatThrownBy(this::merge).isInstanceOf(FerryException.class).hasMessageContaining("rank 2").hasMessageContaining("says 4");
    }
}
