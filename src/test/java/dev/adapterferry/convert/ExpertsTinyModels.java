package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.TIED;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.attention;
import static dev.adapterferry.convert.TinyModels.experts;
import static dev.adapterferry.convert.TinyModels.gated;
import static dev.adapterferry.convert.TinyModels.headNorms;
import static dev.adapterferry.convert.TinyModels.layers;
import static dev.adapterferry.convert.TinyModels.norms;
import static dev.adapterferry.convert.TinyModels.outer;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.List;

/** The cases of {@link TinyModels} of further mixtures of experts: names and shapes as the model classes of their authors have them, or transformers'. */
final class ExpertsTinyModels {
    private static final String SHARED = "; ffn_gate_shexp 64 %1$d; ffn_up_shexp 64 %1$d; ffn_down_shexp %1$d 64";
    private static final String QKV = "attn_norm 64; attn_q 64 64; attn_k 64 32; attn_v 64 32; attn_output 64 64; ffn_norm 64";
    private static final String HEADS = "; attn_q_norm 16; attn_k_norm 16";
    private static final String DENSE = "; ffn_gate 64 96; ffn_up 64 96; ffn_down 96 64";
    private static final String EXPERTS = "; ffn_gate_inp 64 4; ffn_gate_exps 64 32 4; ffn_up_exps 64 32 4; ffn_down_exps 32 64 4";
    private static final String BIAS = "; exp_probs_b.bias 4";
    private static final String OUTER = "token_embd 64 384; output_norm 64";
    private static final String UNTIED_OUTER = OUTER + "; output 64 384";
    private static final String KEYS = "attention.layer_norm_rms_epsilon expert_count expert_used_count expert_feed_forward_length";
    private static final String CHOSEN = KEYS + " expert_shared_count leading_dense_block_count expert_weights_scale expert_weights_norm expert_gating_func";
    private static final String GATE = "; post_attention_norm 64; post_ffw_norm 64; attn_gate 64 64";

    private static final String WIDER = QKV.replace("attn_q 64 64", "attn_q 64 96").replace("attn_output 64 64", "attn_output 96 64") + HEADS + "; attn_gate 64 6" + BIAS + EXPERTS + SHARED.formatted(48);

    /** What {@link LoaderDemandsTest} asks of each: name, tensors outside the layers, required keys, tensors of the layers. */
    static final List<List<String>> DEMANDS = List.of(
            List.of("hunyuan-moe", OUTER, KEYS + " expert_shared_feed_forward_length", QKV + HEADS + EXPERTS.replace("32", "96") + SHARED.formatted(96)),
            List.of("bailingmoe", UNTIED_OUTER, KEYS + " expert_shared_count expert_weights_scale expert_weights_norm rope.dimension_count", QKV + EXPERTS + SHARED.formatted(64)),
            List.of("solar_open", UNTIED_OUTER, CHOSEN + " rope.dimension_count", QKV.replace("ffn_norm", "post_attention_norm") + BIAS + EXPERTS + SHARED.formatted(32)),
            List.of("sarvam-moe", UNTIED_OUTER, CHOSEN + " rope.dimension_count", "attn_norm 64; attn_qkv 64 128; attn_output 64 64; ffn_norm 64" + HEADS + DENSE,
                    "attn_norm 64; attn_qkv 64 128; attn_output 64 64; ffn_norm 64" + HEADS + BIAS + EXPERTS + SHARED.formatted(32)),
            List.of("afmoe", UNTIED_OUTER, CHOSEN + " attention.sliding_window", QKV + HEADS + GATE + DENSE, QKV + HEADS + GATE + BIAS + EXPERTS + SHARED.formatted(64)),
            List.of("smallthinker", OUTER, KEYS + " expert_gating_func", QKV + EXPERTS), List.of("smallthinker-21b", UNTIED_OUTER, KEYS + " expert_gating_func attention.sliding_window", QKV + EXPERTS),
            List.of("grovemoe", UNTIED_OUTER, KEYS + " expert_chunk_feed_forward_length experts_per_group expert_group_scale", QKV + HEADS + EXPERTS
                    + "; ffn_gate_chexps 64 128 2; ffn_up_chexps 64 128 2; ffn_down_chexps 128 64 2"),
            List.of("hy_v3-transformers", UNTIED_OUTER, CHOSEN + " expert_shared_feed_forward_length", QKV + HEADS + DENSE, QKV + HEADS + "; exp_probs_b 4" + EXPERTS + SHARED.formatted(32)),
            List.of("llada-moe", UNTIED_OUTER, KEYS + " attention.causal", QKV + HEADS + EXPERTS), List.of("rnd1", UNTIED_OUTER, KEYS + " attention.causal", QKV + HEADS + EXPERTS),
            List.of("mellum", UNTIED_OUTER, KEYS + " attention.sliding_window attention.sliding_window_pattern rope.scaling.type", QKV + HEADS + EXPERTS),
            List.of("laguna", UNTIED_OUTER, CHOSEN.replace(" expert_shared_count", "") + " expert_shared_feed_forward_length attention.sliding_window rope.dimension_count rope.dimension_count_swa rope.freq_base_swa",
                    QKV + HEADS + "; attn_gate 64 4" + DENSE, WIDER, WIDER, WIDER, QKV + HEADS + "; attn_gate 64 4" + BIAS + EXPERTS + SHARED.formatted(48)),
            List.of("exaone-moe", UNTIED_OUTER, CHOSEN + " attention.sliding_window expert_shared_feed_forward_length", QKV + HEADS + DENSE, QKV + HEADS + BIAS + EXPERTS + SHARED.formatted(32)));

    private ExpertsTinyModels() { }

    static void add() {
        put("hunyuan-moe", "HunYuanMoEV1ForCausalLM", "bpe", RMS + TIED + ",\"head_dim\":16,\"rope_scaling\":{\"type\":\"dynamic\",\"alpha\":1000.0,\"factor\":1.0},\"num_experts\":4,"
                + "\"moe_topk\":[2,2],\"num_shared_expert\":[1,1],\"moe_intermediate_size\":[96,96]", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                c.add(l + "self_attn.query_layernorm.weight", 1, HEAD).add(l + "self_attn.key_layernorm.weight", 1, HEAD).add(l + "mlp.gate.wg.weight", 0, 4, WIDTH);
                gated(c, l + "mlp.shared_mlp.", 96);
                experts(c, l, 4, 96);
            });
        });
        put("bailingmoe", "BailingMoeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"num_shared_experts\":2,\"norm_topk_prob\":true,"
                + "\"norm_head\":true,\"first_k_dense_replace\":0,\"use_bias\":false,\"use_qkv_bias\":false", c -> {
            bailing(c);
            layers(c, l -> {
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH);
                gated(c, l + "mlp.shared_experts.", 64);
                experts(c, l, 4, 32);
            });
        });
        String chosen = ",\"moe_intermediate_size\":32,\"num_experts_per_tok\":2,\"head_dim\":16";
        put("sarvam-moe", "SarvamMoEForCausalLM", "bpe", RMS + UNTIED + chosen + ",\"num_experts\":4,\"num_shared_experts\":1,\"first_k_dense_replace\":1,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":2.5", c -> {
            bailing(c);
            layers(c, l -> c.add(l + "attention.query_layernorm.weight", 1, HEAD).add(l + "attention.key_layernorm.weight", 1, HEAD));
            gated(c, "model.layers.0.mlp.", 96);
            chosen(c, "model.layers.1.", "mlp.gate", "mlp.gate.expert_bias", 32);
        });
        put("solar_open", "SolarOpenForCausalLM", "bpe", RMS + UNTIED + chosen + ",\"n_routed_experts\":4,\"n_shared_experts\":1,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":1.5,\"norm_topk_prob\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                chosen(c, l, "mlp.gate", "mlp.gate.e_score_correction_bias", 32);
            });
        });
        put("afmoe", "AfmoeForCausalLM", "bpe", RMS + UNTIED + chosen + ",\"num_hidden_layers\":5,\"num_dense_layers\":1,\"num_experts\":4,\"num_shared_experts\":2,\"route_scale\":2.826,\"route_norm\":true,"
                + "\"score_func\":\"sigmoid\",\"sliding_window\":4,\"global_attn_every_n_layers\":4,\"mup_enabled\":true,\"layer_types\":[" + windows(5) + "]", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "pre_mlp_layernorm.weight", 1, WIDTH).add(l + "post_mlp_layernorm.weight", 1, WIDTH).add(l + "self_attn.gate_proj.weight", 0, 64, WIDTH);
                attention(c, l, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                if (l.endsWith(".0.")) {
                    gated(c, l + "mlp.", 96);
                } else {
                    chosen(c, l, "mlp.router.gate", "mlp.expert_bias", 64);
                }
            });
        });
        smallThinker("smallthinker", RMS + TIED + ",\"rope_layout\":[1,1],\"sliding_window_layout\":[0,0],\"moe_primary_router_apply_softmax\":false");
        smallThinker("smallthinker-21b", RMS + UNTIED + ",\"num_hidden_layers\":6,\"rope_layout\":[0,1,1,1,0,1],\"sliding_window_layout\":[0,1,1,1,0,1],\"sliding_window_size\":4096,"
                + "\"moe_primary_router_apply_softmax\":true");
        String qwen = RMS + UNTIED + ",\"head_dim\":16,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"norm_topk_prob\":true";
        put("grovemoe", "GroveMoeForCausalLM", "bpe", qwen, c -> {
            qwen(c);
            layers(c, l -> {
                c.add(l + "mlp.expert_bias", 0, 4);
                gated(c, l + "mlp.chunk_experts.0.", 128);
                gated(c, l + "mlp.chunk_experts.1.", 128);
            });
        });
        String filled = qwen.replace(",\"norm_topk_prob\":true", "") + ",\"mask_token_id\":300";
        put("llada-moe", "LLaDAMoEModelLM", "bpe", filled.replace("\"moe_intermediate", "\"dense_intermediate_size\":96,\"expert_intermediate") + ",\"qk_layernorm\":true,\"moe_layer_freq\":[1,1],"
                + "\"shared_expert_intermediate_size\":null,\"moe_router_enable_expert_bias\":null,\"norm_topk_prob\":null,\"clip_qkv\":null", ExpertsTinyModels::qwen);
        put("rnd1", "RND1", "bpe", filled + ",\"norm_topk_prob\":true,\"is_causal\":false,\"rope_scaling\":false,\"sliding_window\":false", ExpertsTinyModels::qwen);
        put("mellum", "MellumForCausalLM", "bpe", qwen.replace(",\"rope_theta\":10000.0", "") + ",\"num_hidden_layers\":4,\"sliding_window\":4,\"layer_types\":[" + windows(4) + "],"
                + "\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"yarn\",\"rope_theta\":10000.0,\"factor\":16.0,\"original_max_position_embeddings\":512,\"beta_fast\":32.0,\"beta_slow\":1.0},"
                + "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}}", ExpertsTinyModels::qwen);
        arctic();
        laguna();
        hy3("hy_v3", true);
        hy3("hy_v3-transformers", false);
        exaone("exaone-moe", false);
        exaone("exaone-moe-mtp", true);
    }

    private static void smallThinker(String name, String config) {
        put(name, "SmallThinkerForCausalLM", "bpe", config + ",\"head_dim\":16,\"moe_num_primary_experts\":4,\"moe_num_active_primary_experts\":2,\"moe_ffn_hidden_size\":32", c -> {
            outer(c, name.endsWith("21b"));
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                String m = l + "block_sparse_moe.";
                c.add(m + "primary_router.weight", 0, 4, WIDTH);
                for (int e = 0; e < 4; e++) {
                    String x = m + "experts." + e + ".";
                    c.add(x + "up.weight", 0, 32, WIDTH).add(x + "gate.weight", 0, 32, WIDTH).add(x + "down.weight", 0, WIDTH, 32);
                }
            });
        });
    }

    private static void qwen(MemoryCheckpoint c) {
        outer(c, true);
        layers(c, l -> {
            norms(c, l);
            attention(c, l, false, "o_proj");
            headNorms(c, l, HEAD, HEAD);
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH);
            experts(c, l, 4, 32);
        });
    }

    private static void arctic() {
        put("arctic", "ArcticForCausalLM", "spm", RMS + UNTIED + ",\"num_local_experts\":4,\"num_experts_per_tok\":2,\"moe_layer_frequency\":1,\"parallel_attn_mlp_res\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                c.add(l + "residual_layernorm.weight", 1, WIDTH).add(l + "block_sparse_moe.gate.weight", 0, 4, WIDTH);
                numbered(c, l + "residual_mlp.", WIDTH);
                for (int e = 0; e < 4; e++) {
                    numbered(c, l + "block_sparse_moe.experts." + e + ".", 96);
                }
            });
        });
    }

    private static void numbered(MemoryCheckpoint c, String prefix, int inner) {
        c.add(prefix + "w1.weight", 0, inner, WIDTH).add(prefix + "w2.weight", 0, WIDTH, inner).add(prefix + "w3.weight", 0, inner, WIDTH);
    }

    /** Heads of 16: 4 where a layer sees everything, 6 where it has a window. */
    private static void laguna() {
        put("laguna", "LagunaForCausalLM", "bpe", ",\"rms_norm_eps\":1e-5" + UNTIED + ",\"head_dim\":16,\"num_hidden_layers\":5,\"num_attention_heads_per_layer\":[4,6,6,6,4],\"num_experts\":4,\"num_experts_per_tok\":2,"
                + "\"moe_intermediate_size\":32,\"shared_expert_intermediate_size\":48,\"moe_routed_scaling_factor\":2.5,\"gating\":true,\"sliding_window\":4,"
                + "\"mlp_layer_types\":[\"dense\",\"sparse\",\"sparse\",\"sparse\",\"sparse\"],"
                + "\"layer_types\":[\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\"],\"rope_parameters\":{"
                + "\"full_attention\":{\"rope_type\":\"yarn\",\"rope_theta\":500000.0,\"partial_rotary_factor\":0.5,\"factor\":16.0,\"original_max_position_embeddings\":8,\"beta_fast\":4.0,\"beta_slow\":0.05},"
                + "\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":10000.0,\"partial_rotary_factor\":1.0}}", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                int heads = l.matches("model.layers.[04].") ? 4 : 6;
                attention(c, l, 16 * heads, 32, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                c.add(l + "self_attn.g_proj.weight", 0, heads, WIDTH);
                if (l.endsWith(".0.")) {
                    gated(c, l + "mlp.", 96);
                } else {
                    chosen(c, l, "mlp.gate", "mlp.gate.e_score_correction_bias", 48);
                }
            });
        });
    }

    /** As released, with the layer that predicts, or as transformers writes it. */
    private static void hy3(String name, boolean released) {
        put(name, "HYV3ForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"moe_intermediate_size\":32,\"num_experts_per_tok\":2,\"num_experts\":4,\"num_shared_experts\":1,"
                + "\"router_scaling_factor\":2.826" + (released ? ",\"first_k_dense_replace\":1,\"route_norm\":true,\"qk_norm\":true,\"num_nextn_predict_layers\":1" : ",\"mlp_layer_types\":[\"dense\",\"sparse\"]"), c -> {
            outer(c, true);
            for (int i = 0; i < (released ? 3 : 2); i++) {
                String l = "model.layers." + i + ".";
                exaoneAttention(c, l);
                gated(c, l + (i == 0 ? "mlp." : released ? "mlp.shared_mlp." : "mlp.shared_experts."), i == 0 ? 96 : 32);
                if (i > 0) {
                    String bias = l + (released ? "mlp.expert_bias" : "mlp.e_score_correction_bias");
                    c.add(l + (released ? "mlp.router.gate.weight" : "mlp.gate.weight"), 0, 4, WIDTH).add(bias, 0, 4).multiply(bias, 8);
                    experts(c, l, 4, 32);
                }
            }
            if (released) {
                String last = "model.layers.2.";
                c.add(last + "eh_proj.weight", 0, WIDTH, 2 * WIDTH).add(last + "enorm.weight", 1, WIDTH).add(last + "hnorm.weight", 1, WIDTH).add(last + "final_layernorm.weight", 1, WIDTH);
            }
        });
    }

    private static void exaone(String name, boolean predicting) {
        put(name, "ExaoneMoEForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"moe_intermediate_size\":32,\"num_experts_per_tok\":2,\"num_hidden_layers\":5,\"first_k_dense_replace\":1,\"num_experts\":4,"
                + "\"num_shared_experts\":1,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,\"scoring_func\":\"sigmoid\",\"sliding_window\":4,\"sliding_window_pattern\":\"LLLG\","
                + "\"num_nextn_predict_layers\":1,\"layer_types\":[" + windows(5) + "]", c -> {
            outer(c, true);
            layers(c, l -> {
                exaoneAttention(c, l);
                if (l.endsWith(".0.")) {
                    gated(c, l + "mlp.", 96);
                } else {
                    chosen(c, l, "mlp.gate", "mlp.e_score_correction_bias", 32);
                }
            });
            if (predicting) {
                exaoneAttention(c, "mtp.layers.0.");
                gated(c, "mtp.layers.0.mlp.", 96);
                c.add("mtp.fc.weight", 0, WIDTH, 2 * WIDTH).add("mtp.pre_fc_norm_embedding.weight", 1, WIDTH).add("mtp.pre_fc_norm_hidden.weight", 1, WIDTH).add("mtp.norm.weight", 1, WIDTH);
            }
        });
    }

    private static void exaoneAttention(MemoryCheckpoint c, String l) {
        norms(c, l);
        attention(c, l, false, "o_proj");
        headNorms(c, l, HEAD, HEAD);
    }

    /** All layers have a window but each fourth. */
    private static String windows(int layers) {
        StringBuilder types = new StringBuilder();
        for (int i = 0; i < layers; i++) {
            types.append(i == 0 ? "" : ",").append(i % 4 < 3 ? "\"sliding_attention\"" : "\"full_attention\"");
        }
        return types.toString();
    }

    /** Ling's outer tensors, norms and attention. */
    private static void bailing(MemoryCheckpoint c) {
        c.add("model.word_embeddings.weight", 0, ROWS, WIDTH).add("model.norm.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        layers(c, l -> {
            norms(c, l);
            c.add(l + "attention.query_key_value.weight", 0, 128, WIDTH).add(l + "attention.dense.weight", 0, WIDTH, 64);
        });
    }

    /** Four experts of 32 that are chosen with a bias, and a shared one. */
    private static void chosen(MemoryCheckpoint c, String l, String router, String bias, int shared) {
        c.add(l + router + ".weight", 0, 4, WIDTH).add(l + bias, 0, 4);
        gated(c, l + "mlp.shared_experts.", shared);
        experts(c, l, 4, 32);
    }
}
