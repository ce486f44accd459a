package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.List;

/** The cases of {@link TinyModels} that keep a state per layer instead of keys and values: 2 heads of 64, as llama.cpp's kernels want them, 2 layers. */
final class RecurrentTinyModels {
    static final int WIDTH = 128;
    private static final int INNER = 160;
    private static final String SIZES = ",\"hidden_size\":128,\"intermediate_size\":160,\"num_hidden_layers\":2,\"bos_token_id\":0,\"eos_token_id\":0" + UNTIED;

    private RecurrentTinyModels() { }

    static void add() {
        put("rwkv7", "RWKV7ForCausalLM", "rwkv", SIZES + ",\"head_dim\":64,\"norm_eps\":1e-5,\"norm_bias\":true,\"norm_first\":true,\"attn\":null,\"hidden_act\":\"sqrelu\",\"decay_low_rank_dim\":8,"
                + "\"gate_low_rank_dim\":24,\"a_low_rank_dim\":12,\"v_low_rank_dim\":4", RecurrentTinyModels::flashLinearAttention);
        put("rwkv7-older", "Rwkv7ForCausalLM", "rwkv", SIZES + ",\"head_size\":64,\"head_size_divisor\":8,\"layer_norm_epsilon\":1e-5,\"attention_hidden_size\":128,\"lora_rank_decay\":8,\"lora_rank_gate\":24,"
                + "\"lora_rank_iclr\":12,\"lora_rank_value_residual_mix\":4", RecurrentTinyModels::olderRwkv7);
        converted();
        bitnet();
        cohere2Moe();
        miniMax01();
    }

    /** 4 layers, of which the last has attention with a softmax. */
    private static void miniMax01() {
        put("minimax-01", "MiniMaxText01ForCausalLM", "bpe", ",\"num_hidden_layers\":4,\"head_dim\":16,\"rotary_dim\":8,\"rope_theta\":10000000.0,\"rms_norm_eps\":1e-6,\"num_local_experts\":4,\"num_experts_per_tok\":2,\"postnorm\":true,"
                + "\"attn_type_list\":[0,0,0,1],\"layernorm_full_attention_alpha\":3.5565588200778455,\"layernorm_full_attention_beta\":1.0,\"layernorm_linear_attention_alpha\":3.5565588200778455,"
                + "\"layernorm_linear_attention_beta\":1.0,\"layernorm_mlp_alpha\":3.5565588200778455,\"layernorm_mlp_beta\":1.0,\"shared_intermediate_size\":0,\"shared_moe_mode\":\"sigmoid\"" + UNTIED, c -> {
            TinyModels.outer(c, true);
            TinyModels.layers(c, l -> {
                TinyModels.norms(c, l);
                String a = l + "self_attn.";
                if (l.equals("model.layers.3.")) {
                    TinyModels.attention(c, l, false, "o_proj");
                } else {
                    c.add(a + "qkv_proj.weight", 0, 192, 64).add(a + "output_gate.weight", 0, 64, 64).add(a + "norm.weight", 1, 64).add(a + "out_proj.weight", 0, 64, 64);
                }
                c.add(l + "block_sparse_moe.gate.weight", 0, 4, 64);
                for (int e = 0; e < 4; e++) {
                    String expert = l + "block_sparse_moe.experts." + e + ".";
                    c.add(expert + "w1.weight", 0, 96, 64).add(expert + "w2.weight", 0, 64, 96).add(expert + "w3.weight", 0, 96, 64);
                }
            });
        });
    }

    /** No recurrence, but weights that count as three values. */
    private static void bitnet() {
        put("bitnet", "BitnetForCausalLM", "spm", ",\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0,\"hidden_act\":\"silu\",\"weight_bits\":1,\"input_bits\":8,\"num_key_value_heads\":4,\"tie_word_embeddings\":true", c -> {
            TinyModels.outer(c, false);
            TinyModels.layers(c, l -> {
                TinyModels.norms(c, l);
                TinyModels.attention(c, l, TinyModels.WIDTH, TinyModels.WIDTH, false, "o_proj");
                TinyModels.gated(c, l + "mlp.", 96);
                c.add(l + "self_attn.inner_attn_ln.weight", 1, TinyModels.WIDTH).add(l + "mlp.ffn_layernorm.weight", 1, 96);
            });
        });
    }

    private static void cohere2Moe() {
        String sizes = ",\"num_hidden_layers\":5,\"head_dim\":16,\"intermediate_size\":32,\"layer_norm_eps\":1e-5,\"rope_theta\":10000.0,\"logit_scale\":0.25,\"sliding_window\":5,\"num_experts\":4,\"num_experts_per_tok\":2,"
                + "\"layer_types\":[\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\"]";
        put("cohere2moe", "Cohere2MoeForCausalLM", "bpe", sizes + ",\"tie_word_embeddings\":true,\"first_k_dense_replace\":1,\"prefix_dense_intermediate_size\":96,\"prefix_dense_sliding_window_pattern\":1,"
                + "\"expert_selection_fn\":\"sigmoid\",\"norm_topk_prob\":true,\"num_shared_experts\":2,\"shared_expert_combination_strategy\":\"average\"", c -> {
            TinyModels.outer(c, false);
            TinyModels.layers(c, l -> {
                c.add(l + "input_layernorm.weight", 1, TinyModels.WIDTH);
                TinyModels.attention(c, l, false, "o_proj");
                if (l.equals("model.layers.0.")) {
                    TinyModels.gated(c, l + "mlp.", 96);
                    return;
                }
                c.add(l + "mlp.gate.weight", 0, 4, TinyModels.WIDTH);
                TinyModels.gated(c, l + "mlp.shared_experts.", 64);
                TinyModels.experts(c, l, 4, 32);
            });
        });
        put("cohere2moe-softmax", "Cohere2MoeForCausalLM", "bpe", sizes + UNTIED + ",\"rms_norm_eps\":1e-6,\"expert_selection_fn\":\"softmax\",\"norm_topk_prob\":false,\"num_shared_experts\":0", c -> {
            TinyModels.outer(c, true);
            TinyModels.layers(c, l -> {
                c.add(l + "input_layernorm.weight", 1, TinyModels.WIDTH);
                TinyModels.attention(c, l, false, "o_proj");
                c.add(l + "mlp.gate.weight", 0, 4, TinyModels.WIDTH).add(l + "mlp.experts.gate_up_proj", 0, 4, 64, TinyModels.WIDTH).add(l + "mlp.experts.down_proj", 0, 4, TinyModels.WIDTH, 32);
            });
        });
    }

    private static void converted() {
        put("rwkv6", "Rwkv6ForCausalLM", "rwkv", SIZES + ",\"head_size\":64,\"head_size_divisor\":8,\"attention_hidden_size\":128,\"layer_norm_epsilon\":1e-5,\"rescale_every\":1", RecurrentTinyModels::rwkv6);
        put("rwkv6qwen2", "RWKV6Qwen2ForCausalLM", "bpe", SIZES + ",\"num_attention_heads\":2,\"num_key_value_heads\":1,\"rms_norm_eps\":1e-6,\"lora_rank_tokenshift\":8,\"lora_rank_decay\":12", c -> {
            qwen2(c);
            for (int i = 0; i < 2; i++) {
                String a = "model.layers." + i + ".self_attn.";
                List.of("x", "r", "k", "v", "w", "g").forEach(n -> c.add(a + "time_maa_" + n, 0.5, 1, 1, WIDTH));
                decays(c, a);
                c.add(a + "gate.weight", 0, WIDTH, WIDTH).add(a + "o_proj.weight", 0, WIDTH, WIDTH);
                for (String n : List.of("q", "k", "v")) {
                    int rows = n.equals("q") ? WIDTH : 64;
                    c.add(a + n + "_proj.weight", 0, rows, WIDTH).add(a + n + "_proj.bias", 0, rows);
                }
            }
        });
        String arwkv = SIZES + ",\"num_attention_heads\":2,\"num_key_value_heads\":1,\"head_size\":64,\"head_size_divisor\":8,\"num_wkv_heads\":2,\"rms_norm_eps\":1e-6,\"wkv_version\":7,\"wkv_layers\":\"all\"";
        put("arwkv7", "RwkvHybridForCausalLM", "bpe", arwkv + ",\"wkv_has_gate\":true,\"wkv_has_group_norm\":true", c -> hybrid(c, true));
        put("arwkv7-gateless", "RwkvHybridForCausalLM", "bpe", arwkv + ",\"wkv_has_gate\":false,\"wkv_has_group_norm\":false", c -> hybrid(c, false));
    }

    private static void hybrid(MemoryCheckpoint c, boolean full) {
        qwen2(c);
        timeMix(c, "model.layers.0.self_attn.time_mixer.", full, full);
        timeMix(c, "model.layers.1.self_attn.time_mixer.", full, full);
    }

    /** All but the attention. */
    private static void qwen2(MemoryCheckpoint c) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = "model.layers." + i + ".";
            c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "post_attention_layernorm.weight", 1, WIDTH);
            c.add(l + "mlp.gate_proj.weight", 0, INNER, WIDTH).add(l + "mlp.up_proj.weight", 0, INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
        }
    }

    /** What RWKV-6 computes of a token and the one before it: ranks of 8 for five mixes, 12 for the decays. */
    private static void decays(MemoryCheckpoint c, String a) {
        c.add(a + "time_maa_w1", 0, WIDTH, 40).add(a + "time_maa_w2", 0, 5, 8, WIDTH);
        c.add(a + "time_decay", -1, 1, 1, WIDTH).add(a + "time_decay_w1", 0, WIDTH, 12).add(a + "time_decay_w2", 0, 12, WIDTH);
    }

    private static void rwkv6(MemoryCheckpoint c) {
        c.add("rwkv.embeddings.weight", 0, ROWS, WIDTH).add("head.weight", 0, ROWS, WIDTH);
        norm(c, "rwkv.ln_out");
        norm(c, "rwkv.blocks.0.pre_ln");
        for (int i = 0; i < 2; i++) {
            String l = "rwkv.blocks." + i + ".";
            norm(c, l + "ln1");
            norm(c, l + "ln2");
            List.of("x", "w", "k", "v", "r", "g").forEach(n -> c.add(l + "attention.time_maa_" + n, 0.5, 1, 1, WIDTH));
            decays(c, l + "attention.");
            c.add(l + "attention.time_faaaa", 0.5, 2, 64);
            List.of("receptance", "key", "value", "gate", "output").forEach(n -> c.add(l + "attention." + n + ".weight", 0, WIDTH, WIDTH));
            norm(c, l + "attention.ln_x");
            String f = l + "feed_forward.";
            c.add(f + "time_maa_k", 0.5, 1, 1, WIDTH).add(f + "time_maa_r", 0.5, 1, 1, WIDTH).add(f + "key.weight", 0, INNER, WIDTH).add(f + "receptance.weight", 0, WIDTH, WIDTH)
                    .add(f + "value.weight", 0, WIDTH, INNER);
        }
    }

    /** As {@code fla.models.rwkv7} saves them. */
    private static void flashLinearAttention(MemoryCheckpoint c) {
        c.add("model.embeddings.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        norm(c, "model.norm");
        norm(c, "model.layers.0.pre_norm");
        for (int i = 0; i < 2; i++) {
            String l = "model.layers." + i + ".";
            norm(c, l + "attn_norm");
            norm(c, l + "ffn_norm");
            norm(c, l + "attn.g_norm");
            List.of("r", "w", "k", "v", "a", "g").forEach(n -> c.add(l + "attn.x_" + n, 0.5, 1, 1, WIDTH));
            List.of("r", "k", "v", "o").forEach(n -> c.add(l + "attn." + n + "_proj.weight", 0, WIDTH, WIDTH));
            c.add(l + "attn.k_k", 0.85, WIDTH).add(l + "attn.k_a", 1, WIDTH).add(l + "attn.r_k", 0, 2, 64);
            lowRank(c, l + "attn.w_lora.lora.", 8, true);
            lowRank(c, l + "attn.a_lora.lora.", 12, true);
            lowRank(c, l + "attn.g_lora.lora.", 24, false);
            if (i > 0) {
                lowRank(c, l + "attn.v_lora.lora.", 4, true);
            }
            c.add(l + "ffn.x_k", 0.5, WIDTH).add(l + "ffn.key.weight", 0, INNER, WIDTH).add(l + "ffn.value.weight", 0, WIDTH, INNER);
        }
    }

    private static void lowRank(MemoryCheckpoint c, String name, int rank, boolean bias) {
        c.add(name + "0.weight", 0, rank, WIDTH).add(name + "2.weight", 0, WIDTH, rank);
        if (bias) {
            c.add(name + "2.bias", 0, WIDTH);
        }
    }

    private static void olderRwkv7(MemoryCheckpoint c) {
        c.add("model.embeddings.weight", 0, ROWS, WIDTH).add("head.weight", 0, ROWS, WIDTH);
        norm(c, "model.ln_out");
        norm(c, "model.blocks.0.pre_ln");
        for (int i = 0; i < 2; i++) {
            String l = "model.blocks." + i + ".";
            norm(c, l + "ln1");
            norm(c, l + "ln2");
            timeMix(c, l + "attention.", true, true);
            c.add(l + "feed_forward.x_k", 0.5, 1, 1, WIDTH).add(l + "feed_forward.key.weight", 0, INNER, WIDTH).add(l + "feed_forward.value.weight", 0, WIDTH, INNER);
        }
    }

    /** Low ranks with inputs first, those of the values in the first layer too, where nothing uses them. */
    private static void timeMix(MemoryCheckpoint c, String a, boolean gate, boolean norm) {
        List.of("r", "w", "k", "v", "a").forEach(n -> c.add(a + "x_" + n, 0.5, 1, 1, WIDTH));
        List.of("receptance", "key", "value", "output").forEach(n -> c.add(a + n + ".weight", 0, WIDTH, WIDTH));
        c.add(a + "k_k", 0.85, 1, 1, WIDTH).add(a + "k_a", 1, 1, 1, WIDTH).add(a + "r_k", 0, 2, 64);
        c.add(a + "w0", 0, 1, 1, WIDTH).add(a + "w1", 0, WIDTH, 8).add(a + "w2", 0, 8, WIDTH);
        c.add(a + "a0", 0, 1, 1, WIDTH).add(a + "a1", 0, WIDTH, 12).add(a + "a2", 0, 12, WIDTH);
        c.add(a + "v0", 0, 1, 1, WIDTH).add(a + "v1", 0, WIDTH, 4).add(a + "v2", 0, 4, WIDTH);
        if (gate) {
            c.add(a + "x_g", 0.5, 1, 1, WIDTH).add(a + "g1", 0, WIDTH, 24).add(a + "g2", 0, 24, WIDTH);
        }
        if (norm) {
            norm(c, a + "ln_x");
        }
    }

    private static void norm(MemoryCheckpoint c, String name) {
        c.add(name + ".weight", 1, WIDTH).add(name + ".bias", 0, WIDTH);
    }
}
