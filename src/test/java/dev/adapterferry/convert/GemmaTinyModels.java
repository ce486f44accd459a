package dev.adapterferry.convert;

import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The cases of {@link TinyModels} for Gemma 3n and Gemma 4, and for LFM2 with experts. */
final class GemmaTinyModels {
    private static final int ROWS = TinyModels.ROWS;
    private static final int WIDTH = 64;
    private static final int INNER = 96;
    /** llama.cpp has Gemma 3n's sizes in its code: 20 layers with keys, 256 elements per layer, detours of rank 64. */
    private static final int LAYERS_3N = 25;
    private static final int PER_LAYER_3N = 256;
    private static final int PER_LAYER_4 = 8;

    private static final String GEMMA_3N = ",\"num_hidden_layers\":25,\"head_dim\":16,\"rms_norm_eps\":1e-6,\"rope_theta\":1000000.0,\"rope_local_base_freq\":10000.0,\"sliding_window\":4,"
            + "\"final_logit_softcapping\":30.0,\"altup_num_inputs\":4,\"altup_active_idx\":0,\"altup_correct_scale\":true,\"laurel_rank\":64,\"num_kv_shared_layers\":5,"
            + "\"hidden_size_per_layer_input\":256,\"vocab_size_per_layer_input\":320,\"intermediate_size\":[" + list(LAYERS_3N, i -> "96") + "],\"layer_types\":["
            + list(LAYERS_3N, i -> i % 5 == 4 ? "\"full_attention\"" : "\"sliding_attention\"") + "],\"activation_sparsity_pattern\":[" + list(LAYERS_3N, i -> i < 10 ? "0.95" : "0.0") + "]";
    private static final String GEMMA_4 = ",\"num_hidden_layers\":6,\"head_dim\":16,\"global_head_dim\":32,\"rms_norm_eps\":1e-6,\"sliding_window\":4,\"final_logit_softcapping\":30.0,\"layer_types\":["
            + list(6, i -> i % 2 == 1 ? "\"full_attention\"" : "\"sliding_attention\"") + "],\"rope_parameters\":{\"full_attention\":{\"rope_type\":\"proportional\",\"partial_rotary_factor\":0.25,"
            + "\"rope_theta\":1000000.0},\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}}";
    private static final String SMALL_4 = GEMMA_4 + ",\"hidden_size_per_layer_input\":8,\"num_kv_shared_layers\":2,\"use_double_wide_mlp\":true,\"num_experts\":null,\"top_k_experts\":null,"
            + "\"moe_intermediate_size\":null,\"num_global_key_value_heads\":null,\"attention_k_eq_v\":false";
    private static final String MIXTURE_4 = GEMMA_4 + ",\"hidden_size_per_layer_input\":0,\"num_kv_shared_layers\":0,\"enable_moe_block\":true,\"num_experts\":4,\"top_k_experts\":2,"
            + "\"moe_intermediate_size\":32,\"num_global_key_value_heads\":1,\"attention_k_eq_v\":true";
    private static final String UNIFIED_4 = GEMMA_4 + ",\"num_kv_shared_layers\":0,\"num_global_key_value_heads\":1,\"attention_k_eq_v\":true";
    private static final String SMALL = "small";
    private static final String MIXTURE = "mixture";
    private static final String UNIFIED = "unified";
    private static final String TEXT = "\"hidden_size\":64,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"vocab_size\":384,\"max_position_embeddings\":512";

    private GemmaTinyModels() { }

    static void add() {
        TinyModels.put("gemma3n", "Gemma3nForCausalLM", "spm", GEMMA_3N, c -> gemma3n(c, "model."));
        TinyModels.put("gemma3n-vision", "Gemma3nForConditionalGeneration", "spm", ",\"text_config\":{" + TEXT + GEMMA_3N + "},\"vision_config\":{\"hidden_size\":32},\"audio_config\":{\"hidden_size\":32}", c -> {
            gemma3n(c, "model.language_model.");
            towers(c);
        });
        TinyModels.put("gemma4", "Gemma4ForCausalLM", "spm", SMALL_4, c -> gemma4(c, "model.", SMALL));
        TinyModels.put("gemma4-moe", "Gemma4ForCausalLM", "spm", MIXTURE_4, c -> gemma4(c, "model.", MIXTURE));
        TinyModels.put("gemma4-unified", "Gemma4UnifiedForCausalLM", "spm", UNIFIED_4, c -> gemma4(c, "model.", UNIFIED));
        TinyModels.put("gemma4-unified-vision", "Gemma4UnifiedForConditionalGeneration", "spm", ",\"text_config\":{" + TEXT + ",\"intermediate_size\":96" + UNIFIED_4 + "},\"vision_config\":{\"mm_embed_dim\":32}", c -> {
            gemma4(c, "model.language_model.", UNIFIED);
            towers(c);
        });
        TinyModels.put("gemma4-vision", "Gemma4ForConditionalGeneration", "spm", ",\"text_config\":{" + TEXT + ",\"intermediate_size\":96" + SMALL_4 + "},\"vision_config\":{\"hidden_size\":32}", c -> {
            gemma4(c, "model.language_model.", SMALL);
            towers(c);
        });
        TinyModels.put("lfm2moe", "Lfm2MoeForCausalLM", "bpe", ",\"norm_eps\":1e-5,\"rope_theta\":1000000.0,\"conv_L_cache\":3,\"num_hidden_layers\":3,\"layer_types\":[\"conv\",\"full_attention\",\"conv\"],"
                + "\"num_dense_layers\":1,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"norm_topk_prob\":true,\"use_expert_bias\":true,\"routed_scaling_factor\":1.0,"
                + "\"tie_word_embeddings\":true", GemmaTinyModels::lfm2moe);
    }

    private static void gemma3n(MemoryCheckpoint c, String prefix) {
        c.add(prefix + "embed_tokens.weight", 0, ROWS, WIDTH).add(prefix + "embed_tokens_per_layer.weight", 0, 320, LAYERS_3N * PER_LAYER_3N).add(prefix + "norm.weight", 1, WIDTH);
        c.add(prefix + "per_layer_model_projection.weight", 0, LAYERS_3N * PER_LAYER_3N, WIDTH).add(prefix + "per_layer_projection_norm.weight", 1, PER_LAYER_3N);
        for (int s = 0; s < 3; s++) {
            c.add(prefix + "altup_projections." + s + ".weight", 0, WIDTH, WIDTH).add(prefix + "altup_unembed_projections." + s + ".weight", 0, WIDTH, WIDTH);
        }
        for (int i = 0; i < LAYERS_3N; i++) {
            String l = prefix + "layers." + i + ".";
            norms(c, l);
            c.add(l + "self_attn.q_proj.weight", 0, 64, WIDTH).add(l + "self_attn.k_proj.weight", 0, 32, WIDTH).add(l + "self_attn.v_proj.weight", 0, 32, WIDTH).add(l + "self_attn.o_proj.weight", 0, WIDTH, 64);
            c.add(l + "self_attn.q_norm.weight", 1, 16).add(l + "self_attn.k_norm.weight", 1, 16);
            feedForward(c, l, INNER);
            perLayer(c, l, PER_LAYER_3N);
            c.add(l + "altup.correct_output_scale", 1, WIDTH).add(l + "altup.correction_coefs.weight", 0, 4, 4).add(l + "altup.prediction_coefs.weight", 0, 16, 4);
            // The router's input is divided by the width, so its weights are large.
            c.add(l + "altup.modality_router.weight", 1, 4, WIDTH).add(l + "altup.router_norm.weight", 1, WIDTH);
            c.add(l + "laurel.linear_left.weight", 0, 64, WIDTH).add(l + "laurel.linear_right.weight", 0, WIDTH, 64).add(l + "laurel.post_laurel_norm.weight", 1, WIDTH);
            // Scores are not scaled down, and streams feed each other: so many layers would blow up what F32 rounds ten thousandfold.
            c.multiply(l + "self_attn.q_norm.weight", 0.25f).multiply(l + "altup.prediction_coefs.weight", 0.1f);
        }
    }

    /** The small sizes have embeddings per layer and shared keys; the mixture and the unified one keys that are values where they see everything, the mixture experts. */
    private static void gemma4(MemoryCheckpoint c, String prefix, String kind) {
        boolean small = kind.equals(SMALL);
        c.add(prefix + "embed_tokens.weight", 0, ROWS, WIDTH).add(prefix + "norm.weight", 1, WIDTH);
        if (small) {
            c.add(prefix + "embed_tokens_per_layer.weight", 0, ROWS, 6 * PER_LAYER_4);
            c.add(prefix + "per_layer_model_projection.weight", 0, 6 * PER_LAYER_4, WIDTH).add(prefix + "per_layer_projection_norm.weight", 1, PER_LAYER_4);
        }
        for (int i = 0; i < 6; i++) {
            String l = prefix + "layers." + i + ".";
            boolean full = i % 2 == 1;
            int head = full ? 32 : 16;
            int keyHeads = full && !small ? 1 : 2;
            norms(c, l);
            c.add(l + "self_attn.q_proj.weight", 0, 4 * head, WIDTH).add(l + "self_attn.o_proj.weight", 0, WIDTH, 4 * head).add(l + "self_attn.q_norm.weight", 1, head).add(l + "layer_scalar", 0.8, 1);
            if (!small || i < 4) {
                c.add(l + "self_attn.k_proj.weight", 0, keyHeads * head, WIDTH).add(l + "self_attn.k_norm.weight", 1, head);
                if (small || !full) {
                    c.add(l + "self_attn.v_proj.weight", 0, keyHeads * head, WIDTH);
                }
            }
            feedForward(c, l, small && i >= 4 ? 2 * INNER : INNER);
            if (small) {
                perLayer(c, l, PER_LAYER_4);
            } else if (kind.equals(MIXTURE)) {
                c.add(l + "router.proj.weight", 0, 4, WIDTH).add(l + "router.scale", 1, WIDTH).add(l + "router.per_expert_scale", 1, 4);
                c.add(l + "experts.gate_up_proj", 0, 4, 64, WIDTH).add(l + "experts.down_proj", 0, 4, WIDTH, 32);
                c.add(l + "pre_feedforward_layernorm_2.weight", 1, WIDTH).add(l + "post_feedforward_layernorm_1.weight", 1, WIDTH).add(l + "post_feedforward_layernorm_2.weight", 1, WIDTH);
            }
        }
    }

    private static void norms(MemoryCheckpoint c, String l) {
        c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "post_attention_layernorm.weight", 1, WIDTH).add(l + "pre_feedforward_layernorm.weight", 1, WIDTH)
                .add(l + "post_feedforward_layernorm.weight", 1, WIDTH);
    }

    private static void feedForward(MemoryCheckpoint c, String l, int inner) {
        c.add(l + "mlp.gate_proj.weight", 0, inner, WIDTH).add(l + "mlp.up_proj.weight", 0, inner, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, inner);
    }

    private static void perLayer(MemoryCheckpoint c, String l, int size) {
        c.add(l + "per_layer_input_gate.weight", 0, size, WIDTH).add(l + "per_layer_projection.weight", 0, WIDTH, size).add(l + "post_per_layer_input_norm.weight", 1, WIDTH);
    }

    private static void towers(MemoryCheckpoint c) {
        c.add("model.vision_tower.encoder.layers.0.self_attn.q_proj.weight", 0, 32, 32).add("model.audio_tower.layers.0.feed_forward.weight", 0, 32, 32);
        c.add("model.embed_vision.embedding_projection.weight", 0, WIDTH, 32).add("model.embed_audio.embedding_projection.weight", 0, WIDTH, 32);
    }

    private static void lfm2moe(MemoryCheckpoint c) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.embedding_norm.weight", 1, WIDTH);
        for (int i = 0; i < 3; i++) {
            String l = "model.layers." + i + ".";
            c.add(l + "operator_norm.weight", 1, WIDTH).add(l + "ffn_norm.weight", 1, WIDTH);
            if (i == 1) {
                c.add(l + "self_attn.q_proj.weight", 0, 64, WIDTH).add(l + "self_attn.k_proj.weight", 0, 32, WIDTH).add(l + "self_attn.v_proj.weight", 0, 32, WIDTH)
                        .add(l + "self_attn.out_proj.weight", 0, WIDTH, 64).add(l + "self_attn.q_layernorm.weight", 1, 16).add(l + "self_attn.k_layernorm.weight", 1, 16);
            } else {
                c.add(l + "conv.conv.weight", 0, WIDTH, 1, 3).add(l + "conv.in_proj.weight", 0, 3 * WIDTH, WIDTH).add(l + "conv.out_proj.weight", 0, WIDTH, WIDTH);
            }
            if (i == 0) {
                experts(c, l + "feed_forward.", INNER);
                continue;
            }
            c.add(l + "feed_forward.gate.weight", 0, 4, WIDTH).add(l + "feed_forward.expert_bias", 0, 4);
            for (int e = 0; e < 4; e++) {
                experts(c, l + "feed_forward.experts." + e + ".", 32);
            }
        }
    }

    private static void experts(MemoryCheckpoint c, String prefix, int inner) {
        c.add(prefix + "w1.weight", 0, inner, WIDTH).add(prefix + "w2.weight", 0, WIDTH, inner).add(prefix + "w3.weight", 0, inner, WIDTH);
    }

    private static String list(int count, IntFunction<String> entry) {
        return IntStream.range(0, count).mapToObj(entry).collect(Collectors.joining(","));
    }
}
