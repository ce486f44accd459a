package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.TIED;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.attention;
import static dev.adapterferry.convert.TinyModels.gated;
import static dev.adapterferry.convert.TinyModels.layers;
import static dev.adapterferry.convert.TinyModels.put;

/** The cases of {@link TinyModels} whose layers keep a state; names and shapes as their own model classes have them. */
final class SsmTinyModels {
    private static final int HEADS = 8;
    private static final int STATES = 12;

    private SsmTinyModels() { }

    static void add() {
        falconH1();
        nemotronH();
        jamba();
        bamba();
        mambas();
        plamo();
    }

    private static void falconH1() {
        String config = RMS + ",\"head_dim\":16,\"mamba_d_conv\":4,\"mamba_d_head\":12,\"mamba_d_ssm\":96,\"mamba_d_state\":12,\"mamba_expand\":2,\"mamba_n_heads\":8,\"mamba_norm_before_gate\":false,"
                + "\"time_step_limit\":[0.0,Infinity],\"attention_in_multiplier\":1.3,\"attention_out_multiplier\":0.7,\"key_multiplier\":0.4,\"ssm_in_multiplier\":1.2,\"ssm_out_multiplier\":0.6,"
                + "\"ssm_multipliers\":[0.5,0.8,1.4,1.7,0.9],\"mlp_multipliers\":[1.6,0.75],\"embedding_multiplier\":5.5,\"lm_head_multiplier\":0.04";
        put("falcon-h1", "FalconH1ForCausalLM", "bpe", config + UNTIED + ",\"mamba_n_groups\":1,\"mamba_rms_norm\":false", c -> {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
            falconH1(c, 1, false);
        });
        put("falcon-h1-normed", "FalconH1ForCausalLM", "bpe", config + TIED + ",\"mamba_n_groups\":2,\"mamba_rms_norm\":true", c -> falconH1(c, 2, true));
    }

    private static void falconH1(MemoryCheckpoint c, int groups, boolean norm) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.final_layernorm.weight", 1, WIDTH);
        layers(c, l -> {
            c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "pre_ff_layernorm.weight", 1, WIDTH);
            attention(c, l, false, "o_proj");
            gated(c, l + "feed_forward.", 96);
            mamba2(c, l + "mamba.", 96, groups);
            if (norm) {
                c.add(l + "mamba.norm.weight", 1, 96);
            }
        });
    }

    private static void nemotronH() {
        String config = UNTIED + ",\"head_dim\":32,\"layer_norm_epsilon\":1e-5,\"mamba_num_heads\":8,\"mamba_head_dim\":12,\"n_groups\":2,\"ssm_state_size\":12,\"conv_kernel\":4,\"time_step_limit\":[0.0,Infinity],\"num_hidden_layers\":5,";
        put("nemotron_h", "NemotronHForCausalLM", "bpe", config + "\"hybrid_override_pattern\":\"M-M*-\"", c -> nemotronH(c, "backbone.", "M-M*-"));
        String experts = config + "\"n_routed_experts\":8,\"n_shared_experts\":1,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"moe_shared_expert_intermediate_size\":48,\"n_group\":1,\"topk_group\":1,"
                + "\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,";
        put("nemotron_h_moe", "NemotronHForCausalLM", "bpe", experts + "\"hybrid_override_pattern\":\"MEM*E\"", c -> {
            nemotronH(c, "backbone.", "MEM*E");
            experts(c, "backbone.layers.1.mixer.", WIDTH);
            experts(c, "backbone.layers.4.mixer.", WIDTH);
        });
        // As transformers 5 names things, and with the narrow experts of Nemotron 3 Super.
        put("nemotron_h_moe-latent", "NemotronHForCausalLM", "bpe", experts + "\"moe_latent_size\":32,\"num_nextn_predict_layers\":1,\"layers_block_type\":[\"linear_attention\",\"moe\",\"full_attention\",\"linear_attention\",\"moe\"]", c -> {
            nemotronH(c, "model.", "ME*ME");
            for (String l : new String[] {"model.layers.1.mixer.", "model.layers.4.mixer."}) {
                c.add(l + "gate.weight", 0, 8, WIDTH).add(l + "gate.e_score_correction_bias", 0, 8).add(l + "experts.up_proj", 0, 8, 32, 32).add(l + "experts.down_proj", 0, 8, 32, 32);
                c.add(l + "shared_experts.up_proj.weight", 0, 48, WIDTH).add(l + "shared_experts.down_proj.weight", 0, WIDTH, 48);
                c.add(l + "fc1_latent_proj.weight", 0, 32, WIDTH).add(l + "fc2_latent_proj.weight", 0, WIDTH, 32);
            }
            c.add("mtp.layers.0.eh_proj.weight", 0, WIDTH, 2 * WIDTH);
        });
    }

    private static void nemotronH(MemoryCheckpoint c, String prefix, String kinds) {
        c.add(prefix + "embeddings.weight", 0, ROWS, WIDTH).add(prefix + "norm_f.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        for (int i = 0; i < kinds.length(); i++) {
            String l = prefix + "layers." + i + ".";
            c.add(l + "norm.weight", 1, WIDTH);
            switch (kinds.charAt(i)) {
                case 'M' -> {
                    mamba2(c, l + "mixer.", 96, 2);
                    c.add(l + "mixer.norm.weight", 1, 96);
                }
                case '*' -> c.add(l + "mixer.q_proj.weight", 0, 128, WIDTH).add(l + "mixer.k_proj.weight", 0, 64, WIDTH).add(l + "mixer.v_proj.weight", 0, 64, WIDTH).add(l + "mixer.o_proj.weight", 0, WIDTH, 128);
                case '-' -> c.add(l + "mixer.up_proj.weight", 0, 96, WIDTH).add(l + "mixer.down_proj.weight", 0, WIDTH, 96);
                default -> { }
            }
        }
    }

    private static void experts(MemoryCheckpoint c, String m, int width) {
        c.add(m + "gate.weight", 0, 8, WIDTH).add(m + "gate.e_score_correction_bias", 0, 8);
        for (int e = 0; e < 8; e++) {
            c.add(m + "experts." + e + ".up_proj.weight", 0, 32, width).add(m + "experts." + e + ".down_proj.weight", 0, width, 32);
        }
        c.add(m + "shared_experts.up_proj.weight", 0, 48, WIDTH).add(m + "shared_experts.down_proj.weight", 0, WIDTH, 48);
    }

    private static void jamba() {
        String config = ",\"rms_norm_eps\":1e-6,\"num_hidden_layers\":4,\"attn_layer_period\":4,\"attn_layer_offset\":2,\"expert_layer_period\":2,\"expert_layer_offset\":1,\"mamba_d_state\":12,\"mamba_d_conv\":4,"
                + "\"mamba_expand\":2,\"mamba_conv_bias\":true,\"mamba_proj_bias\":false";
        put("jamba", "JambaForCausalLM", "spm", config + UNTIED + ",\"num_experts\":4,\"num_experts_per_tok\":2,\"mamba_dt_rank\":\"auto\"", c -> {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
            jamba(c, 4, 4);
        });
        put("jamba-dense", "JambaForCausalLM", "spm", config + TIED + ",\"num_experts\":1,\"num_experts_per_tok\":2,\"mamba_dt_rank\":6", c -> jamba(c, 6, 1));
    }

    private static void jamba(MemoryCheckpoint c, int rank, int experts) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.final_layernorm.weight", 1, WIDTH);
        layers(c, l -> {
            int number = l.charAt(13) - '0';
            c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "pre_ff_layernorm.weight", 1, WIDTH);
            if (number % 4 == 2) {
                attention(c, l, false, "o_proj");
            } else {
                mamba(c, l + "mamba.", rank, STATES);
                c.add(l + "mamba.dt_layernorm.weight", 1, rank).add(l + "mamba.b_layernorm.weight", 1, STATES).add(l + "mamba.c_layernorm.weight", 1, STATES);
            }
            if (experts == 1 || number % 2 == 0) {
                gated(c, l + "feed_forward.", 96);
                return;
            }
            c.add(l + "feed_forward.router.weight", 0, experts, WIDTH);
            for (int e = 0; e < experts; e++) {
                gated(c, l + "feed_forward.experts." + e + ".", 96);
            }
        });
    }

    private static void bamba() {
        put("bamba", "BambaForCausalLM", "bpe", RMS + UNTIED + ",\"num_hidden_layers\":3,\"attn_layer_indices\":[1],\"attn_rotary_emb\":8,\"mamba_d_conv\":4,\"mamba_d_head\":16,\"mamba_d_state\":12,\"mamba_expand\":2,"
                + "\"mamba_n_groups\":1,\"mamba_n_heads\":8", c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.final_layernorm.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            layers(c, l -> {
                c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "pre_ff_layernorm.weight", 1, WIDTH);
                gated(c, l + "feed_forward.", 96);
                if (l.equals("model.layers.1.")) {
                    attention(c, l, false, "o_proj");
                } else {
                    mamba2(c, l + "mamba.", 128, 1);
                    c.add(l + "mamba.norm.weight", 1, 128);
                }
            });
        });
    }

    private static void mambas() {
        String config = ",\"layer_norm_epsilon\":1e-5,\"state_size\":12,\"conv_kernel\":4,\"use_bias\":false,\"use_conv_bias\":true,\"expand\":2,\"intermediate_size\":128";
        put("mamba", "MambaForCausalLM", "bpe", config + TIED + ",\"time_step_rank\":\"auto\"", c -> mambas(c, 4));
        put("falcon-mamba", "FalconMambaForCausalLM", "bpe", config.replace("\"expand\":2", "\"expand\":16") + UNTIED + ",\"mixer_rms_eps\":1e-6,\"time_step_rank\":6", c -> {
            mambas(c, 6);
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        });
        put("mamba2", "Mamba2ForCausalLM", "spm", config + UNTIED + ",\"n_groups\":2,\"head_dim\":16,\"num_heads\":8,\"norm_before_gate\":true,\"time_step_limit\":[0.0,Infinity]", c -> mambas2(c, 2, true));
    }

    private static void mambas(MemoryCheckpoint c, int rank) {
        c.add("backbone.embeddings.weight", 0, ROWS, WIDTH).add("backbone.norm_f.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            c.add("backbone.layers." + i + ".norm.weight", 1, WIDTH);
            mamba(c, "backbone.layers." + i + ".mixer.", rank, STATES);
        }
    }

    static void mambas2(MemoryCheckpoint c, int groups, boolean head) {
        c.add("backbone.embeddings.weight", 0, ROWS, WIDTH).add("backbone.norm_f.weight", 1, WIDTH);
        for (int i = 0; i < 2; i++) {
            String l = "backbone.layers." + i + ".";
            c.add(l + "norm.weight", 1, WIDTH);
            mamba2(c, l + "mixer.", 128, groups);
            c.add(l + "mixer.norm.weight", 1, 128);
        }
        if (head) {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        }
    }

    private static void plamo() {
        put("plamo2", "Plamo2ForCausalLM", "plamo", TIED + ",\"num_hidden_layers\":4,\"rms_norm_eps\":1e-6,\"hidden_size_per_head\":16,\"mamba_num_heads\":8,\"mamba_d_state\":12,\"mamba_d_conv\":4,\"mamba_step\":2,"
                + "\"rope_theta\":10000.0", c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", 0, WIDTH);
            for (int i = 0; i < 4; i++) {
                String l = plamo(c, i);
                String m = l + "mixer.";
                if (i % 2 == 1) {
                    c.add(m + "qkv_proj.weight", 0, 128, WIDTH).add(m + "q_weight", 1, 4, 16).add(m + "k_weight", 1, 2, 16).add(m + "o_proj.weight", 0, WIDTH, 64);
                    continue;
                }
                // Of the rank that max(64, hidden_size / 16) gives.
                c.add(m + "in_proj.weight", 0, 256, WIDTH).add(m + "conv1d.weight", 0, 128, 1, 4).add(m + "bcdt_proj.weight", 0, 2 * STATES + 64, 128).add(m + "dt_proj.weight", 0, HEADS, 64)
                        .add(m + "dt_norm_weight", 1, 64).add(m + "B_norm_weight", 1, STATES).add(m + "C_norm_weight", 1, STATES).add(m + "dt_bias", 0.5, HEADS).add(m + "out_proj.weight", 0, WIDTH, 128);
                byHead(c, m);
            }
        });
        put("plamo3", "Plamo3ForCausalLM", "plamo", UNTIED + ",\"num_hidden_layers\":4,\"rms_norm_eps\":1e-6,\"head_dim\":16,\"window_size\":4,\"sliding_window_pattern\":2,\"rope_theta\":150000,\"rope_local_theta\":10000", c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", 0, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 4; i++) {
                String m = plamo(c, i) + "mixer.";
                c.add(m + "qkv_proj.weight", 0, 128, WIDTH).add(m + "q_norm.weight", 0, 16).add(m + "k_norm.weight", 0, 16).add(m + "o_proj.weight", 0, WIDTH, 64);
            }
        });
    }

    /** What each layer of both has; its prefix. Norms are stored as offsets. */
    private static String plamo(MemoryCheckpoint c, int layer) {
        String l = "model.layers.layers." + layer + ".";
        for (String norm : new String[] {"pre_mixer_norm", "post_mixer_norm", "pre_mlp_norm", "post_mlp_norm"}) {
            c.add(l + norm + ".weight", 0, WIDTH);
        }
        c.add(l + "mlp.gate_up_proj.weight", 0, 192, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, 96);
        return l;
    }

    /** A Mamba layer of twice the width, without norms of its own. */
    static void mamba(MemoryCheckpoint c, String m, int rank, int states) {
        c.add(m + "in_proj.weight", 0, 256, WIDTH).add(m + "conv1d.weight", 0, 128, 1, 4).add(m + "conv1d.bias", 0, 128).add(m + "x_proj.weight", 0, rank + 2 * states, 128)
                .add(m + "dt_proj.weight", 0, 128, rank).add(m + "dt_proj.bias", 0.5, 128).add(m + "A_log", 0.5, 128, states).add(m + "D", 1, 128).add(m + "out_proj.weight", 0, WIDTH, 128);
    }

    /** A Mamba 2 layer without its norm: 8 heads, states of 12. */
    static void mamba2(MemoryCheckpoint c, String m, int inner, int groups) {
        int channels = inner + 2 * groups * STATES;
        c.add(m + "in_proj.weight", 0, inner + channels + HEADS, WIDTH).add(m + "conv1d.weight", 0, channels, 1, 4).add(m + "conv1d.bias", 0, channels).add(m + "dt_bias", 0.5, HEADS)
                .add(m + "out_proj.weight", 0, WIDTH, inner);
        byHead(c, m);
    }

    private static void byHead(MemoryCheckpoint c, String m) {
        c.add(m + "A_log", 0.5, HEADS).add(m + "D", 1, HEADS);
        for (int h = 0; h < HEADS; h++) {
            // Apart enough that heads in another order compute something else.
            c.values(m + "A_log")[h] = 0.4f * h - 1;
            c.values(m + "D")[h] = 1.5f - 0.3f * h;
        }
    }
}
