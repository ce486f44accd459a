package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
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

import java.util.function.Consumer;

/** The cases of {@link TinyModels} whose layers are more than attention and a feed-forward, and the text parts of models that see. */
final class NewerTinyModels {
    /** Linear attention: 2 key heads and 6 value heads of 8, a convolution over 4 tokens. */
    /** As the released models have it: llama.cpp adds it to the squares of queries and keys too, where their definition adds 1e-6 whatever it is. */
    private static final String RELEASED = RMS.replace("1e-5", "1e-6");
    private static final String LINEAR = ",\"num_hidden_layers\":4,\"full_attention_interval\":2,\"head_dim\":16,\"partial_rotary_factor\":0.25,\"linear_conv_kernel_dim\":4,\"linear_key_head_dim\":8,"
            + "\"linear_value_head_dim\":8,\"linear_num_key_heads\":2,\"linear_num_value_heads\":6";
    /** Heads are too small for the sections that the class has by default. */
    private static final String SECTIONS = ",\"rope_scaling\":{\"rope_type\":\"default\",\"mrope_section\":[1,1,0],\"mrope_interleaved\":true}";
    private static final String EXPERTS = ",\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"shared_expert_intermediate_size\":48,\"norm_topk_prob\":true";
    /** Latent attention: heads of 8 and 8 turned rows, values of 12, latent vectors of 16 (queries 24). */
    static final String LATENT = ",\"rms_norm_eps\":1e-6,\"rope_theta\":10000.0,\"num_hidden_layers\":3,\"num_key_value_heads\":4,\"qk_nope_head_dim\":8,\"qk_rope_head_dim\":8,\"v_head_dim\":12,\"kv_lora_rank\":16,\"first_k_dense_replace\":1,"
            + "\"n_shared_experts\":2,\"moe_intermediate_size\":32,\"rope_scaling\":{\"type\":\"yarn\",\"factor\":40,\"original_max_position_embeddings\":512,\"beta_fast\":32,\"beta_slow\":1,"
            + "\"mscale\":0.707,\"mscale_all_dim\":0.707}";
    private static final String MULTIMODAL_ROPE = ",\"rope_scaling\":{\"type\":\"mrope\",\"mrope_section\":[2,3,3]}";

    private NewerTinyModels() { }

    static void add() {
        linear();
        latent();
        put("llama4", "Llama4ForCausalLM", "bpe", llama4Config(48), c -> llama4(c, "model.", 48, 4));
        put("llama4-vision", "Llama4ForConditionalGeneration", "bpe", ",\"text_config\":{\"model_type\":\"llama4_text\",\"hidden_size\":64,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"vocab_size\":384,"
                + "\"max_position_embeddings\":512,\"bos_token_id\":1,\"eos_token_id\":2" + llama4Config(48) + "},\"vision_config\":{\"hidden_size\":32}", c -> {
            llama4(c, "language_model.model.", 48, 4);
            c.add("language_model.lm_head.weight", 0, TinyModels.ROWS, WIDTH).remove("lm_head.weight");
            c.add("vision_model.model.layers.0.self_attn.q_proj.weight", 0, 32, 32).add("multi_modal_projector.linear_1.weight", 0, WIDTH, 32);
        });
        Consumer<MemoryCheckpoint> qwen2 = c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                gated(c, l + "mlp.", 96);
            });
            c.add("visual.patch_embed.proj.weight", 0, 32, 3, 2, 4, 4).add("visual.blocks.0.attn.qkv.weight", 0, 96, 32).add("visual.merger.mlp.0.weight", 0, WIDTH, 128);
        };
        put("qwen2vl", "Qwen2VLForConditionalGeneration", "bpe", RMS + TIED + MULTIMODAL_ROPE, qwen2);
        put("qwen2.5vl", "Qwen2_5_VLForConditionalGeneration", "bpe", RMS + TIED + MULTIMODAL_ROPE, qwen2);
        put("glm4moe-mtp", "Glm4MoeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"partial_rotary_factor\":0.5,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,"
                + "\"n_shared_experts\":1,\"first_k_dense_replace\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,\"num_nextn_predict_layers\":1", c -> {
            outer(c, true);
            for (int i = 0; i < 3; i++) {
                String l = "model.layers." + i + ".";
                norms(c, l);
                attention(c, l, true, "o_proj");
                if (i == 0) {
                    gated(c, l + "mlp.", 96);
                    continue;
                }
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.gate.e_score_correction_bias", 0, 4);
                gated(c, l + "mlp.shared_experts.", 32);
                experts(c, l, 4, 32);
            }
            String next = "model.layers.2.";
            c.add(next + "eh_proj.weight", 0, WIDTH, 2 * WIDTH).add(next + "enorm.weight", 1, WIDTH).add(next + "hnorm.weight", 1, WIDTH).add(next + "shared_head.norm.weight", 1, WIDTH);
        });
        vision3();
        WrappedTinyModels.add();
        FurtherTinyModels.add();
        ExpertsTinyModels.add();
    }

    private static void linear() {
        put("qwen3next", "Qwen3NextForCausalLM", "bpe", RELEASED + UNTIED + LINEAR + EXPERTS, c -> {
            offsetOuter(c);
            layers(c, l -> mixed(c, l, "model.layers.", true));
        });
        put("qwen3next-mtp", "Qwen3NextForCausalLM", "bpe", RELEASED + UNTIED + LINEAR + EXPERTS, c -> {
            offsetOuter(c);
            layers(c, l -> mixed(c, l, "model.layers.", true));
            predicting(c, "mtp.", true);
        });
        put("qwen35", "Qwen3_5ForCausalLM", "bpe", RELEASED + UNTIED + LINEAR + SECTIONS, c -> {
            offsetOuter(c);
            layers(c, l -> mixed(c, l, "model.layers.", false));
        });
        put("qwen35moe", "Qwen3_5MoeForCausalLM", "bpe", RELEASED + UNTIED + LINEAR + SECTIONS + EXPERTS, c -> {
            offsetOuter(c);
            layers(c, l -> mixed(c, l, "model.layers.", false));
        });
        put("qwen35-vision", "Qwen3_5ForConditionalGeneration", "bpe", ",\"text_config\":{\"hidden_size\":64,\"intermediate_size\":96,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"vocab_size\":384,"
                + "\"max_position_embeddings\":512,\"bos_token_id\":1,\"eos_token_id\":2,\"rms_norm_eps\":1e-6,\"mtp_num_hidden_layers\":1,\"rope_parameters\":{\"rope_theta\":10000.0,\"partial_rotary_factor\":0.25,"
                + "\"mrope_section\":[1,1,0],\"mrope_interleaved\":true,\"rope_type\":\"default\"}" + LINEAR.replace(",\"partial_rotary_factor\":0.25", "") + "},\"vision_config\":{\"depth\":2}" + UNTIED, c -> {
            c.add("model.language_model.embed_tokens.weight", 0, TinyModels.ROWS, WIDTH).add("model.language_model.norm.weight", 0, WIDTH).add("lm_head.weight", 0, TinyModels.ROWS, WIDTH);
            for (int i = 0; i < 4; i++) {
                mixed(c, "model.language_model.layers." + i + ".", "model.language_model.layers.", false);
            }
            predicting(c, "mtp.", false);
            c.add("model.visual.blocks.0.attn.qkv.weight", 0, 96, 32).add("model.visual.merger.linear_fc1.weight", 0, 128, 128);
        });
    }

    private static void latent() {
        Consumer<MemoryCheckpoint> v2 = c -> latent(c, 4, 24, false);
        put("deepseek2", "DeepseekV2ForCausalLM", "bpe", LATENT + UNTIED + ",\"q_lora_rank\":24,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"routed_scaling_factor\":1.5,\"scoring_func\":\"softmax\",\"norm_topk_prob\":false", v2);
        // llama.cpp tells a model without q_a and q_b by its 27 layers.
        put("deepseek2-lite", "DeepseekV2ForCausalLM", "bpe", LATENT.replace("\"num_hidden_layers\":3", "\"num_hidden_layers\":27") + UNTIED
                + ",\"q_lora_rank\":null,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"routed_scaling_factor\":1.0,\"scoring_func\":\"softmax\",\"norm_topk_prob\":false", c -> latent(c, 4, 0, false));
        put("deepseek3", "DeepseekV3ForCausalLM", "bpe", LATENT.replace("0.707", "1.0") + UNTIED
                + ",\"q_lora_rank\":24,\"n_routed_experts\":8,\"num_experts_per_tok\":2,\"n_group\":4,\"topk_group\":2,\"routed_scaling_factor\":2.5,\"scoring_func\":\"sigmoid\",\"norm_topk_prob\":true,\"num_nextn_predict_layers\":1", c -> {
            latent(c, 8, 24, true);
            c.add("model.layers.3.eh_proj.weight", 0, WIDTH, 2 * WIDTH).add("model.layers.3.enorm.weight", 1, WIDTH).add("model.layers.3.input_layernorm.weight", 1, WIDTH);
        });
        put("deepseek3-ungrouped", "DeepseekV3ForCausalLM", "bpe", LATENT + UNTIED
                + ",\"q_lora_rank\":24,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":2.5,\"scoring_func\":\"sigmoid\",\"norm_topk_prob\":true", c -> latent(c, 4, 24, true));
        // As Moonlight: no latent queries, one group.
        put("kimi", "KimiK2ForCausalLM", "ranks", LATENT.replace("\"num_hidden_layers\":3", "\"num_hidden_layers\":27") + UNTIED
                + ",\"q_lora_rank\":null,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":2.446,\"scoring_func\":\"sigmoid\",\"norm_topk_prob\":true", c -> latent(c, 4, 0, true));
        put("mistral4", "Mistral3ForConditionalGeneration", "bpe", ",\"model_type\":\"mistral3\",\"text_config\":{\"model_type\":\"mistral4\",\"hidden_size\":64,\"intermediate_size\":96,\"num_attention_heads\":4,"
                + "\"vocab_size\":384,\"max_position_embeddings\":512,\"bos_token_id\":1,\"eos_token_id\":2,\"q_lora_rank\":24,\"n_routed_experts\":8,\"num_experts_per_tok\":2,\"n_group\":4,\"topk_group\":2,"
                + "\"routed_scaling_factor\":1.0,\"norm_topk_prob\":true" + LATENT.substring(0, LATENT.indexOf(",\"rope_scaling\"")).replace("\"first_k_dense_replace\":1", "\"first_k_dense_replace\":0")
                + ",\"rope_parameters\":{\"type\":\"yarn\",\"rope_theta\":10000.0,\"factor\":128.0,\"original_max_position_embeddings\":5,\"beta_fast\":32.0,\"beta_slow\":1.0,\"mscale_all_dim\":1.0,\"mscale\":1.0,"
                + "\"llama_4_scaling_beta\":0.1}}" + UNTIED, c -> {
            for (int i = 0; i < 3; i++) {
                String l = "language_model.model.layers." + i + ".";
                norms(c, l);
                latentAttention(c, l, 24);
                c.add(l + "mlp.gate.weight", 0, 8, WIDTH).add(l + "mlp.experts.gate_up_proj", 0, 8, 64, WIDTH).add(l + "mlp.experts.down_proj", 0, 8, WIDTH, 32);
                gated(c, l + "mlp.shared_experts.", 64);
            }
            c.add("language_model.model.embed_tokens.weight", 0, TinyModels.ROWS, WIDTH).add("language_model.model.norm.weight", 1, WIDTH).add("language_model.lm_head.weight", 0, TinyModels.ROWS, WIDTH);
            c.add("vision_tower.patch_conv.weight", 0, 32, 3, 4, 4).add("multi_modal_projector.linear_1.weight", 0, WIDTH, 32);
        });
        put("glm4moelite", "Glm4MoeLiteForCausalLM", "bpe", LATENT.substring(0, LATENT.indexOf(",\"rope_scaling\"")) + TIED
                + ",\"q_lora_rank\":24,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"n_group\":1,\"topk_group\":1,\"routed_scaling_factor\":1.8,\"norm_topk_prob\":true", c -> latent(c, 4, 24, true));
    }

    private static void vision3() {
        String text = "\"hidden_size\":64,\"intermediate_size\":96,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"vocab_size\":384,\"max_position_embeddings\":512,\"bos_token_id\":1,"
                + "\"eos_token_id\":2,\"head_dim\":16,\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"rope_scaling\":{\"mrope_interleaved\":true,\"mrope_section\":[3,3,2],\"rope_type\":\"default\"}";
        String vision = ",\"vision_config\":{\"depth\":4,\"deepstack_visual_indexes\":[1,2,3]}";
        put("qwen3vl", "Qwen3VLForConditionalGeneration", "bpe", ",\"text_config\":{" + text + "}" + vision + TIED, c -> {
            seeing(c);
            for (int i = 0; i < 2; i++) {
                gated(c, "model.language_model.layers." + i + ".mlp.", 96);
            }
        });
        put("qwen3vlmoe", "Qwen3VLMoeForConditionalGeneration", "bpe", ",\"text_config\":{" + text + ",\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":24,\"norm_topk_prob\":true}" + vision + TIED, c -> {
            seeing(c);
            for (int i = 0; i < 2; i++) {
                String l = "model.language_model.layers." + i + ".mlp.";
                c.add(l + "gate.weight", 0, 4, WIDTH).add(l + "experts.gate_up_proj", 0, 4, WIDTH, 48).add(l + "experts.down_proj", 0, 4, 24, WIDTH);
            }
        });
    }

    private static void seeing(MemoryCheckpoint c) {
        c.add("model.language_model.embed_tokens.weight", 0, TinyModels.ROWS, WIDTH).add("model.language_model.norm.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = "model.language_model.layers." + i + ".";
            norms(c, l);
            attention(c, l, false, "o_proj");
            headNorms(c, l, HEAD, HEAD);
        }
        c.add("model.visual.patch_embed.proj.weight", 0, 32, 3, 2, 4, 4).add("model.visual.deepstack_merger_list.0.linear_fc1.weight", 0, 128, 128);
    }

    private static void offsetOuter(MemoryCheckpoint c) {
        c.add("model.embed_tokens.weight", 0, TinyModels.ROWS, WIDTH).add("model.norm.weight", 0, WIDTH).add("lm_head.weight", 0, TinyModels.ROWS, WIDTH);
    }

    /** A layer of Qwen3-Next or Qwen3.5: linear attention in every first of two, gated attention in every second. */
    private static void mixed(MemoryCheckpoint c, String l, String prefix, boolean joined) {
        c.add(l + "input_layernorm.weight", 0, WIDTH).add(l + "post_attention_layernorm.weight", 0, WIDTH);
        int number = Integer.parseInt(l.substring(prefix.length(), l.length() - 1));
        if (number % 2 == 1) {
            gatedAttention(c, l);
        } else {
            String a = l + "linear_attn.";
            c.add(a + "conv1d.weight", 0, 80, 1, 4).add(a + "A_log", 0.5, 6).add(a + "dt_bias", 1, 6).add(a + "norm.weight", 1, 8).add(a + "out_proj.weight", 0, WIDTH, 48);
            for (int h = 0; h < 6; h++) {
                // Apart enough that heads in another order compute something else.
                c.values(a + "A_log")[h] = h * 0.5f - 1;
                c.values(a + "dt_bias")[h] = 1.5f - 0.75f * h;
            }
            if (joined) {
                c.add(a + "in_proj_qkvz.weight", 0, 128, WIDTH).add(a + "in_proj_ba.weight", 0, 12, WIDTH);
            } else {
                c.add(a + "in_proj_qkv.weight", 0, 80, WIDTH).add(a + "in_proj_z.weight", 0, 48, WIDTH).add(a + "in_proj_a.weight", 0, 6, WIDTH).add(a + "in_proj_b.weight", 0, 6, WIDTH);
            }
        }
        feedForward(c, l);
    }

    /** Queries and gates in one matrix, head by head. */
    private static void gatedAttention(MemoryCheckpoint c, String l) {
        attention(c, l, 128, 32, false, "o_proj");
        c.add(l + "self_attn.o_proj.weight", 0, WIDTH, 64).add(l + "self_attn.q_norm.weight", 0, HEAD).add(l + "self_attn.k_norm.weight", 0, HEAD);
    }

    private static void feedForward(MemoryCheckpoint c, String l) {
        if (c.rawConfig().has("num_experts")) {
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.shared_expert_gate.weight", 0, 1, WIDTH);
            gated(c, l + "mlp.shared_expert.", 48);
            experts(c, l, 4, 32);
        } else {
            gated(c, l + "mlp.", 96);
        }
    }

    /** The layer that predicts the token after the next. */
    private static void predicting(MemoryCheckpoint c, String mtp, boolean experts) {
        String l = mtp + "layers.0.";
        c.add(mtp + "fc.weight", 0, WIDTH, 2 * WIDTH).add(mtp + "norm.weight", 0, WIDTH).add(mtp + "pre_fc_norm_embedding.weight", 0, WIDTH).add(mtp + "pre_fc_norm_hidden.weight", 0, WIDTH);
        c.add(l + "input_layernorm.weight", 0, WIDTH).add(l + "post_attention_layernorm.weight", 0, WIDTH);
        gatedAttention(c, l);
        feedForward(c, l);
    }

    /** DeepSeek V2 and V3: one dense layer, then experts. */
    static void latent(MemoryCheckpoint c, int experts, int queryRank, boolean biased) {
        outer(c, !c.rawConfig().path("tie_word_embeddings").asBoolean());
        layers(c, l -> {
            norms(c, l);
            latentAttention(c, l, queryRank);
            if (l.equals("model.layers.0.")) {
                gated(c, l + "mlp.", 96);
                return;
            }
            c.add(l + "mlp.gate.weight", 0, experts, WIDTH);
            if (biased) {
                c.add(l + "mlp.gate.e_score_correction_bias", 0, experts);
            }
            gated(c, l + "mlp.shared_experts.", 64);
            experts(c, l, experts, 32);
        });
    }

    static void latentAttention(MemoryCheckpoint c, String l, int queryRank) {
        String a = l + "self_attn.";
        if (queryRank == 0) {
            c.add(a + "q_proj.weight", 0, 64, WIDTH);
        } else {
            c.add(a + "q_a_proj.weight", 0, queryRank, WIDTH).add(a + "q_a_layernorm.weight", 1, queryRank).add(a + "q_b_proj.weight", 0, 64, queryRank);
        }
        c.add(a + "kv_a_proj_with_mqa.weight", 0, 24, WIDTH).add(a + "kv_a_layernorm.weight", 1, 16).add(a + "kv_b_proj.weight", 0, 80, 16).add(a + "o_proj.weight", 0, WIDTH, 48);
    }

    private static String llama4Config(int experts) {
        return ",\"num_hidden_layers\":4,\"intermediate_size\":" + experts + ",\"intermediate_size_mlp\":96,\"head_dim\":16,\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"num_local_experts\":4,\"num_experts_per_tok\":1,"
                + "\"interleave_moe_layer_step\":2,\"use_qk_norm\":true,\"rope_scaling\":{\"factor\":16.0,\"low_freq_factor\":1.0,\"high_freq_factor\":1.0,\"original_max_position_embeddings\":64,\"rope_type\":\"llama3\"}" + UNTIED;
    }

    /** Every second layer has experts; they are packed, inputs first. */
    private static void llama4(MemoryCheckpoint c, String model, int inner, int experts) {
        c.add(model + "embed_tokens.weight", 0, TinyModels.ROWS, WIDTH).add(model + "norm.weight", 1, WIDTH).add("lm_head.weight", 0, TinyModels.ROWS, WIDTH);
        for (int i = 0; i < 4; i++) {
            String l = model + "layers." + i + ".";
            norms(c, l);
            attention(c, l, false, "o_proj");
            if (i % 2 == 0) {
                gated(c, l + "feed_forward.", 96);
                continue;
            }
            c.add(l + "feed_forward.router.weight", 0, experts, WIDTH);
            gated(c, l + "feed_forward.shared_expert.", inner);
            c.add(l + "feed_forward.experts.gate_up_proj", 0, experts, WIDTH, 2 * inner).add(l + "feed_forward.experts.down_proj", 0, experts, inner, WIDTH);
        }
    }
}
