package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Names, dimensions and keys of the architectures that the embedded library cannot load, written down from llama.cpp's own loaders
 * ({@code src/models/*.cpp}, 2026): every tensor that they create, in their order of dimensions, and none besides.
 */
class NewerArchitecturesTest {
    private static final String LINEAR = "attn_norm.weight 64; attn_qkv.weight 64 80; attn_gate.weight 64 48; post_attention_norm.weight 64; ssm_a 6; ssm_conv1d.weight 4 80; ssm_dt.bias 6; ssm_norm.weight 8; ssm_out.weight 48 64";
    private static final String FULL = "attn_norm.weight 64; attn_q.weight 64 128; attn_k.weight 64 32; attn_v.weight 64 32; attn_output.weight 64 64; attn_q_norm.weight 16; attn_k_norm.weight 16; post_attention_norm.weight 64";
    private static final String EXPERTS = "; ffn_gate_inp.weight 64 4; ffn_down_exps.weight 32 64 4; ffn_gate_exps.weight 64 32 4; ffn_up_exps.weight 64 32 4; ffn_gate_inp_shexp.weight 64 1; ffn_gate_shexp.weight 64 48; "
            + "ffn_up_shexp.weight 64 48; ffn_down_shexp.weight 48 64";
    private static final String DENSE = "; ffn_gate.weight 64 96; ffn_up.weight 64 96; ffn_down.weight 96 64";
    private static final String NEXT = "; nextn.eh_proj.weight 128 64; nextn.enorm.weight 64; nextn.hnorm.weight 64; nextn.shared_head_norm.weight 64";
    private static final String LATENT = "attn_norm.weight 64; attn_q_a.weight 64 24; attn_q_a_norm.weight 24; attn_q_b.weight 24 64; attn_kv_a_mqa.weight 64 24; attn_kv_a_norm.weight 16; attn_k_b.weight 8 16 4; "
            + "attn_v_b.weight 16 12 4; attn_output.weight 48 64; ffn_norm.weight 64";
    private static final String SHARED = "; ffn_gate_shexp.weight 64 64; ffn_up_shexp.weight 64 64; ffn_down_shexp.weight 64 64";
    private static final String PLAIN = "attn_norm.weight 64; attn_q.weight 64 64; attn_k.weight 64 32; attn_v.weight 64 32; attn_output.weight 64 64; ffn_norm.weight 64";

    private static final Map<String, ConvertedModel> CONVERTED = new HashMap<>();

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.BF16);
    }

    private static ConvertedModel converted(String name) {
        return CONVERTED.computeIfAbsent(name, n -> new ModelConverter().convert(checkpoint(n), Provenance.NONE));
    }

    @Test
    void layersHaveTheTensorsThatLlamaCppCreates() {
        layer("qwen3next", 0, LINEAR + "; ssm_ba.weight 64 12" + EXPERTS);
        layer("qwen3next", 1, FULL + EXPERTS);
        layer("qwen3next-mtp", 4, FULL + EXPERTS + NEXT);
        layer("qwen35", 2, LINEAR + "; ssm_alpha.weight 64 6; ssm_beta.weight 64 6" + DENSE);
        layer("qwen35", 3, FULL + DENSE);
        layer("qwen35moe", 0, LINEAR + "; ssm_alpha.weight 64 6; ssm_beta.weight 64 6" + EXPERTS);
        layer("qwen35-vision", 4, FULL + DENSE + NEXT);
        layer("deepseek2", 0, LATENT + DENSE);
        layer("deepseek2", 1, LATENT + "; ffn_gate_inp.weight 64 4; ffn_down_exps.weight 32 64 4; ffn_gate_exps.weight 64 32 4; ffn_up_exps.weight 64 32 4" + SHARED);
        layer("deepseek2-lite", 26, LATENT.replace("attn_q_a.weight 64 24; attn_q_a_norm.weight 24; attn_q_b.weight 24 64", "attn_q.weight 64 64")
                + "; ffn_gate_inp.weight 64 4; ffn_down_exps.weight 32 64 4; ffn_gate_exps.weight 64 32 4; ffn_up_exps.weight 64 32 4" + SHARED);
        layer("deepseek3", 2, LATENT + "; ffn_gate_inp.weight 64 8; exp_probs_b.bias 8; ffn_down_exps.weight 32 64 8; ffn_gate_exps.weight 64 32 8; ffn_up_exps.weight 64 32 8" + SHARED);
        layer("mistral4", 0, LATENT + "; ffn_gate_inp.weight 64 8; ffn_down_exps.weight 32 64 8; ffn_gate_exps.weight 64 32 8; ffn_up_exps.weight 64 32 8" + SHARED);
        layer("glm4moe-mtp", 2, PLAIN.replace("ffn_norm", "post_attention_norm") + "; attn_q.bias 64; attn_k.bias 32; attn_v.bias 32; exp_probs_b.bias 4; ffn_gate_inp.weight 64 4; ffn_down_exps.weight 32 64 4; "
                + "ffn_gate_exps.weight 64 32 4; ffn_up_exps.weight 64 32 4; ffn_gate_shexp.weight 64 32; ffn_up_shexp.weight 64 32; ffn_down_shexp.weight 32 64" + NEXT);
        layer("llama4", 0, PLAIN + DENSE);
        layer("llama4-vision", 3, PLAIN + "; ffn_gate_inp.weight 64 4; ffn_gate_exps.weight 64 48 4; ffn_down_exps.weight 48 64 4; ffn_up_exps.weight 64 48 4; ffn_gate_shexp.weight 64 48; ffn_up_shexp.weight 64 48; ffn_down_shexp.weight 48 64");
        layer("qwen3vl", 1, PLAIN + "; attn_q_norm.weight 16; attn_k_norm.weight 16" + DENSE);
        layer("qwen3vlmoe", 1, PLAIN + "; attn_q_norm.weight 16; attn_k_norm.weight 16; ffn_gate_inp.weight 64 4; ffn_gate_exps.weight 64 24 4; ffn_down_exps.weight 24 64 4; ffn_up_exps.weight 64 24 4");
    }

    private static void layer(String name, int number, String expected) {
        String prefix = "blk." + number + ".";
        TreeMap<String, String> wanted = new TreeMap<>();
        for (String tensor : expected.split("; ")) {
            wanted.put(tensor.substring(0, tensor.indexOf(' ')), tensor.substring(tensor.indexOf(' ') + 1));
        }
        TreeMap<String, String> found = new TreeMap<>();
        converted(name).tensors().tensors().stream().filter(t -> t.name().startsWith(prefix)).forEach(t -> found.put(t.name().substring(prefix.length()), dimensions(t)));
        assertThat(found).as("layer %d of %s", number, name).isEqualTo(wanted);
    }

    /** Innermost first, as GGUF counts. */
    private static String dimensions(TensorInfo tensor) {
        return tensor.shape().reversed().stream().map(String::valueOf).collect(Collectors.joining(" "));
    }

    @ParameterizedTest
    @CsvSource({"qwen3next, 4, 71", "qwen3next-mtp, 5, 91", "qwen35-vision, 5, 68", "deepseek2, 3, 50", "deepseek3, 3, 52", "llama4, 4, 48", "llama4-vision, 4, 48", "qwen3vl, 2, 24", "qwen2vl, 2, 26"})
    void filesHaveNoTensorBesides(String name, int layers, int count) {
        List<String> names = converted(name).tensors().tensors().stream().map(TensorInfo::name).toList();
        assertThat(names).doesNotHaveDuplicates().hasSize(count).allMatch(n -> n.matches("(token_embd|output|output_norm|rope_freqs)\\.weight|blk\\.\\d+\\..*"))
                .noneMatch(n -> n.startsWith("blk." + layers + "."));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            qwen3next | block_count 4, attention.key_length 16, expert_count 4, expert_used_count 2, expert_feed_forward_length 32, expert_shared_feed_forward_length 48, ssm.conv_kernel 4, ssm.state_size 8, ssm.group_count 2, ssm.time_step_rank 6, ssm.inner_size 48, full_attention_interval 2, rope.dimension_count 4, nextn_predict_layers -
            qwen3next-mtp | block_count 5, nextn_predict_layers 1
            qwen35 | block_count 4, feed_forward_length 96, expert_count -, ssm.inner_size 48, rope.dimension_count 4, nextn_predict_layers -
            qwen35-vision | block_count 5, embedding_length 64, nextn_predict_layers 1, rope.dimension_count 4
            deepseek2 | attention.head_count 4, attention.head_count_kv 1, leading_dense_block_count 1, attention.q_lora_rank 24, attention.kv_lora_rank 16, attention.key_length 24, attention.value_length 16, attention.key_length_mla 16, attention.value_length_mla 12, expert_shared_count 2, expert_gating_func 1, expert_weights_norm -, rope.dimension_count 8, rope.scaling.original_context_length 512
            deepseek2-lite | attention.q_lora_rank -, block_count 27
            deepseek3 | block_count 3, expert_group_count 4, expert_group_used_count 2, expert_gating_func 2, expert_weights_norm true
            glm4moelite | expert_gating_func 2, rope.scaling.type -
            glm4moe-mtp | block_count 3, nextn_predict_layers 1
            mistral4 | attention.key_length 24, attention.value_length_mla 12, leading_dense_block_count 0, expert_gating_func -, expert_weights_norm true, attention.temperature_length 5, rope.scaling.type yarn, rope.dimension_count 8
            llama4 | feed_forward_length 96, expert_feed_forward_length 48, interleave_moe_layer_step 2, expert_count 4, expert_used_count 1, rope.dimension_count 16, attention.sliding_window -
            llama4-vision | embedding_length 64, expert_feed_forward_length 48, vocab_size 384
            qwen3vl | n_deepstack_layers 3, attention.key_length 16
            qwen3vlmoe | n_deepstack_layers 3, expert_feed_forward_length 24
            """)
    void keysAreThoseThatTheLoaderReads(String name, String expected) {
        ConvertedModel model = converted(name);
        GgufMetadata keys = model.metadata();
        for (String pair : expected.split(", ")) {
            String[] words = pair.split(" ");
            assertThat(keys.find(model.architecture() + "." + words[0]).map(v -> v.value().toString()).orElse("-")).as("%s of %s", words[0], name).isEqualTo(words[1]);
        }
    }

    @Test
    void sectionsAndMultipliersAreWritten() {
        MemoryCheckpoint silent = checkpoint("qwen35");
        silent.rawConfig().remove("rope_scaling");
        assertThat(new ModelConverter().convert(silent, Provenance.NONE).metadata().find("qwen35.rope.dimension_sections").orElseThrow().value()).isEqualTo(new int[] {11, 11, 10, 0});
        assertThat(converted("qwen35-vision").metadata().find("qwen35.rope.dimension_sections").orElseThrow().value()).isEqualTo(new int[] {1, 1, 0, 0});
        assertThat(converted("qwen2vl").metadata().find("qwen2vl.rope.dimension_sections").orElseThrow().value()).isEqualTo(new int[] {2, 3, 3, 0});
        assertThat(converted("deepseek2").metadata().find("deepseek2.rope.scaling.yarn_log_multiplier").orElseThrow().value()).isEqualTo((float) (0.1 * 0.707));
    }

    @Test
    void normsOfTheLayersThatPredictFurtherTokensAreOffsetsToo() {
        MemoryCheckpoint checkpoint = checkpoint("qwen3next-mtp");
        ConvertedModel model = converted("qwen3next-mtp");
        Map.of("enorm", "mtp.pre_fc_norm_embedding", "hnorm", "mtp.pre_fc_norm_hidden", "shared_head_norm", "mtp.norm").forEach((name, source) -> {
            float[] stored = checkpoint.values(source + ".weight");
            assertThat(GgufFiles.read(model, "blk.4.nextn." + name + ".weight")).startsWith(stored[0] + 1, stored[1] + 1);
        });
        assertThat(GgufFiles.read(model, "blk.4.nextn.eh_proj.weight")).isEqualTo(checkpoint.values("mtp.fc.weight"));
        assertThat(GgufFiles.read(model, "blk.0.ssm_norm.weight")).isEqualTo(checkpoint.values("model.layers.0.linear_attn.norm.weight"));
    }

    /** Who has the file only learns it there; so do the files that are made from it. */
    @Test
    void theFileItselfSaysWhatIsLeftOut() {
        assertThat(converted("qwen2vl").metadata().findStrings("adapterferry.notes")).contains(converted("qwen2vl").notes());
        assertThat(converted("qwen3").metadata().find("adapterferry.notes")).isEmpty();
    }

    @Test
    void theRunSaysWhatIsLeftOut() {
        assertThat(converted("qwen2vl").notes()).singleElement().asString().contains("3 tensors for images or sound are left out");
        assertThat(converted("llama4-vision").notes()).singleElement().asString().contains("2 tensors for images");
        assertThat(converted("deepseek3").notes()).singleElement().asString().contains("3 tensors of layers that only predict further tokens are left out");
        for (String[] stretched : new String[][] {{"llama", "dynamic", "in longer texts"}, {"qwen2", "llama3", "does not do for qwen2"}, {"llama", "spiral", "does not know"}}) {
            MemoryCheckpoint model = checkpoint(stretched[0]);
            model.rawConfig().putObject("rope_scaling").put("rope_type", stretched[1]).put("factor", 2.0);
            assertThat(new ModelConverter().convert(model, Provenance.NONE).notes()).singleElement().asString().contains("of type '" + stretched[1] + "'").contains(stretched[2]);
        }
        MemoryCheckpoint moonlight = checkpoint("deepseek3-ungrouped");
        moonlight.rawConfig().put("rms_norm_eps", 1e-5);
        assertThat(new ModelConverter().convert(moonlight, Provenance.NONE).notes()).anyMatch(note -> note.contains("norms of latent vectors"));
        assertThat(converted("qwen3next-mtp").notes()).singleElement().asString().contains("mtp").contains("before 2026-07");
        assertThat(converted("qwen35-vision").notes()).hasSize(2).anySatisfy(note -> assertThat(note).contains("before 2026-05"));
        assertThat(converted("qwen3next").notes()).isEmpty();
        MemoryCheckpoint ernie = checkpoint("ernie4_5-moe").add("model.mtp_block.0.input_layernorm.weight", 1, TinyModels.WIDTH).add("model.mtp_linear_proj.0.weight", 0, TinyModels.WIDTH, 2 * TinyModels.WIDTH);
        assertThat(new ModelConverter().convert(ernie, Provenance.NONE).notes()).singleElement().asString().contains("model.mtp").contains("left out");
        assertThat(converted("ernie4_5-moe").notes()).isEmpty();
        // llama.cpp's converter keeps the layer of GLM 4.7 Flash since 2026 only; files without it load everywhere.
        MemoryCheckpoint lite = checkpoint("glm4moelite").add("model.layers.3.eh_proj.weight", 0, TinyModels.WIDTH, 2 * TinyModels.WIDTH).add("model.layers.3.enorm.weight", 1, TinyModels.WIDTH);
        lite.rawConfig().put("num_nextn_predict_layers", 1);
        ConvertedModel without = new ModelConverter().convert(lite, Provenance.NONE);
        assertThat(without.notes()).singleElement().asString().contains("2 tensors of layers that only predict further tokens are left out");
        assertThat(without.metadata().findLong("deepseek2.block_count")).contains(3L);
        assertThat(without.metadata().find("deepseek2.nextn_predict_layers")).isEmpty();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            qwen3next | model.layers.2.linear_attn.out_proj.weight | model.layers.2.linear_attn.out_proj.weight
            qwen3next | model.layers.2.linear_attn.A_log | model.layers.2.linear_attn.A_log
            qwen3next | model.layers.2.linear_attn.dt_bias | model.layers.2.linear_attn.dt_bias
            qwen35 | model.layers.1.self_attn.k_norm.weight | model.layers.1.self_attn.k_norm.weight
            qwen3next-mtp | mtp.fc.weight | model.layers.4.eh_proj.weight
            deepseek2 | model.layers.1.self_attn.q_b_proj.weight | model.layers.1.self_attn.q_b_proj.weight
            deepseek2-lite | model.layers.1.self_attn.q_proj.weight | model.layers.1.self_attn.q_proj.weight or model.layers.1.self_attn.q_a_proj.weight
            deepseek2 | model.layers.0.self_attn.kv_b_proj.weight | model.layers.0.self_attn.kv_b_proj.weight
            deepseek3 | model.layers.2.mlp.gate.e_score_correction_bias | model.layers.2.mlp.gate.e_score_correction.bias
            deepseek3 | model.layers.2.mlp.shared_experts.up_proj.weight | model.layers.2.mlp.shared_experts.up_proj.weight
            llama4 | model.layers.1.feed_forward.experts.gate_up_proj | model.layers.1.feed_forward.experts.gate_up_proj
            llama4 | model.layers.2.feed_forward.up_proj.weight | model.layers.2.feed_forward.up_proj.weight
            """)
    void namesWhatAPartOfALayerLacks(String name, String removed, String told) {
        MemoryCheckpoint checkpoint = checkpoint(name).remove(removed);
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("the checkpoint lacks").message().matches("(?s).*: (.*, )?\\Q" + told + "\\E[,.].*");
    }

    @Test
    void namesAPartOfALayerThatIsMissingAltogether() {
        MemoryCheckpoint checkpoint = checkpoint("qwen35");
        List<String> names = checkpoint.tensors().tensors().stream().map(TensorInfo::name).filter(n -> n.startsWith("model.layers.2.linear_attn.")).toList();
        names.forEach(checkpoint::remove);
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("model.layers.2.self_attn.q_proj.weight or model.layers.2.linear_attn");
    }

    @Test
    void aTiedDeepSeekKeepsNoOutputOfItsOwn() {
        MemoryCheckpoint checkpoint = checkpoint("glm4moelite").add("lm_head.weight", 0, TinyModels.ROWS, TinyModels.WIDTH);
        assertThat(new ModelConverter().convert(checkpoint, Provenance.NONE).tensors().find("output.weight")).isEmpty();
        MemoryCheckpoint untied = checkpoint("deepseek2");
        assertThat(new ModelConverter().convert(untied, Provenance.NONE).tensors().find("output.weight")).isPresent();
        assertThat(Collections.frequency(untied.tensors().tensors().stream().map(TensorInfo::name).toList(), "lm_head.weight")).isOne();
    }
}
