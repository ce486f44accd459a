package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.gated;
import static dev.adapterferry.convert.TinyModels.layers;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.List;

/** The cases of {@link TinyModels} whose layers with a window have other heads than those that see everything. */
final class WindowedTinyModels {
    /** Four layers, and one that predicts further tokens, which the lists count too. */
    private static final String STEP = "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":4,\"num_attention_heads\":4,\"num_attention_groups\":2,\"vocab_size\":384,\"max_position_embeddings\":512,\"bos_token_id\":1,"
            + "\"eos_token_id\":2,\"head_dim\":16,\"rms_norm_eps\":1e-5,\"rope_theta\":[50000.0,10000.0,10000.0,50000.0,10000.0],\"partial_rotary_factors\":[0.5,1.0,1.0,0.5,1.0],"
            + "\"layer_types\":[\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\",\"sliding_attention\"],\"sliding_window\":5,"
            + "\"attention_other_setting\":{\"attention_type\":\"sliding_attention\",\"num_attention_heads\":6,\"num_attention_groups\":3,\"head_dim\":16},\"use_head_wise_attn_gate\":true,"
            + "\"moe_layers_enum\":\"1,2,3\",\"moe_num_experts\":4,\"moe_top_k\":2,\"moe_intermediate_size\":32,\"share_expert_dim\":48,\"use_moe_router_bias\":true,\"moe_router_activation\":\"sigmoid\","
            + "\"moe_router_scaling_factor\":3.0,\"norm_expert_weight\":true,\"swiglu_limits\":[0.0,0.0,0.4,0.5,0.0],\"swiglu_limits_shared\":[0.3,0.0,0.0,0.6,0.0],\"num_nextn_predict_layers\":1,"
            + "\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":2.0,\"low_freq_factor\":1.0,\"high_freq_factor\":32.0,\"original_max_position_embeddings\":64},\"yarn_only_types\":[\"full_attention\"]";

    private WindowedTinyModels() { }

    static void add() {
        put("step35", "Step3p5ForCausalLM", "bpe", "," + STEP + UNTIED, WindowedTinyModels::step);
        put("step37", "Step3p7ForConditionalGeneration", "bpe", ",\"text_config\":{\"architectures\":[\"Step3p5ForCausalLM\"],\"model_type\":\"step3p5\"," + STEP + "}" + UNTIED,
                c -> WrappedTinyModels.copy(c, "step35", WrappedTinyModels::below, List.of("model.vision_model.conv1.weight", "model.vit_large_projector.weight")));
        put("mimo2", "MiMoV2FlashForCausalLM", "bpe", ",\"num_hidden_layers\":4,\"layernorm_epsilon\":1e-5,\"head_dim\":24,\"v_head_dim\":16,\"swa_head_dim\":24,\"swa_v_head_dim\":16,\"swa_num_attention_heads\":4,"
                + "\"swa_num_key_value_heads\":4,\"num_key_value_heads\":2,\"hybrid_layer_pattern\":[0,1,1,0],\"sliding_window\":5,\"add_swa_attention_sink_bias\":true,\"add_full_attention_sink_bias\":false,"
                + "\"attention_value_scale\":0.707,\"partial_rotary_factor\":0.334,\"rope_theta\":5000000,\"swa_rope_theta\":10000,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,"
                + "\"moe_layer_freq\":[0,1,1,1],\"n_group\":1,\"topk_group\":1,\"norm_topk_prob\":true,\"routed_scaling_factor\":null,\"scoring_func\":\"sigmoid\",\"topk_method\":\"noaux_tc\",\"attention_bias\":false" + UNTIED,
                WindowedTinyModels::mimo);
    }

    private static void step(MemoryCheckpoint c) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", 0, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        layers(c, l -> {
            boolean local = !l.equals("model.layers.0.") && !l.equals("model.layers.3.");
            int heads = local ? 6 : 4;
            int keys = (local ? 3 : 2) * HEAD;
            String a = l + "self_attn.";
            c.add(l + "input_layernorm.weight", 0, WIDTH).add(l + "post_attention_layernorm.weight", 0, WIDTH).add(a + "q_norm.weight", 0, HEAD).add(a + "k_norm.weight", 0, HEAD);
            c.add(a + "q_proj.weight", 0, heads * HEAD, WIDTH).add(a + "k_proj.weight", 0, keys, WIDTH).add(a + "v_proj.weight", 0, keys, WIDTH).add(a + "o_proj.weight", 0, WIDTH, heads * HEAD)
                    .add(a + "g_proj.weight", 0, heads, WIDTH);
            if (l.equals("model.layers.0.")) {
                gated(c, l + "mlp.", 96);
                return;
            }
            c.add(l + "moe.gate.weight", 0, 4, WIDTH).add(l + "moe.router_bias", 0, 4).add(l + "moe.gate_proj.weight", 0, 4, 32, WIDTH).add(l + "moe.up_proj.weight", 0, 4, 32, WIDTH)
                    .add(l + "moe.down_proj.weight", 0, 4, WIDTH, 32);
            gated(c, l + "share_expert.", 48);
        });
        c.add("model.layers.4.eh_proj.weight", 0, WIDTH, 2 * WIDTH).add("model.layers.4.transformer.shared_head.norm.weight", 0, WIDTH);
    }

    private static void mimo(MemoryCheckpoint c) {
        TinyModels.outer(c, true);
        layers(c, l -> {
            boolean local = !l.equals("model.layers.0.") && !l.equals("model.layers.3.");
            String a = l + "self_attn.";
            TinyModels.norms(c, l);
            c.add(a + "q_proj.weight", 0, 96, WIDTH).add(a + "k_proj.weight", 0, local ? 96 : 48, WIDTH).add(a + "v_proj.weight", 0, local ? 64 : 32, WIDTH).add(a + "o_proj.weight", 0, WIDTH, 64);
            if (local) {
                c.add(a + "attention_sink_bias", 0, 4);
            }
            if (l.equals("model.layers.0.")) {
                gated(c, l + "mlp.", 96);
                return;
            }
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.gate.e_score_correction_bias", 0, 4);
            TinyModels.experts(c, l, 4, 32);
        });
        c.add("model.mtp.layers.0.eh_proj.weight", 0, WIDTH, 2 * WIDTH);
    }
}
