package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SeveralAdaptersTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles one;
    private TinyFiles two;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2");
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        base.add("model.norm.weight", ElementType.BF16, 0.1, 12);
        base.writeBase(1 << 20);
        one = TinyFiles.peft(folder.resolve("one"), 2, 4, 6).pair(Q, 4, 20, 12).writeAdapter();
        two = TinyFiles.peft(folder.resolve("two"), 3, 2, 6).pair(Q, 2, 20, 12).writeAdapter();
    }

    private double[][] w() {
        return Plain.of(base.get(Q + ".weight"));
    }

    @Test
    void mergesOneAfterTheOther() {
        try (MergedCheckpoint merged = TinyFiles.merge(base, one, two)) {
            assertThat(merged.name()).isEqualTo("base + one + two");
            double[][] exact = Plain.plus(Plain.plus(w(), 1.5, one.product(Q)), 3, two.product(Q));
            float[] values = TinyFiles.read(merged.tensors(), Q + ".weight");
            // Nothing is rounded between the two.
            TinyFiles.assertRounded(ElementType.F32, values, 12, (i, j) -> exact[i][j]);
            for (int i = 0; i < values.length; i++) {
                values[i] = ElementType.BF16.round(values[i]);
            }
            TinyFiles.assertRounded(ElementType.BF16, values, 12, (i, j) -> exact[i][j]);
            MergeReport report = new AdapterMerger().merge(merged, new MergeRequest(folder.resolve("out"), Optional.empty(), 1 << 20, 2), Progress.NONE, new Cancellation());
            assertThat(report.adapters()).extracting(MergeReport.Adapter::name).containsExactly("one", "two");
            assertThat(report.tensors()).hasSize(2);
            assertThat(report.base()).isEqualTo("base");
            assertThat(merged.files()).contains(one.folder.resolve("adapter_config.json"), two.folder.resolve("adapter_config.json"));
        }
    }

    @Test
    void mixesThemByWeights() {
        List<MergeInput> inputs = List.of(new MergeInput(one.folder, 0.7, Optional.empty()), new MergeInput(two.folder, -0.25, Optional.empty()));
        try (MergedCheckpoint merged = MergedCheckpoint.open(base.openBase(), inputs, MergeOptions.STRICT)) {
            double[][] exact = Plain.plus(Plain.plus(w(), 0.7 * 1.5, one.product(Q)), -0.25 * 3, two.product(Q));
            float[] values = TinyFiles.read(merged.tensors(), Q + ".weight");
            TinyFiles.assertRounded(ElementType.F32, values, 12, (i, j) -> exact[i][j]);
        }
    }

    @Test
    void mergesThreeOfWhichOneBringsRowsToTheirLength() {
        two.config.put("use_dora", true);
        float[] lengths = two.add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, i -> 0.4 + 0.01 * i, 20).values();
        two.writeAdapter();
        TinyFiles three = TinyFiles.peft(folder.resolve("three"), 4, 3, 6).pair(Q, 3, 20, 12).writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, one, two, three)) {
            double[][] exact = Plain.plus(Plain.withRowLengths(Plain.plus(Plain.plus(w(), 1.5, one.product(Q)), 3, two.product(Q)), lengths), 2, three.product(Q));
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), Q + ".weight"), 12, (i, j) -> exact[i][j]);
            merged.measureRest(1, new Cancellation());
            merged.report().requireLanded();
        }
    }

    @Test
    void reportsADeltaUnderAReplacement() {
        two.tensors.clear();
        two.add("base_model.model." + Q + ".weight", ElementType.F32, 0.1, 20, 12);
        two.writeAdapter();
        try (MergedCheckpoint merged = TinyFiles.merge(base, one, two)) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.of(two.get("base_model.model." + Q + ".weight")));
            merged.measureRest(1, new Cancellation());
            merged.report().requireLanded();
        }
    }

    @Test
    void takesAStartThatChangedTheBaseOnlyFirst() {
        two.config.put("init_lora_weights", "pissa");
        two.writeAdapter();
        TinyFiles.merge(base, two, one).close();
        assertThatThrownBy(() -> TinyFiles.merge(base, one, two)).hasMessageContaining("two").hasMessageContaining("Name it before");
    }

    @ParameterizedTest
    @ValueSource(strings = {"norm", "dora", "pissa"})
    void refusesToWeighWhatIsNoPlainDelta(String kind) {
        switch (kind) {
            case "norm" -> two.add("base_model.model.model.norm.weight", ElementType.F32, 1, 12);
            case "dora" -> {
                two.config.put("use_dora", true);
                two.add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, 1, 20);
            }
            default -> two.config.put("init_lora_weights", "pissa");
        }
        two.writeAdapter();
        List<MergeInput> inputs = List.of(MergeInput.of(one.folder), new MergeInput(two.folder, 0.5, Optional.empty()));
        assertThatThrownBy(() -> MergedCheckpoint.open(base.openBase(), inputs, MergeOptions.STRICT)).hasMessageContaining("only plain deltas").hasMessageContaining("two");
    }

    @ParameterizedTest
    @ValueSource(doubles = {0, Double.NaN, Double.POSITIVE_INFINITY})
    void refusesWeightsThatMeanNothing(double weight) {
        assertThatThrownBy(() -> new MergeInput(one.folder, weight, Optional.empty())).isInstanceOf(IllegalArgumentException.class);
    }
}
