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
import java.util.function.Consumer;

/** The cases of {@link TinyModels} of families that few fine-tune any more, or yet; names and shapes as their own model classes have them. */
final class FurtherTinyModels {
    private FurtherTinyModels() { }

    static void add() {
        put("granite4", "GraniteMoeHybridForCausalLM", "bpe", RMS + TIED + ",\"attention_multiplier\":0.0625,\"embedding_multiplier\":12.0,\"residual_multiplier\":0.22,\"logits_scaling\":8.0,"
                + "\"layer_types\":[\"attention\",\"attention\"],\"shared_intermediate_size\":96,\"num_local_experts\":0,\"num_experts_per_tok\":0,\"position_embedding_type\":\"rope\"", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                c.add(l + "shared_mlp.input_linear.weight", 0, 192, WIDTH).add(l + "shared_mlp.output_linear.weight", 0, WIDTH, 96);
            });
        });
        hybrids();
        baichuan();
        put("orion", "OrionForCausalLM", "spm", RMS + UNTIED, c -> {
            outer(c, true);
            c.add("model.norm.bias", 0, WIDTH);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "input_layernorm.bias", 0, WIDTH).add(l + "post_attention_layernorm.bias", 0, WIDTH);
                attention(c, l, false, "o_proj");
                gated(c, l + "mlp.", 96);
            });
        });
        put("internlm", "InternLMForCausalLM", "spm", ",\"rms_norm_eps\":1e-6,\"bias\":true" + UNTIED, c -> biased(c, false));
        put("llama-biased", "LlamaForCausalLM", "spm", RMS + UNTIED + ",\"attention_bias\":true,\"mlp_bias\":true", c -> biased(c, true));
        put("xverse", "XverseForCausalLM", "spm", RMS + UNTIED, c -> TinyModels.llamaLike(c, true, ""));
        blocks();
        put("minicpm3", "MiniCPM3ForCausalLM", "spm", RMS + TIED + ",\"num_key_value_heads\":4,\"q_lora_rank\":24,\"kv_lora_rank\":16,\"qk_nope_head_dim\":16,\"qk_rope_head_dim\":8,\"v_head_dim\":16,\"scale_emb\":12,"
                + "\"scale_depth\":1.4,\"dim_model_base\":256,\"rope_scaling\":{\"type\":\"longrope\",\"long_factor\":[1.0,1.1,1.3,2.0],\"short_factor\":[1.0,1.2,1.5,3.0],\"original_max_position_embeddings\":512}", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                String a = l + "self_attn.";
                c.add(a + "q_a_proj.weight", 0, 24, WIDTH).add(a + "q_a_layernorm.weight", 1, 24).add(a + "q_b_proj.weight", 0, 96, 24).add(a + "kv_a_proj_with_mqa.weight", 0, 24, WIDTH)
                        .add(a + "kv_a_layernorm.weight", 1, 16).add(a + "kv_b_proj.weight", 0, 128, 16).add(a + "o_proj.weight", 0, WIDTH, 64);
                gated(c, l + "mlp.", 96);
            });
        });
        mixtures();
    }

    /** Granite 4: Mamba 2 with 8 heads of 16 and states of 12, attention in the second layer. */
    private static void hybrids() {
        String config = RMS + TIED + ",\"attention_multiplier\":0.0625,\"embedding_multiplier\":12.0,\"residual_multiplier\":0.22,\"logits_scaling\":8.0,\"layer_types\":[\"mamba\",\"attention\",\"mamba\"],"
                + "\"num_hidden_layers\":3,\"mamba_n_heads\":8,\"mamba_d_head\":16,\"mamba_d_state\":12,\"mamba_n_groups\":1,\"mamba_d_conv\":4,\"mamba_expand\":2,\"position_embedding_type\":\"nope\"";
        put("granite4-h", "GraniteMoeHybridForCausalLM", "bpe", config + ",\"shared_intermediate_size\":96,\"num_local_experts\":0,\"num_experts_per_tok\":0", c -> hybrid(c, 96));
        put("granite4-h-moe", "GraniteMoeHybridForCausalLM", "bpe", config + ",\"shared_intermediate_size\":48,\"num_local_experts\":4,\"num_experts_per_tok\":2", c -> {
            hybrid(c, 48);
            layers(c, l -> c.add(l + "block_sparse_moe.router.layer.weight", 0, 4, WIDTH).add(l + "block_sparse_moe.input_linear.weight", 0, 4, 192, WIDTH)
                    .add(l + "block_sparse_moe.output_linear.weight", 0, 4, WIDTH, 96));
        });
    }

    private static void hybrid(MemoryCheckpoint c, int shared) {
        outer(c, false);
        layers(c, l -> {
            norms(c, l);
            c.add(l + "shared_mlp.input_linear.weight", 0, 2 * shared, WIDTH).add(l + "shared_mlp.output_linear.weight", 0, WIDTH, shared);
            if (l.equals("model.layers.1.")) {
                attention(c, l, false, "o_proj");
                return;
            }
            String m = l + "mamba.";
            c.add(m + "in_proj.weight", 0, 2 * 128 + 2 * 12 + 8, WIDTH).add(m + "conv1d.weight", 0, 152, 1, 4).add(m + "conv1d.bias", 0, 152).add(m + "dt_bias", 0.5, 8).add(m + "A_log", 0.5, 8)
                    .add(m + "D", 1, 8).add(m + "norm.weight", 1, 128).add(m + "out_proj.weight", 0, WIDTH, 128);
            for (int h = 0; h < 8; h++) {
                // Apart enough that heads in another order compute something else.
                c.values(m + "A_log")[h] = 0.4f * h - 1;
                c.values(m + "D")[h] = 1.5f - 0.3f * h;
            }
        });
    }

    private static void baichuan() {
        Consumer<MemoryCheckpoint> baichuan = c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "self_attn.W_pack.weight", 0, 3 * WIDTH, WIDTH).add(l + "self_attn.o_proj.weight", 0, WIDTH, WIDTH);
                gated(c, l + "mlp.", 96);
            });
        };
        // llama.cpp tells the model that turns its queries from the one that minds distance by the number of layers.
        put("baichuan", "BaichuanForCausalLM", "spm", ",\"num_hidden_layers\":32,\"num_key_value_heads\":4,\"rms_norm_eps\":1e-6,\"model_max_length\":512" + UNTIED, baichuan);
        put("baichuan-13b", "BaichuanForCausalLM", "spm", ",\"num_hidden_layers\":40,\"num_key_value_heads\":4,\"rms_norm_eps\":1e-6,\"model_max_length\":512" + UNTIED, baichuan);
    }

    /** MPT and DBRX: transformer.blocks. */
    private static void blocks() {
        String sizes = ",\"d_model\":64,\"n_heads\":4,\"n_layers\":2,\"max_seq_len\":512";
        put("mpt", "MPTForCausalLM", "bpe", sizes + ",\"expansion_ratio\":4,\"no_bias\":true,\"attn_config\":{\"alibi\":true,\"alibi_bias_max\":8,\"clip_qkv\":1.5,\"qk_ln\":false}", c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.norm_f.weight", 1, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "transformer.blocks." + i + ".";
                c.add(l + "norm_1.weight", 1, WIDTH).add(l + "norm_2.weight", 1, WIDTH).add(l + "attn.Wqkv.weight", 0, 3 * WIDTH, WIDTH).add(l + "attn.out_proj.weight", 0, WIDTH, WIDTH);
                c.add(l + "ffn.up_proj.weight", 0, 4 * WIDTH, WIDTH).add(l + "ffn.down_proj.weight", 0, WIDTH, 4 * WIDTH);
            }
        });
        put("dbrx", "DbrxForCausalLM", "bpe", sizes + UNTIED + ",\"attn_config\":{\"clip_qkv\":1.5,\"kv_n_heads\":2,\"rope_theta\":500000},\"ffn_config\":{\"ffn_hidden_size\":48,\"moe_num_experts\":4,\"moe_top_k\":2}", c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.norm_f.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "transformer.blocks." + i + ".";
                String a = l + "norm_attn_norm.";
                c.add(a + "norm_1.weight", 1, WIDTH).add(a + "norm_2.weight", 1, WIDTH).add(a + "attn.Wqkv.weight", 0, 128, WIDTH).add(a + "attn.out_proj.weight", 0, WIDTH, WIDTH);
                c.add(l + "ffn.router.layer.weight", 0, 4, WIDTH);
                for (String part : List.of("w1", "v1", "w2")) {
                    c.add(l + "ffn.experts.mlp." + part, 0, 4 * 48, WIDTH);
                }
            }
        });
    }

    private static void mixtures() {
        String routed = ",\"moe_intermediate_size\":32,\"first_k_dense_replace\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,\"num_experts_per_tok\":2";
        put("dots1", "Dots1ForCausalLM", "bpe", RMS + UNTIED + routed + ",\"num_key_value_heads\":4,\"head_dim\":16,\"n_routed_experts\":4,\"n_shared_experts\":2,\"n_group\":1,\"topk_group\":1,\"scoring_func\":\"noaux_tc\"", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, 64, 64, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
            });
            gated(c, "model.layers.0.mlp.", 96);
            c.add("model.layers.1.mlp.gate.weight", 0, 4, WIDTH).add("model.layers.1.mlp.gate.e_score_correction_bias", 0, 4);
            gated(c, "model.layers.1.mlp.shared_experts.", 64);
            experts(c, "model.layers.1.", 4, 32);
        });
        put("minimax-m2", "MiniMaxM2ForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"rotary_dim\":8,\"num_local_experts\":4,\"num_experts_per_tok\":2,\"scoring_func\":\"sigmoid\",\"use_qk_norm\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                headNorms(c, l, 64, 32);
                c.add(l + "block_sparse_moe.gate.weight", 0, 4, WIDTH).add(l + "block_sparse_moe.e_score_correction_bias", 0, 4);
                for (int e = 0; e < 4; e++) {
                    String x = l + "block_sparse_moe.experts." + e + ".";
                    c.add(x + "w1.weight", 0, 96, WIDTH).add(x + "w2.weight", 0, WIDTH, 96).add(x + "w3.weight", 0, 96, WIDTH);
                }
            });
        });
        put("bailingmoe2", "BailingMoeV2ForCausalLM", "bpe", RMS + UNTIED + routed + ",\"head_dim\":16,\"partial_rotary_factor\":0.5,\"num_experts\":8,\"num_shared_experts\":1,\"n_group\":4,\"topk_group\":2,"
                + "\"score_function\":\"sigmoid\"", c -> {
            c.add("model.word_embeddings.weight", 0, ROWS, WIDTH).add("model.norm.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "attention.query_key_value.weight", 0, 128, WIDTH).add(l + "attention.dense.weight", 0, WIDTH, WIDTH);
                c.add(l + "attention.query_layernorm.weight", 1, HEAD).add(l + "attention.key_layernorm.weight", 1, HEAD);
            });
            gated(c, "model.layers.0.mlp.", 96);
            c.add("model.layers.1.mlp.gate.weight", 0, 8, WIDTH).add("model.layers.1.mlp.gate.expert_bias", 0, 8);
            gated(c, "model.layers.1.mlp.shared_experts.", 32);
            experts(c, "model.layers.1.", 8, 32);
        });
    }

    /** Llama's layers where each projection of the attention has a bias, and if wanted those of the feed-forward too. */
    private static void biased(MemoryCheckpoint c, boolean feedForward) {
        TinyModels.llamaLike(c, true, "");
        layers(c, l -> {
            c.add(l + "self_attn.q_proj.bias", 0, 64).add(l + "self_attn.k_proj.bias", 0, 32).add(l + "self_attn.v_proj.bias", 0, 32).add(l + "self_attn.o_proj.bias", 0, WIDTH);
            if (feedForward) {
                c.add(l + "mlp.gate_proj.bias", 0, 96).add(l + "mlp.up_proj.bias", 0, 96).add(l + "mlp.down_proj.bias", 0, WIDTH);
            }
        });
    }
}
