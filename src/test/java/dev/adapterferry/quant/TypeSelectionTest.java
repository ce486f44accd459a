package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.quant.TypeSelection.Choice;
import dev.adapterferry.quant.TypeSelection.Reason;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The counts per type are those that llama.cpp prints while loading published files of these models; single rules are
 * checked one by one.
 */
class TypeSelectionTest {
    private static final ModelFacts LLAMA_8B = new ModelFacts("llama", 32, 0, 32, 8);
    private static final ModelFacts LLAMA_7B = new ModelFacts("llama", 32, 0, 32, 32);

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            Q4_K_M | F32 65, Q4_K 193, Q6_K 33
            Q5_K_M | F32 65, Q5_K 193, Q6_K 33
            Q4_K_S | F32 65, Q4_K 217, Q5_K 8, Q6_K 1
            Q5_K_S | F32 65, Q5_K 225, Q6_K 1
            Q2_K   | F32 65, Q2_K 129, Q3_K 64, Q4_K 32, Q6_K 1
            Q3_K_S | F32 65, Q3_K 225, Q6_K 1
            Q3_K_M | F32 65, Q3_K 129, Q4_K 92, Q5_K 4, Q6_K 1
            Q3_K_L | F32 65, Q3_K 129, Q5_K 96, Q6_K 1
            Q6_K   | F32 65, Q6_K 226
            Q8_0   | F32 65, Q8_0 226
            Q4_0   | F32 65, Q4_0 225, Q6_K 1
            Q5_1   | F32 65, Q5_1 225, Q6_K 1
            IQ4_NL | F32 65, IQ4_NL 189, Q5_K 36, Q6_K 1
            IQ4_XS | F32 65, IQ4_XS 189, Q5_K 36, Q6_K 1
            F16    | F16 226, F32 65
            BF16   | BF16 226, F32 65
            """)
    void givesLlama3OfEightBillionTheCountsOfPublishedFiles(Mix mix, String expected) {
        assertThat(counts(choose(LLAMA_8B, TypeRequest.of(mix, false), dense(32, 4096, 14336, true)))).isEqualTo(expected);
    }

    @Test
    void givesQuantizedQwenOfHalfABillionItsFallbacks() {
        // 896 columns are no multiple of 256; the embedding serves as output.
        List<TensorInfo> tensors = dense(24, 896, 4864, false);
        ModelFacts qwen = new ModelFacts("qwen2", 24, 0, 14, 2);
        Map<String, Choice> choices = choose(qwen, TypeRequest.of(Mix.Q4_K_M, false), tensors);
        assertThat(counts(choices)).isEqualTo("F32 49, Q4_K 12, Q5_0 132, Q6_K 12, Q8_0 13");
        assertThat(choices.get("blk.0.attn_q.weight")).isEqualTo(new Choice(GgmlType.Q5_0, Reason.SHAPE));
        assertThat(choices.get("token_embd.weight")).isEqualTo(new Choice(GgmlType.Q8_0, Reason.MIX));
        assertThat(choices.get("blk.3.attn_norm.weight")).isEqualTo(new Choice(GgmlType.F32, Reason.KEPT));
    }

    @Test
    void fourKMGivesMoreBitsToTheFirstTheLastAndEveryThirdLayerBetween() {
        Map<String, Choice> choices = choose(LLAMA_8B, TypeRequest.of(Mix.Q4_K_M, false), dense(32, 4096, 14336, true));
        List<Integer> more = new ArrayList<>();
        for (int layer = 0; layer < 32; layer++) {
            GgmlType type = choices.get("blk." + layer + ".ffn_down.weight").type();
            assertThat(choices.get("blk." + layer + ".attn_v.weight").type()).isEqualTo(type);
            if (type == GgmlType.Q6_K) {
                more.add(layer);
            }
        }
        assertThat(more).containsExactly(0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31);
    }

    @Test
    void theOrderGivenDoesNotMatter() {
        List<TensorInfo> tensors = dense(32, 4096, 14336, true);
        TypeRequest request = TypeRequest.of(Mix.Q3_K_M, false);
        Map<String, Choice> expected = choose(LLAMA_8B, request, tensors);
        List<TensorInfo> shuffled = new ArrayList<>(tensors);
        Collections.shuffle(shuffled, new Random(1));
        Map<String, Choice> choices = choose(LLAMA_8B, request, shuffled);
        assertThat(choices).isEqualTo(expected);
        assertThat(choices.keySet()).containsExactlyElementsOf(shuffled.stream().map(TensorInfo::name).toList());
    }

    @Test
    void keepsVectorsNormsRoutersAndConvolutions() {
        List<TensorInfo> tensors = List.of(
                tensor("blk.0.attn_q.bias", GgmlType.F32, 4096),
                tensor("blk.0.attn_q_norm.weight", GgmlType.F32, 32, 128),
                tensor("blk.0.ffn_gate_inp.weight", GgmlType.F32, 8, 4096),
                tensor("blk.0.ffn_gate_inp_shexp.weight", GgmlType.F32, 1, 4096),
                tensor("blk.0.ssm_conv1d.weight", GgmlType.F32, 8192, 4),
                tensor("blk.0.ssm_a", GgmlType.F32, 8192, 16),
                tensor("position_embd.weight", GgmlType.F32, 1024, 768),
                tensor("blk.0.attn_q.weight", GgmlType.F16, 4096, 4096));
        assertThat(types(choose(LLAMA_8B, TypeRequest.of(Mix.Q8_0, false), tensors)))
                .containsEntry("blk.0.attn_q.weight", GgmlType.Q8_0)
                .containsEntry("blk.0.ssm_a", GgmlType.F32)
                .satisfies(types -> assertThat(types.values().stream().filter(t -> t == GgmlType.F32)).hasSize(7));
    }

    @Test
    void aKeptTensorMustHaveATypeThatGgufKnows() {
        dev.adapterferry.tensor.TensorType unknown = new dev.adapterferry.tensor.TensorType() {
            @Override
            public String label() {
                return "F8_E4M3";
            }

            @Override
            public int blockElements() {
                return 1;
            }

            @Override
            public int blockBytes() {
                return 1;
            }
        };
        assertThatThrownBy(() -> choose(LLAMA_8B, TypeRequest.of(Mix.Q8_0, false),
                List.of(new TensorInfo("output_norm.weight", unknown, List.of(64L)))))
                .isInstanceOf(FerryException.class).hasMessageContaining("output_norm.weight").hasMessageContaining("F8_E4M3");
    }

    @Test
    void fusedAndLatentValueProjectionsFollowTheRuleOfValues() {
        List<TensorInfo> tensors = List.of(tensor("blk.0.attn_qkv.weight", GgmlType.F16, 9216, 3072),
                tensor("blk.1.attn_kv_b.weight", GgmlType.F16, 9216, 3072), tensor("blk.2.attn_qkv.weight", GgmlType.F16, 9216, 3072));
        ModelFacts phi = new ModelFacts("phi3", 3, 0, 32, 32);
        assertThat(types(choose(phi, TypeRequest.of(Mix.Q3_K_M, false), tensors)).values())
                .containsExactly(GgmlType.Q5_K, GgmlType.Q5_K, GgmlType.Q4_K);
    }

    /** Latent attention has neither attn_v nor attn_kv_b: its parts are of no special role, and keys of 128 columns need another type. */
    @Test
    void latentAttentionGetsTheBaseTypeWhereItsRowsAllow() {
        List<TensorInfo> tensors = List.of(tensor("blk.0.attn_k_b.weight", GgmlType.BF16, 128, 512, 128), tensor("blk.0.attn_v_b.weight", GgmlType.BF16, 128, 128, 512),
                tensor("blk.0.attn_q_a.weight", GgmlType.BF16, 1536, 7168), tensor("blk.0.attn_q_b.weight", GgmlType.BF16, 24576, 1536), tensor("blk.0.attn_kv_a_mqa.weight", GgmlType.BF16, 576, 7168),
                tensor("blk.0.attn_kv_a_norm.weight", GgmlType.F32, 512), tensor("blk.0.attn_output.weight", GgmlType.BF16, 7168, 16384), tensor("blk.0.exp_probs_b.bias", GgmlType.F32, 256),
                tensor("blk.0.ffn_gate_inp.weight", GgmlType.F32, 256, 7168), tensor("blk.0.ffn_down_exps.weight", GgmlType.BF16, 256, 7168, 2048), tensor("blk.0.ffn_down_shexp.weight", GgmlType.BF16, 7168, 2048));
        ModelFacts deepseek = new ModelFacts("deepseek2", 61, 256, 128, 1);
        assertThat(types(choose(deepseek, TypeRequest.of(Mix.Q4_K_M, false), tensors))).containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                Map.entry("blk.0.attn_k_b.weight", GgmlType.Q5_0), Map.entry("blk.0.attn_v_b.weight", GgmlType.Q4_K), Map.entry("blk.0.attn_q_a.weight", GgmlType.Q4_K),
                Map.entry("blk.0.attn_q_b.weight", GgmlType.Q4_K), Map.entry("blk.0.attn_kv_a_mqa.weight", GgmlType.Q4_K), Map.entry("blk.0.attn_kv_a_norm.weight", GgmlType.F32),
                Map.entry("blk.0.attn_output.weight", GgmlType.Q4_K), Map.entry("blk.0.exp_probs_b.bias", GgmlType.F32), Map.entry("blk.0.ffn_gate_inp.weight", GgmlType.F32),
                Map.entry("blk.0.ffn_down_exps.weight", GgmlType.Q6_K), Map.entry("blk.0.ffn_down_shexp.weight", GgmlType.Q6_K)));
    }

    @Test
    void linearAttentionKeepsItsSmallPartsAndCountsItsFusedRowsAsValues() {
        List<TensorInfo> tensors = List.of(tensor("blk.0.attn_qkv.weight", GgmlType.BF16, 8192, 2048), tensor("blk.0.attn_gate.weight", GgmlType.BF16, 4096, 2048),
                tensor("blk.0.ssm_conv1d.weight", GgmlType.F32, 8192, 4), tensor("blk.0.ssm_a", GgmlType.F32, 32), tensor("blk.0.ssm_dt.bias", GgmlType.F32, 32),
                tensor("blk.0.ssm_norm.weight", GgmlType.F32, 128), tensor("blk.0.ssm_ba.weight", GgmlType.BF16, 64, 2048), tensor("blk.0.ssm_out.weight", GgmlType.BF16, 2048, 4096),
                tensor("blk.0.ffn_gate_inp_shexp.weight", GgmlType.F32, 1, 2048), tensor("blk.1.attn_v.weight", GgmlType.BF16, 512, 2048), tensor("blk.2.nextn.eh_proj.weight", GgmlType.BF16, 2048, 4096));
        ModelFacts qwen = new ModelFacts("qwen3next", 48, 512, 16, 2);
        assertThat(types(choose(qwen, TypeRequest.of(Mix.Q4_K_S, false), tensors))).containsExactlyInAnyOrderEntriesOf(Map.ofEntries(
                Map.entry("blk.0.attn_qkv.weight", GgmlType.Q5_K), Map.entry("blk.0.attn_gate.weight", GgmlType.Q4_K), Map.entry("blk.0.ssm_conv1d.weight", GgmlType.F32),
                Map.entry("blk.0.ssm_a", GgmlType.F32), Map.entry("blk.0.ssm_dt.bias", GgmlType.F32), Map.entry("blk.0.ssm_norm.weight", GgmlType.F32),
                Map.entry("blk.0.ssm_ba.weight", GgmlType.Q4_K), Map.entry("blk.0.ssm_out.weight", GgmlType.Q4_K), Map.entry("blk.0.ffn_gate_inp_shexp.weight", GgmlType.F32),
                Map.entry("blk.1.attn_v.weight", GgmlType.Q5_K), Map.entry("blk.2.nextn.eh_proj.weight", GgmlType.Q4_K)));
    }

    @Test
    void mixtralGetsMoreBitsInAttention() {
        List<TensorInfo> tensors = new ArrayList<>();
        for (int layer = 0; layer < 32; layer++) {
            String blk = "blk." + layer + ".";
            for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
                tensors.add(tensor(blk + name + ".weight", GgmlType.F16, 4096, 4096));
            }
            tensors.add(tensor(blk + "ffn_down_exps.weight", GgmlType.F16, 8, 4096, 14336));
        }
        Map<String, GgmlType> types = types(choose(new ModelFacts("llama", 32, 8, 32, 8), TypeRequest.of(Mix.Q4_K_M, false), tensors));
        assertThat(types).containsEntry("blk.10.attn_k.weight", GgmlType.Q8_0).containsEntry("blk.10.attn_v.weight", GgmlType.Q8_0)
                .containsEntry("blk.10.attn_output.weight", GgmlType.Q5_K).containsEntry("blk.10.attn_q.weight", GgmlType.Q4_K)
                .containsEntry("blk.10.ffn_down_exps.weight", GgmlType.Q4_K).containsEntry("blk.9.ffn_down_exps.weight", GgmlType.Q6_K);
    }

    @Test
    void sharedExpertsUseTheNumberOfTheirLayer() {
        List<TensorInfo> tensors = new ArrayList<>();
        for (int layer = 0; layer < 16; layer++) {
            tensors.add(tensor("blk." + layer + ".ffn_down_exps.weight", GgmlType.F16, 60, 2048, 1536));
            tensors.add(tensor("blk." + layer + ".ffn_down_shexp.weight", GgmlType.F16, 2048, 5632));
        }
        Map<String, GgmlType> types = types(choose(new ModelFacts("qwen2moe", 16, 60, 16, 16), TypeRequest.of(Mix.Q4_K_S, false), tensors));
        assertThat(types).containsEntry("blk.1.ffn_down_exps.weight", GgmlType.Q5_K).containsEntry("blk.1.ffn_down_shexp.weight", GgmlType.Q5_K)
                .containsEntry("blk.2.ffn_down_exps.weight", GgmlType.Q4_K);
    }

    @Test
    void eightyLayerModelsKeepTheirValueProjectionsAtFiveBits() {
        Map<String, GgmlType> types = types(choose(new ModelFacts("llama", 80, 0, 64, 8), TypeRequest.of(Mix.Q4_K_M, false),
                dense(80, 8192, 28672, true)));
        assertThat(types).containsEntry("blk.10.attn_v.weight", GgmlType.Q5_K).containsEntry("blk.0.attn_v.weight", GgmlType.Q6_K);
    }

    @Test
    void anImportanceMatrixChangesTheRuleOfDownProjections() {
        List<TensorInfo> tensors = dense(32, 4096, 14336, true);
        assertThat(types(choose(LLAMA_7B, TypeRequest.of(Mix.Q4_0, true), tensors)))
                .containsEntry("blk.3.ffn_down.weight", GgmlType.Q4_1).containsEntry("blk.4.ffn_down.weight", GgmlType.Q4_0);
        assertThat(types(choose(LLAMA_7B, TypeRequest.of(Mix.Q5_0, true), tensors))).containsEntry("blk.3.ffn_down.weight", GgmlType.Q5_1);
        assertThat(types(choose(LLAMA_7B, TypeRequest.of(Mix.IQ4_XS, true), tensors))).containsEntry("blk.3.ffn_down.weight", GgmlType.IQ4_XS);
        assertThat(types(choose(LLAMA_7B, TypeRequest.of(Mix.IQ4_XS, false), tensors))).containsEntry("blk.3.ffn_down.weight", GgmlType.Q5_K);
    }

    @Test
    void falconHasRulesOfItsOwn() {
        ModelFacts falcon = new ModelFacts("falcon", 32, 0, 71, 1);
        List<TensorInfo> tensors = dense(32, 4096, 16384, true);
        Map<String, GgmlType> types = types(choose(falcon, TypeRequest.of(Mix.Q4_K_M, false), tensors));
        assertThat(types).containsEntry("output.weight", GgmlType.Q8_0).containsEntry("blk.1.ffn_down.weight", GgmlType.Q6_K)
                .containsEntry("blk.3.ffn_down.weight", GgmlType.Q5_K).containsEntry("blk.4.ffn_down.weight", GgmlType.Q4_K);
        assertThat(types(choose(falcon, TypeRequest.of(Mix.Q3_K_M, false), tensors)))
                .containsEntry("blk.1.ffn_down.weight", GgmlType.Q5_K).containsEntry("blk.4.ffn_down.weight", GgmlType.Q3_K)
                .containsEntry("blk.6.ffn_down.weight", GgmlType.Q4_K).containsEntry("blk.4.attn_output.weight", GgmlType.Q3_K);
    }

    @ParameterizedTest(name = "{0} with rows of {1}")
    @CsvSource({
        "Q2_K, 1408, Q4_0", "Q3_K, 1408, Q4_0", "Q4_K, 1408, Q5_0", "Q5_K, 1408, Q5_1", "Q6_K, 1408, Q8_0", "IQ4_XS, 1408, IQ4_NL",
        "Q4_K, 1410, F16", "Q6_K, 1410, F16", "IQ4_XS, 1410, F16"
    })
    void replacesATypeWhoseBlocksDoNotDivideTheRows(GgmlType type, int rowLength, GgmlType expected) {
        TypeRequest request = new TypeRequest(Mix.Q8_0, false, Optional.empty(), Optional.empty(),
                List.of(TypeOverride.parse("attn_q=" + type)), false, false);
        assertThat(choose(LLAMA_8B, request, List.of(tensor("blk.0.attn_q.weight", GgmlType.F16, 4096, rowLength))))
                .containsValue(new Choice(expected, Reason.SHAPE));
    }

    @Test
    void keepsRowsThatNothingFitsAsHalfPrecisionAsLlamaQuantizeDoesSince2026() {
        assertThat(choose(LLAMA_8B, TypeRequest.of(Mix.Q8_0, false), List.of(tensor("blk.0.attn_q.weight", GgmlType.F16, 4096, 1410))))
                .containsValue(new Choice(GgmlType.F16, Reason.SHAPE));
    }

    @Test
    void theFirstMatchingOverrideDecidesAndDoesNotAdvanceTheCounters() {
        TypeRequest request = new TypeRequest(Mix.Q4_K_S, false, Optional.empty(), Optional.empty(),
                List.of(TypeOverride.parse("blk\\.[01]\\.ATTN_V=f16"), TypeOverride.parse("attn_v=q4_k")), false, false);
        Map<String, Choice> choices = choose(LLAMA_8B, request, dense(8, 4096, 14336, true));
        assertThat(choices).containsEntry("blk.1.attn_v.weight", new Choice(GgmlType.F16, Reason.REQUESTED))
                .containsEntry("blk.2.attn_v.weight", new Choice(GgmlType.Q4_K, Reason.REQUESTED));

        TypeRequest onlyTwo = new TypeRequest(Mix.Q4_K_S, false, Optional.empty(), Optional.empty(),
                List.of(TypeOverride.parse("blk\\.[01]\\.attn_v=f16")), false, false);
        // The first four value projections that the rule counts are those of layers 2 to 5.
        assertThat(types(choose(LLAMA_8B, onlyTwo, dense(8, 4096, 14336, true))))
                .containsEntry("blk.5.attn_v.weight", GgmlType.Q5_K).containsEntry("blk.6.attn_v.weight", GgmlType.Q4_K);
    }

    @Test
    void outputAndEmbeddingTypesCanBeRequested() {
        TypeRequest request = new TypeRequest(Mix.Q4_K_M, false, Optional.of(GgmlType.Q8_0), Optional.of(GgmlType.F16), List.of(), false, false);
        assertThat(types(choose(LLAMA_8B, request, dense(4, 4096, 14336, true))))
                .containsEntry("output.weight", GgmlType.Q8_0).containsEntry("token_embd.weight", GgmlType.F16);
        TypeRequest outputOnly = new TypeRequest(Mix.Q4_K_M, false, Optional.of(GgmlType.BF16), Optional.empty(), List.of(), false, false);
        assertThat(types(choose(LLAMA_8B, outputOnly, dense(4, 4096, 14336, false)))).containsEntry("token_embd.weight", GgmlType.BF16);
        assertThatThrownBy(() -> choose(LLAMA_8B, request, dense(4, 4097, 14336, true))).isInstanceOf(FerryException.class);
    }

    @Test
    void pureGivesAllTheBaseTypeAndLeaveOutputKeepsIt() {
        TypeRequest request = new TypeRequest(Mix.Q4_K_M, false, Optional.empty(), Optional.empty(), List.of(), true, true);
        assertThat(counts(choose(LLAMA_8B, request, dense(32, 4096, 14336, true)))).isEqualTo("F16 1, F32 65, Q4_K 225");
    }

    @Test
    void readsNamesOfMixesAndRefusesOthers() {
        assertThat(Mix.parse("q4_k_m")).isEqualTo(Mix.Q4_K_M);
        assertThat(Mix.parse(" Q5_K ")).isEqualTo(Mix.Q5_K_M);
        assertThatThrownBy(() -> Mix.parse("Q9")).isInstanceOf(SettingsException.class).hasMessageContaining("'Q9'").hasMessageContaining("Q4_K_M");
        assertThatThrownBy(() -> TypeOverride.parse("attn_v")).isInstanceOf(SettingsException.class).hasMessageContaining("PATTERN=TYPE");
        assertThatThrownBy(() -> TypeOverride.parse("attn_(=q8_0")).isInstanceOf(SettingsException.class);
        assertThatThrownBy(() -> TypeOverride.parse("attn_v=i32")).isInstanceOf(SettingsException.class).hasMessageContaining("i32");
    }

    private static Map<String, Choice> choose(ModelFacts model, TypeRequest request, List<TensorInfo> tensors) {
        return new TypeSelection(model, request).choose(tensors);
    }

    private static Map<String, GgmlType> types(Map<String, Choice> choices) {
        return choices.entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().type(), (a, b) -> a, TreeMap::new));
    }

    private static String counts(Map<String, Choice> choices) {
        Map<GgmlType, Integer> counts = new EnumMap<>(GgmlType.class);
        choices.values().forEach(c -> counts.merge(c.type(), 1, Integer::sum));
        return counts.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()).sorted().collect(Collectors.joining(", "));
    }

    /** A dense model of llama's shape; without biases. */
    private static List<TensorInfo> dense(int layers, int hidden, int feedForward, boolean output) {
        List<TensorInfo> tensors = new ArrayList<>();
        tensors.add(tensor("token_embd.weight", GgmlType.F16, 32000, hidden));
        for (int layer = 0; layer < layers; layer++) {
            String blk = "blk." + layer + ".";
            tensors.add(tensor(blk + "attn_norm.weight", GgmlType.F32, hidden));
            tensors.add(tensor(blk + "ffn_norm.weight", GgmlType.F32, hidden));
            for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up")) {
                tensors.add(tensor(blk + name + ".weight", GgmlType.F16, 1024, hidden));
            }
            tensors.add(tensor(blk + "ffn_down.weight", GgmlType.F16, hidden, feedForward));
        }
        tensors.add(tensor("output_norm.weight", GgmlType.F32, hidden));
        if (output) {
            tensors.add(tensor("output.weight", GgmlType.F16, 32000, hidden));
        }
        return tensors;
    }

    private static TensorInfo tensor(String name, GgmlType type, long... shape) {
        return new TensorInfo(name, type, Arrays.stream(shape).boxed().toList());
    }
}
