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

    /** A Mamba 2 layer without its norm: 8 heads, states of 12. */
    static void mamba2(MemoryCheckpoint c, String m, int inner, int groups) {
        int channels = inner + 2 * groups * STATES;
        c.add(m + "in_proj.weight", 0, inner + channels + HEADS, WIDTH).add(m + "conv1d.weight", 0, channels, 1, 4).add(m + "conv1d.bias", 0, channels).add(m + "dt_bias", 0.5, HEADS)
                .add(m + "A_log", 0.5, HEADS).add(m + "D", 1, HEADS).add(m + "out_proj.weight", 0, WIDTH, inner);
        for (int h = 0; h < HEADS; h++) {
            // Apart enough that heads in another order compute something else.
            c.values(m + "A_log")[h] = 0.4f * h - 1;
            c.values(m + "D")[h] = 1.5f - 0.3f * h;
        }
    }
}
