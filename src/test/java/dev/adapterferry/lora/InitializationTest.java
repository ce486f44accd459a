package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Initialisations that take a part of the base into the adapter. */
class InitializationTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2");
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 4, 6);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter.writeAdapter());
    }

    /** The base that was trained on, {@code round(W − part)}, plus the delta. */
    private double[][] exact(double[][] part, ElementType type, boolean transposed) {
        double[][] residual = Plain.plus(Plain.of(base.get(Q + ".weight")), -1, part);
        for (double[] row : residual) {
            for (int j = 0; j < row.length; j++) {
                row[j] = type.round((float) row[j]);
            }
        }
        return Plain.plus(residual, 1.5, transposed ? Plain.transpose(adapter.product(Q)) : adapter.product(Q));
    }

    /**
     * Rounding in the residual may fall on either side where two computations of the part differ in their last digits; everything else
     * is one rounding of the exact value.
     */
    private static void assertMerged(MergedCheckpoint merged, double[][] exact, ElementType type) {
        float[] values = TinyFiles.read(merged.tensors(), Q + ".weight");
        int cols = exact[0].length;
        int onTheOtherSide = 0;
        for (int i = 0; i < values.length; i++) {
            double reference = exact[i / cols][i % cols];
            double off = Math.abs(values[i] - reference);
            if (off > Math.ulp((float) reference) / 2 * 1.000001) {
                onTheOtherSide++;
                double step = Math.ulp(0.5f) * switch (type) {
                    case BF16 -> 65536;
                    case F16 -> 8192;
                    default -> 2;
                };
                assertThat(off).isLessThanOrEqualTo(step);
            }
        }
        assertThat(onTheOtherSide).isLessThanOrEqualTo(type == ElementType.F32 ? values.length / 20 : 1);
    }

    @ParameterizedTest
    @CsvSource({"BF16,20,12", "F16,12,20", "F32,16,16", "BF16,700,24", "BF16,24,1100"})
    void takesPissasPrincipalPartOutOfTheBase(ElementType type, int out, int in) {
        base.add(Q + ".weight", type, 0.1, out, in);
        adapter.config.put("init_lora_weights", "pissa");
        adapter.pair(Q, 4, out, in);
        double[][] w = Plain.of(base.get(Q + ".weight"));
        try (MergedCheckpoint merged = merge()) {
            assertMerged(merged, exact(Plain.principal(w, 4), type, false), type);
            assertThat(merged.report().tensors().getFirst().kind()).isEqualTo("residual + delta");
        }
    }

    @Test
    void takesPissasPartOutOfATransposedWeight() {
        base.config.put("model_type", "gpt2");
        base.add(Q + ".weight", ElementType.BF16, 0.1, 12, 20);
        adapter.config.put("init_lora_weights", "pissa").put("fan_in_fan_out", true);
        adapter.pair(Q, 4, 20, 12);
        try (MergedCheckpoint merged = merge()) {
            assertMerged(merged, exact(Plain.principal(Plain.of(base.get(Q + ".weight")), 4), ElementType.BF16, true), ElementType.BF16);
        }
    }

    @Test
    void takesPissasPartOutBeforeDora() {
        base.add(Q + ".weight", ElementType.F32, 0.1, 20, 12);
        adapter.config.put("init_lora_weights", "pissa").put("use_dora", true);
        float[] m = adapter.pair(Q, 4, 20, 12).add("base_model.model." + Q + ".lora_magnitude_vector", ElementType.F32, i -> 0.4, 20).values();
        try (MergedCheckpoint merged = merge()) {
            assertMerged(merged, Plain.withRowLengths(exact(Plain.principal(Plain.of(base.get(Q + ".weight")), 4), ElementType.F32, false), m), ElementType.F32);
        }
    }

    @ParameterizedTest
    @CsvSource({"BF16,20,12", "F16,12,20", "F32,600,24"})
    void takesOlorasOrthonormalPartOutOfTheBase(ElementType type, int out, int in) {
        base.add(Q + ".weight", type, 0.1, out, in);
        adapter.config.put("init_lora_weights", "olora");
        adapter.pair(Q, 4, out, in);
        double[][] w = Plain.of(base.get(Q + ".weight"));
        double[][] q = Plain.orthonormal(w, 4);
        double[][] part = Plain.times(q, Plain.times(Plain.transpose(q), w));
        for (double[] row : part) {
            for (int j = 0; j < row.length; j++) {
                row[j] *= 1.5;
            }
        }
        try (MergedCheckpoint merged = merge()) {
            assertMerged(merged, exact(part, type, false), type);
        }
    }

    private void refuses(String... words) {
        assertThatThrownBy(() -> merge().close()).isInstanceOf(FerryException.class).satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @ParameterizedTest
    @ValueSource(strings = {"corda", "lora_ga", "loftq", "novel_method"})
    void refusesWhatCannotBeComputedAgain(String init) {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        adapter.config.put("init_lora_weights", init);
        adapter.pair(Q, 4, 20, 12);
        refuses("init_lora_weights is " + init, "before training");
    }

    @ParameterizedTest
    @ValueSource(strings = {"corda", "lora_ga", "loftq", "pissa", "pissa_niter_4", "olora"})
    void mergesTheDifferenceToAnInitialAdapter(String init) {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        adapter.config.put("init_lora_weights", init);
        adapter.pair(Q, 4, 20, 12).writeAdapter();
        TinyFiles initial = TinyFiles.peft(folder.resolve("initial"), 9, 4, 6).pair(Q, 4, 20, 12).writeAdapter();
        base.writeBase(1 << 20);
        try (MergedCheckpoint merged = MergedCheckpoint.open(base.openBase(), List.of(new MergeInput(adapter.folder, 1, Optional.of(initial.folder))), MergeOptions.STRICT)) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(Plain.plus(Plain.of(base.get(Q + ".weight")), 1.5, adapter.product(Q)), -1.5, initial.product(Q)));
            MergeReport.Tensor line = merged.report().tensors().getFirst();
            assertThat(line.actualNorm()).isCloseTo(line.expectedNorm(), org.assertj.core.data.Offset.offset(1e-5));
            assertThat(merged.files()).contains(initial.folder.resolve("adapter_model.safetensors"));
        }
    }

    @Test
    void refusesAnInitialAdapterOfOtherModulesOrWithoutNeed() {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        adapter.pair(Q, 4, 20, 12).writeAdapter();
        TinyFiles initial = TinyFiles.peft(folder.resolve("initial"), 9, 4, 6).pair("model.layers.1.self_attn.q_proj", 4, 20, 12).writeAdapter();
        base.writeBase(1 << 20);
        MergeInput input = new MergeInput(adapter.folder, 1, Optional.of(initial.folder));
        assertThatThrownBy(() -> MergedCheckpoint.open(base.openBase(), List.of(input), MergeOptions.STRICT)).hasMessageContaining("leaves the base as it is");
        adapter.config.put("init_lora_weights", "corda");
        adapter.writeAdapter();
        assertThatThrownBy(() -> MergedCheckpoint.open(base.openBase(), List.of(input), MergeOptions.STRICT)).hasMessageContaining("same modules");
    }

    @Test
    void replacesARandomisedDecompositionOnlyWhenAllowedByName() {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        adapter.config.put("init_lora_weights", "pissa_niter_16");
        adapter.pair(Q, 4, 20, 12);
        refuses("pissa_niter_16", "randomised");
        MergeOptions options = new MergeOptions(Optional.empty(), Set.of("pissa_niter_16"));
        try (MergedCheckpoint merged = MergedCheckpoint.open(base.openBase(), List.of(MergeInput.of(adapter.folder)), options)) {
            assertMerged(merged, exact(Plain.principal(Plain.of(base.get(Q + ".weight")), 4), ElementType.BF16, false), ElementType.BF16);
            assertThat(merged.warnings()).singleElement().asString().contains("exact one");
        }
    }

    @Test
    void refusesPissaOnAHeadThatIsTheEmbedding() {
        base.config.put("tie_word_embeddings", true);
        base.add("model.embed_tokens.weight", ElementType.BF16, 0.1, 20, 12);
        adapter.config.put("init_lora_weights", "pissa");
        adapter.pair("lm_head", 4, 20, 12);
        refuses("lm_head", "shares");
    }

    @Test
    void refusesARankThatTheWeightDoesNotHave() {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 3, 12);
        adapter.config.put("init_lora_weights", "pissa");
        adapter.pair(Q, 4, 3, 12);
        refuses("rank 4", "[3, 12]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pissa_init", "pissa_backup"})
    void refusesTheStartOfAPissaTrainingByTheNameOfItsFolder(String name) {
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        base.writeBase(1 << 20);
        TinyFiles start = TinyFiles.peft(folder.resolve(name), 9, 4, 6).pair(Q, 4, 20, 12).writeAdapter();
        assertThatThrownBy(() -> TinyFiles.merge(base, start)).hasMessageContaining("pissa_converted");
    }
}
