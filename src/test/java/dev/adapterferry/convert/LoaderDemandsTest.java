package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import dev.adapterferry.tensor.ElementType;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What llama.cpp's loaders ask of architectures that the embedded build cannot load, written down from their source
 * ({@code load_arch_hparams}, {@code load_arch_tensors}, 2026) and not from the tables under test: every tensor with its dimensions in
 * ggml's order and none besides, since a surplus tensor is refused too; every required key; and the type of each key, which must be exact.
 */
class LoaderDemandsTest {
    /** Held in the same way by {@link NewerArchitecturesTest}. */
    private static final Set<String> BESIDE = Set.of("qwen3next", "qwen35", "qwen35moe", "qwen3vl", "qwen3vlmoe", "llama4", "mistral4");
    /** The library knows these, but not the form that files have held since. */
    private static final Set<String> OF_A_NEWER_FORM = Set.of("deci", "deepseek2", "olmo2", "qwen2");
    static final String OUTER = "token_embd 64 384; output_norm 64";
    static final String UNTIED = OUTER + "; output 64 384";
    static final String QKV = "attn_norm 64; attn_q 64 64; attn_k 64 32; attn_v 64 32; attn_output 64 64";
    private static final String BIASES = "; attn_q.bias 64; attn_k.bias 32; attn_v.bias 32";
    private static final String HEADS = "; attn_q_norm 16; attn_k_norm 16";
    static final String GATED = "; ffn_gate 64 96; ffn_up 64 96; ffn_down 96 64";
    static final String EXPERTS = "; ffn_gate_inp 64 4; ffn_gate_exps 64 32 4; ffn_up_exps 64 32 4; ffn_down_exps 32 64 4";
    private static final String CONVOLUTION = "attn_norm 64; ffn_norm 64; shortconv.conv 3 64; shortconv.in_proj 64 192; shortconv.out_proj 64 64";
    static final String EPSILON = "attention.layer_norm_rms_epsilon";

    /** One model: tensors outside the layers, those of each layer (the last entry stands for all further ones), required keys. */
    private record Demand(String outer, List<String> layers, List<String> keys) { }

    private static final Map<String, Demand> DEMANDS = new LinkedHashMap<>();

    static {
        T5Demands.each((name, tensors) -> demand(name, tensors, T5Demands.KEYS + (name.endsWith("encoder") ? "" : " decoder_block_count decoder_start_token_id")));
        demand("qwen3", OUTER, EPSILON, QKV + HEADS + "; ffn_norm 64" + GATED);
        demand("internvl", OUTER, EPSILON, QKV + HEADS + "; ffn_norm 64" + GATED);
        demand("kormo", UNTIED, EPSILON, QKV + "; ffn_norm 64" + GATED);
        demand("qwen3moe", UNTIED, EPSILON + " expert_count expert_used_count expert_feed_forward_length", QKV + HEADS + "; ffn_norm 64" + EXPERTS);
        demand("qwen3moe-packed", UNTIED, EPSILON + " expert_count expert_used_count expert_feed_forward_length", QKV + HEADS + "; ffn_norm 64" + EXPERTS);
        demand("smollm3", OUTER, EPSILON, QKV + "; ffn_norm 64" + GATED);
        demand("arcee", UNTIED, EPSILON, QKV + "; ffn_norm 64; ffn_up 64 96; ffn_down 96 64");
        demand("apertus", UNTIED + "; rope_freqs 8", EPSILON + " xielu.alpha_n xielu.alpha_p xielu.beta xielu.eps", QKV + HEADS + "; ffn_norm 64; ffn_up 64 96; ffn_down 96 64");
        demand("glm4", UNTIED, EPSILON + " rope.dimension_count", QKV + BIASES + "; post_attention_norm 64; ffn_norm 64; ffn_up 64 192; ffn_down 96 64; post_ffw_norm 64");
        demand("glm4moe", UNTIED, EPSILON + " rope.dimension_count expert_count expert_used_count expert_shared_count expert_feed_forward_length leading_dense_block_count expert_weights_scale "
                + "expert_weights_norm expert_gating_func", QKV + BIASES + "; post_attention_norm 64" + GATED,
                QKV + BIASES + "; post_attention_norm 64; exp_probs_b.bias 4; ffn_gate_shexp 64 32; ffn_up_shexp 64 32; ffn_down_shexp 32 64" + EXPERTS);
        String mamba = "attn_norm 64; ssm_in 64 288; ssm_conv1d 4 152; ssm_conv1d.bias 152; ssm_dt.bias 8; ssm_a 1 8; ssm_d 1 8; ssm_norm 128 1; ssm_out 128 64; ffn_norm 64";
        String states = EPSILON + " attention.scale embedding_scale residual_scale logit_scale ssm.conv_kernel ssm.state_size ssm.group_count ssm.inner_size ssm.time_step_rank rope.scaling.finetuned";
        demand("granite4-h", OUTER, states, mamba + GATED, QKV + "; ffn_norm 64" + GATED, mamba + GATED);
        String both = EXPERTS.replace("32", "96") + "; ffn_gate_shexp 64 48; ffn_up_shexp 64 48; ffn_down_shexp 48 64";
        demand("granite4-h-moe", OUTER, states + " expert_count expert_used_count expert_shared_feed_forward_length", mamba + both, QKV + "; ffn_norm 64" + both, mamba + both);
        SsmDemands.add();
        String chosen = " expert_count expert_used_count expert_feed_forward_length expert_gating_func";
        // Its graph has as many key heads as query heads.
        String equal = QKV.replace("64 32", "64 64");
        demand("cohere2moe", OUTER, "attention.layer_norm_epsilon attention.sliding_window attention.sliding_window_pattern logit_scale leading_dense_block_count expert_count expert_used_count expert_feed_forward_length "
                + "expert_shared_count expert_shared_feed_forward_length expert_weights_norm expert_gating_func rope.dimension_count", QKV + GATED,
                QKV + EXPERTS + "; ffn_gate_shexp 64 64; ffn_up_shexp 64 64; ffn_down_shexp 64 64");
        String lightning = "attn_norm 64; attn_qkv 64 192; attn_norm_2 64; attn_gate 64 64; attn_output 64 64; ffn_norm 64" + EXPERTS.replace("32", "96");
        demand("minimax-01", UNTIED, EPSILON + " residual_scale expert_count expert_used_count rope.dimension_count attention.recurrent_layers", lightning, lightning, lightning, QKV + "; ffn_norm 64" + EXPERTS.replace("32", "96"));
        demand("dots1", UNTIED, EPSILON + chosen + " expert_shared_count leading_dense_block_count expert_weights_scale expert_weights_norm", equal + HEADS + "; ffn_norm 64" + GATED,
                equal + HEADS + "; ffn_norm 64; exp_probs_b.bias 4; ffn_gate_shexp 64 64; ffn_up_shexp 64 64; ffn_down_shexp 64 64" + EXPERTS);
        demand("minimax-m2", UNTIED, EPSILON + chosen + " rope.dimension_count", QKV + "; attn_q_norm 64; attn_k_norm 32; ffn_norm 64; exp_probs_b.bias 4" + EXPERTS.replace("32", "96"));
        String fused = "attn_norm 64; attn_qkv 64 128; attn_output 64 64; ffn_norm 64" + HEADS;
        demand("bailingmoe2", UNTIED, EPSILON + chosen + " expert_shared_count expert_shared_feed_forward_length leading_dense_block_count expert_weights_scale expert_weights_norm rope.dimension_count", fused + GATED,
                fused + "; exp_probs_b.bias 8; ffn_gate_shexp 64 32; ffn_up_shexp 64 32; ffn_down_shexp 32 64" + EXPERTS.replace(" 4;", " 8;").replaceFirst(" 4$", " 8"));
        ExpertsTinyModels.DEMANDS.forEach(demand -> demand(demand.getFirst(), demand.get(1), demand.get(2), demand.subList(3, demand.size()).toArray(String[]::new)));
        String bothWays = "attn_norm.bias 64; ffn_norm.bias 64; attn_output.bias 64; ";
        for (String name : List.of("nanbeige", "nanbeige-skipping")) {
            demand(name, UNTIED, EPSILON + " attention.key_length rope.dimension_count num_loops skip_loop_final_norm", "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 48; attn_output 96 64; ffn_norm 64" + GATED);
        }
        for (String name : List.of("nanbeige", "nanbeige-skipping")) {
            demand(name, UNTIED, EPSILON + " attention.key_length rope.dimension_count num_loops skip_loop_final_norm", "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 48; attn_output 96 64; ffn_norm 64" + GATED);
        }
        for (String name : List.of("nanbeige", "nanbeige-skipping")) {
            demand(name, UNTIED, EPSILON + " attention.key_length rope.dimension_count num_loops skip_loop_final_norm", "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 48; attn_output 96 64; ffn_norm 64" + GATED);
        }
        demand("jais2", UNTIED + "; output_norm.bias 64", "attention.layer_norm_epsilon rope.dimension_count", bothWays + QKV + BIASES + "; ffn_norm 64; ffn_up 64 96; ffn_up.bias 96; ffn_down 96 64; ffn_down.bias 64");
        demand("pangu-embedded", UNTIED, EPSILON + " rope.dimension_count", QKV + BIASES + "; attn_output.bias 64; ffn_norm 64" + GATED);
        demand("maincoder", OUTER, EPSILON + " rope.dimension_count attention.key_length", "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 48; attn_output 96 64; attn_q_norm 24; attn_k_norm 24; ffn_norm 64" + GATED);
        demand("plm", OUTER, EPSILON + " attention.kv_lora_rank attention.key_length attention.value_length rope.dimension_count",
                "attn_norm 64; attn_q 64 64; attn_kv_a_mqa 64 24; attn_kv_a_norm 16; attn_kv_b 16 80; attn_output 48 64; ffn_norm 64; ffn_up 64 96; ffn_down 96 64");
        demand("dream", UNTIED, EPSILON + " attention.causal", QKV + BIASES + "; ffn_norm 64" + GATED);
        demand("llada", UNTIED, EPSILON + " attention.causal rope.dimension_count", QKV + "; ffn_norm 64" + GATED);
        demand("gpt-oss", UNTIED, EPSILON + " expert_count expert_used_count expert_feed_forward_length attention.sliding_window rope.scaling.type rope.scaling.factor "
                + "rope.scaling.original_context_length", QKV + BIASES + "; attn_output.bias 64; attn_sinks 4; post_attention_norm 64; ffn_gate_inp 64 4; ffn_gate_inp.bias 4; ffn_gate_exps 64 96 4; "
                + "ffn_up_exps 64 96 4; ffn_down_exps 96 64 4; ffn_gate_exps.bias 96 4; ffn_up_exps.bias 96 4; ffn_down_exps.bias 64 4");
        demand("ernie4_5", OUTER, EPSILON, QKV + "; ffn_norm 64" + GATED);
        demand("ernie4_5-moe", OUTER, EPSILON + " expert_count expert_used_count expert_feed_forward_length expert_shared_feed_forward_length interleave_moe_layer_step leading_dense_block_count",
                QKV + "; ffn_norm 64" + GATED, QKV + "; ffn_norm 64; exp_probs_b.bias 4; ffn_gate_shexp 64 64; ffn_up_shexp 64 64; ffn_down_shexp 64 64" + EXPERTS);
        demand("seed_oss", UNTIED, EPSILON, QKV + BIASES + "; post_attention_norm 64" + GATED);
        demand("hunyuan-dense", OUTER, EPSILON + " rope.freq_base", QKV + HEADS + "; ffn_norm 64" + GATED);
        demand("exaone4", UNTIED + "; rope_freqs 8", EPSILON, "attn_q 64 64; attn_k 64 32; attn_v 64 32; attn_output 64 64; post_attention_norm 64; post_ffw_norm 64" + HEADS + GATED);
        demand("exaone4-32b", UNTIED + "; rope_freqs 8", EPSILON + " attention.sliding_window",
                "attn_q 64 64; attn_k 64 32; attn_v 64 32; attn_output 64 64; post_attention_norm 64; post_ffw_norm 64" + HEADS + GATED);
        demand("mistral3", OUTER, EPSILON + " attention.temperature_scale rope.scaling.yarn_log_multiplier rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow "
                + "rope.scaling.original_context_length", QKV + "; ffn_norm 64" + GATED);
        demand("lfm2", "token_embd 64 384; token_embd_norm 64", EPSILON + " shortconv.l_cache", CONVOLUTION + GATED, QKV + HEADS + "; ffn_norm 64" + GATED);
        demand("lfm2moe", "token_embd 64 384; token_embd_norm 64", EPSILON + " shortconv.l_cache expert_count expert_used_count expert_feed_forward_length expert_gating_func leading_dense_block_count",
                CONVOLUTION + GATED, QKV + HEADS + "; ffn_norm 64; exp_probs_b.bias 4" + EXPERTS, CONVOLUTION + "; exp_probs_b.bias 4" + EXPERTS);
        String gemma = QKV + HEADS + "; post_attention_norm 64; ffn_norm 64; post_ffw_norm 64" + GATED;
        for (String name : List.of("gemma3n", "gemma3n-vision")) {
            demand(name, OUTER + "; altup_proj 64 64 3; altup_unembd_proj 64 64 3; per_layer_token_embd 6400 384; per_layer_model_proj 64 6400; per_layer_proj_norm 256",
                    EPSILON + " attention.sliding_window final_logit_softcapping rope.freq_base rope.freq_base_swa", gemma + "; inp_gate 64 256; proj 256 64; post_norm 64; altup_correct_coef 4 4; "
                    + "altup_correct_scale 64; altup_predict_coef 4 16; altup_router 64 4; altup_router_norm 64; laurel_l 64 64; laurel_r 64 64; laurel_post_norm 64");
        }
        String keys4 = EPSILON + " attention.sliding_window attention.sliding_window_pattern attention.shared_kv_layers embedding_length_per_layer_input attention.key_length_swa "
                + "attention.value_length_swa attention.key_length attention.value_length final_logit_softcapping rope.freq_base rope.freq_base_swa rope.dimension_count rope.dimension_count_swa";
        String input = "; inp_gate 64 8; proj 8 64; post_norm 64; layer_output_scale 1";
        String full = "attn_norm 64; attn_q 64 128; attn_k 64 64; attn_v 64 64; attn_output 128 64; attn_q_norm 32; attn_k_norm 32; post_attention_norm 64; ffn_norm 64; post_ffw_norm 64" + GATED;
        for (String name : List.of("gemma4", "gemma4-vision")) {
            demand(name, OUTER + "; rope_freqs 16; per_layer_token_embd 48 384; per_layer_model_proj 64 48; per_layer_proj_norm 8", keys4, gemma + input, full + input, gemma + input, full + input,
                    "attn_norm 64; attn_q 64 64; attn_output 64 64; attn_q_norm 16; post_attention_norm 64; ffn_norm 64; post_ffw_norm 64; ffn_gate 64 192; ffn_up 64 192; ffn_down 192 64" + input,
                    "attn_norm 64; attn_q 64 128; attn_output 128 64; attn_q_norm 32; post_attention_norm 64; ffn_norm 64; post_ffw_norm 64; ffn_gate 64 192; ffn_up 64 192; ffn_down 192 64" + input);
        }
        String mixture = "; layer_output_scale 1; ffn_gate_inp 64 4; ffn_gate_inp.scale 64; ffn_down_exps.scale 4; pre_ffw_norm_2 64; post_ffw_norm_1 64; post_ffw_norm_2 64; ffn_gate_up_exps 64 64 4; ffn_down_exps 32 64 4";
        String bare = full.replace("attn_k 64 64; attn_v 64 64", "attn_k 64 32") + mixture;
        String scaled = "; layer_output_scale 1";
        String sameKeys = full.replace("attn_k 64 64; attn_v 64 64", "attn_k 64 32") + scaled;
        for (String name : List.of("gemma4-unified", "gemma4-unified-vision")) {
            demand(name, OUTER + "; rope_freqs 16", keys4, gemma + scaled, sameKeys, gemma + scaled, sameKeys, gemma + scaled, sameKeys);
        }
        demand("gemma4-moe", OUTER + "; rope_freqs 16", keys4 + " expert_count expert_used_count expert_feed_forward_length", gemma + mixture, bare, gemma + mixture, bare, gemma + mixture, bare);
        demand("hunyuan-vl", OUTER, EPSILON + " rope.freq_base rope.scaling.alpha rope.scaling.type rope.dimension_sections", QKV + HEADS + "; ffn_norm 64" + GATED);
        demand("paddleocr", UNTIED, EPSILON + " rope.dimension_sections", QKV + "; ffn_norm 64" + GATED);
        String delta = "attn_norm 64; attn_q 64 128; attn_k 64 128; attn_v 64 128; attn_output 128 64; ssm_conv1d_q 4 1 128; ssm_conv1d_k 4 1 128; ssm_conv1d_v 4 1 128; ssm_a 1 4; ssm_dt.bias 128; "
                + "ssm_f_a 64 32; ssm_f_b 32 128; ssm_beta 64 4; ssm_g_a 64 32; ssm_g_b 32 128; ssm_norm 32; ffn_norm 64";
        String mixed = "; exp_probs_b.bias 4; ffn_gate_shexp 64 32; ffn_up_shexp 64 32; ffn_down_shexp 32 64" + EXPERTS;
        demand("kimi-linear", UNTIED, EPSILON + chosen + " expert_shared_count leading_dense_block_count expert_weights_scale ssm.conv_kernel kda.head_dim attention.kv_lora_rank attention.key_length_mla "
                + "attention.value_length_mla rope.dimension_count attention.head_count_kv", delta + GATED, delta + mixed, delta + mixed,
                "attn_norm 64; attn_q 64 64; attn_kv_a_mqa 64 24; attn_kv_a_norm 16; attn_k_b 8 16 4; attn_v_b 16 12 4; attn_output 48 64; ffn_norm 64" + mixed);
        String indexer = "; indexer.k_norm 64; indexer.k_norm.bias 64; indexer.proj 64 8; indexer.attn_k 64 64; indexer.attn_q_b 24 512";
        String latent = "attn_norm 64; attn_q_a 64 24; attn_q_a_norm 24; attn_q_b 24 64; attn_kv_a_mqa 64 24; attn_kv_a_norm 16; attn_k_b 8 16 4; attn_v_b 16 12 4; attn_output 48 64; ffn_norm 64";
        String wide = "; exp_probs_b.bias 4; ffn_gate_shexp 64 64; ffn_up_shexp 64 64; ffn_down_shexp 64 64" + EXPERTS;
        String indexed = EPSILON + chosen + " expert_shared_count leading_dense_block_count expert_weights_scale expert_weights_norm attention.q_lora_rank attention.kv_lora_rank attention.key_length_mla "
                + "attention.value_length_mla rope.dimension_count attention.indexer.head_count attention.indexer.key_length attention.indexer.top_k";
        demand("deepseek32", UNTIED, indexed, latent + indexer + GATED, latent + indexer + wide.replace(" 4;", " 8;").replaceFirst(" 4$", " 8"));
        demand("glm-dsa", UNTIED, indexed + " attention.indexer.types", latent + indexer + GATED, latent + indexer + wide, latent + wide);
        String beside35 = "; attn_q_norm 16; attn_k_norm 16; ffn_norm 64";
        String experts35 = beside35 + "; exp_probs_b.bias 4; ffn_gate_shexp 64 48; ffn_up_shexp 64 48; ffn_down_shexp 48 64" + EXPERTS;
        String whole35 = QKV + "; attn_gate 64 4";
        String window35 = "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 48; attn_output 96 64; attn_gate 64 6" + experts35;
        for (String name : List.of("step35", "step37")) {
            demand(name, UNTIED + "; rope_freqs 8", EPSILON + chosen + " expert_weights_scale expert_weights_norm expert_shared_feed_forward_length attention.sliding_window attention.sliding_window_pattern "
                    + "rope.freq_base_swa swiglu_clamp_exp swiglu_clamp_shexp", whole35 + beside35 + GATED, window35, window35, whole35 + experts35);
        }
        String narrow = "attn_norm 64; attn_q 64 96; attn_k 64 48; attn_v 64 32; attn_output 64 64; ffn_norm 64";
        String sunk = narrow.replace("64 48; attn_v 64 32", "64 96; attn_v 64 64; attn_sinks 4") + "; exp_probs_b.bias 4" + EXPERTS;
        demand("mimo2", UNTIED, EPSILON + chosen + " attention.sliding_window attention.sliding_window_pattern rope.freq_base_swa rope.dimension_count attention.value_scale attention.key_length attention.value_length",
                narrow + GATED, sunk, sunk, narrow + "; exp_probs_b.bias 4" + EXPERTS);
    }

    /** Types of keys, as llama.cpp's loader reads them ({@code gguf-py/gguf/constants.py} and {@code llama-model-loader.cpp}). */
    private static final String UINT32 = "num_loops attention.kv_lora_rank pooling_type attention.relative_buckets_count decoder_block_count decoder_start_token_id "
            + "context_length embedding_length block_count feed_forward_length vocab_size attention.head_count attention.head_count_kv attention.key_length "
            + "attention.value_length attention.key_length_swa attention.value_length_swa attention.sliding_window attention.shared_kv_layers rope.dimension_count rope.dimension_count_swa "
            + "rope.scaling.original_context_length expert_count expert_used_count expert_group_count expert_group_used_count expert_shared_count expert_feed_forward_length "
            + "expert_chunk_feed_forward_length experts_per_group "
            + "expert_shared_feed_forward_length expert_gating_func leading_dense_block_count interleave_moe_layer_step shortconv.l_cache ssm.conv_kernel ssm.state_size ssm.group_count ssm.inner_size ssm.time_step_rank embedding_length_per_layer_input moe_latent_size altup.active_idx altup.num_inputs "
            + "attention.q_lora_rank attention.indexer.head_count attention.indexer.key_length attention.indexer.top_k attention.kv_lora_rank attention.key_length_mla attention.value_length_mla kda.head_dim";
    private static final String FLOAT32 = "attention.layer_norm_epsilon "
            + "attention.layer_norm_rms_epsilon attention.scale embedding_scale residual_scale logit_scale attention.temperature_scale final_logit_softcapping rope.freq_base rope.freq_base_swa rope.scaling.factor "
            + "rope.scaling.yarn_log_multiplier rope.scaling.yarn_beta_fast rope.scaling.yarn_beta_slow expert_weights_scale expert_group_scale attention.value_scale "
            + "rope.scaling.alpha";
    private static final Map<String, String> OTHERS = Map.of("attention.causal", "BOOL", "rope.scaling.type", "STRING", "expert_weights_norm", "BOOL", "rope.scaling.finetuned", "BOOL",
            "activation_sparsity_scale", "ARRAY FLOAT32", "swiglu_clamp_exp", "ARRAY FLOAT32", "rope.dimension_sections", "ARRAY INT32", "swiglu_clamp_shexp", "ARRAY FLOAT32");
    private static final List<String> FLAGS = List.of("skip_loop_final_norm");
    /** One flag per layer. */
    private static final List<String> FLAGS_PER_LAYER = List.of("attention.indexer.types", "attention.recurrent_layers", "attention.sliding_window_pattern");
    /** Keys that may also hold one INT32 per layer. */
    private static final List<String> PER_LAYER = List.of("feed_forward_length", "attention.head_count", "attention.head_count_kv");

    private static final Map<String, ConvertedModel> CONVERTED = new HashMap<>();

    static List<String> models() {
        return List.copyOf(DEMANDS.keySet());
    }

    private static ConvertedModel converted(String name) {
        return CONVERTED.computeIfAbsent(name, n -> new ModelConverter().convert(TinyModels.checkpoint(n, ElementType.BF16), Provenance.NONE));
    }

    /** But those that make vectors, which {@link EmbeddingsIT} compares. */
    @Test
    void everyArchitectureThatTheLibraryCannotLoadIsHere() {
        TreeSet<String> held = models().stream().map(name -> converted(name).architecture()).collect(Collectors.toCollection(TreeSet::new));
        held.addAll(BESIDE);
        assertThat(held).containsAll(ArchitectureCatalog.builtIn().all().stream().filter(a -> !a.since().isEmpty() && !a.embeds() && !OF_A_NEWER_FORM.contains(a.arch())).map(Architecture::arch)
                .collect(Collectors.toCollection(TreeSet::new)));
    }

    @ParameterizedTest
    @MethodSource("models")
    void theTensorsAreThoseThatTheLoaderCreates(String name) {
        Demand demand = DEMANDS.get(name);
        ConvertedModel model = converted(name);
        Map<String, String> expected = new TreeMap<>();
        add(expected, "", "", demand.outer());
        int blocks = ((Number) model.metadata().find(model.architecture() + ".block_count").orElseThrow().value()).intValue();
        for (int i = 0; i < blocks && !demand.layers().isEmpty(); i++) {
            add(expected, model.architecture(), "blk." + i + ".", demand.layers().get(Math.min(i, demand.layers().size() - 1)));
        }
        Map<String, String> found = new TreeMap<>();
        model.tensors().tensors().forEach(t -> found.put(t.name(), t.shape().reversed().stream().map(String::valueOf).collect(Collectors.joining(" "))));
        assertThat(found).isEqualTo(expected);
    }

    @ParameterizedTest
    @MethodSource("models")
    void theKeysAreThereInTheTypesThatTheLoaderReads(String name) {
        ConvertedModel model = converted(name);
        String group = model.architecture() + ".";
        List<String> required = new ArrayList<>(List.of("context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count"));
        required.addAll(DEMANDS.get(name).keys());
        for (String key : required) {
            assertThat(model.metadata().find(key.startsWith("xielu.") ? key : group + key)).as("key %s of %s", key, name).isPresent();
        }
        int blocks = ((Number) model.metadata().find(group + "block_count").orElseThrow().value()).intValue();
        model.metadata().entries().forEach((key, value) -> {
            if (key.startsWith(group)) {
                String own = key.substring(group.length());
                boolean list = PER_LAYER.contains(own) && value.type() == ValueType.ARRAY;
                assertThat(type(value)).as("type of %s", key).isEqualTo(list ? "ARRAY INT32" : expectedType(own));
                if (value.type() == ValueType.ARRAY) {
                    assertThat(length(value)).as("entries of %s, one per layer or part", key).isEqualTo(own.equals("rope.dimension_sections") ? 4 : blocks);
                }
            }
        });
    }

    private static String expectedType(String key) {
        return FLAGS_PER_LAYER.contains(key) ? "ARRAY BOOL" : List.of(UINT32.split(" ")).contains(key) ? "UINT32" : List.of(FLOAT32.split(" ")).contains(key) ? "FLOAT32" : FLAGS.contains(key) ? "BOOL" : OTHERS.getOrDefault(key, "a key that the loader does not know");
    }

    private static String type(Value value) {
        return value.type() == ValueType.ARRAY ? "ARRAY " + value.element() : value.type().toString();
    }

    private static int length(Value value) {
        return value.value() instanceof List<?> list ? list.size() : Array.getLength(value.value());
    }

    static void demand(String name, String outer, String keys, String... layers) {
        DEMANDS.put(name, new Demand(outer, List.of(layers), List.of(keys.split(" "))));
    }

    /** Vectors whose names have no ending in the loaders of some architectures. */
    private static final Map<String, String> BARE = Map.of("falcon-h1", "ffn_norm", "plamo2", "ssm_(dt|b|c)_norm|post_(attention|ffw)_norm", "plamo3", "post_(attention|ffw)_norm");

    private static void add(Map<String, String> into, String architecture, String prefix, String tensors) {
        for (String tensor : tensors.split("; ")) {
            int blank = tensor.indexOf(' ');
            String name = tensor.substring(0, blank);
            into.put(prefix + name + (name.endsWith(".bias") || name.endsWith(".scale") || name.matches("ssm_[ad]|exp_probs_b|" + BARE.getOrDefault(architecture, "")) ? "" : ".weight"), tensor.substring(blank + 1));
        }
    }
}
