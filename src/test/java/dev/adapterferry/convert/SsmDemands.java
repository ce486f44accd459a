package dev.adapterferry.convert;

import static dev.adapterferry.convert.LoaderDemandsTest.EPSILON;
import static dev.adapterferry.convert.LoaderDemandsTest.EXPERTS;
import static dev.adapterferry.convert.LoaderDemandsTest.GATED;
import static dev.adapterferry.convert.LoaderDemandsTest.OUTER;
import static dev.adapterferry.convert.LoaderDemandsTest.QKV;
import static dev.adapterferry.convert.LoaderDemandsTest.UNTIED;
import static dev.adapterferry.convert.LoaderDemandsTest.demand;

/** What llama.cpp's loaders ask of the models of {@link SsmTinyModels}. */
final class SsmDemands {
    private SsmDemands() { }

    static void add() {
        String mamba = "attn_norm 64; ssm_in 64 288; ssm_conv1d 4 152; ssm_conv1d.bias 152; ssm_dt.bias 8; ssm_a 1 8; ssm_d 1 8; ssm_norm 128 1; ssm_out 128 64; ffn_norm 64";
        String beside = "; ssm_in 64 224; ssm_conv1d 4 120; ssm_conv1d.bias 120; ssm_dt.bias 8; ssm_a 1 8; ssm_d 1 8; ssm_out 96 64; ffn_norm 64" + GATED;
        String state = EPSILON + " ssm.conv_kernel ssm.state_size ssm.group_count ssm.inner_size ssm.time_step_rank";
        demand("falcon-h1", UNTIED, state, QKV + beside);
        demand("falcon-h1-normed", UNTIED, state, QKV + beside.replace("224", "248").replace("120", "144") + "; ssm_norm 48 2");
        demand("bamba", UNTIED, state + " rope.dimension_count rope.scaling.finetuned", mamba + GATED, QKV + "; ffn_norm 64" + GATED, mamba + GATED);
        String alone = "attn_norm 64; ssm_in 64 248; ssm_conv1d 4 144; ssm_conv1d.bias 144; ssm_dt.bias 8; ssm_a 1 8; ssm_d 1 8; ssm_norm 48 2; ssm_out 96 64";
        String wide = "attn_norm 64; attn_q 64 128; attn_k 64 64; attn_v 64 64; attn_output 128 64";
        demand("nemotron_h", UNTIED, state + " attention.layer_norm_epsilon", alone, "attn_norm 64; ffn_up 64 96; ffn_down 96 64", alone, wide, "attn_norm 64; ffn_up 64 96; ffn_down 96 64");
        String routed = "attn_norm 64; ffn_gate_inp 64 8; exp_probs_b.bias 8; ffn_up_exps 64 32 8; ffn_down_exps 32 64 8; ffn_up_shexp 64 48; ffn_down_shexp 48 64";
        String routing = state + " attention.layer_norm_epsilon expert_count expert_used_count expert_feed_forward_length expert_shared_feed_forward_length expert_shared_count expert_weights_norm expert_weights_scale";
        demand("nemotron_h_moe", UNTIED, routing, alone, routed, alone, wide, routed);
        String narrow = routed.replace("64 32 8", "32 32 8").replace("32 64 8", "32 32 8") + "; ffn_latent_down 64 32; ffn_latent_up 32 64";
        demand("nemotron_h_moe-latent", UNTIED, routing + " moe_latent_size", alone, narrow, wide, alone, narrow);
        String first = "attn_norm 64; ssm_in 64 256; ssm_conv1d 4 128; ssm_conv1d.bias 128; ssm_x 128 28; ssm_dt 4 128; ssm_dt.bias 128; ssm_dt_norm 4; ssm_b_norm 12; ssm_c_norm 12; ssm_a 12 128; ssm_d 128; "
                + "ssm_out 128 64; ffn_norm 64";
        demand("jamba", UNTIED, state.replace(" ssm.group_count", "") + " expert_count expert_used_count", first + GATED, first + EXPERTS.replace("32", "96"), QKV + "; ffn_norm 64" + GATED, first + EXPERTS.replace("32", "96"));
        demand("mamba2", UNTIED, state, "attn_norm 64; ssm_in 64 312; ssm_conv1d 4 176; ssm_conv1d.bias 176; ssm_dt.bias 8; ssm_a 1 8; ssm_d 1 8; ssm_norm 64 2; ssm_out 128 64");
        String around = "; post_attention_norm 64; ffn_norm 64; post_ffw_norm 64; ffn_up 64 192; ffn_down 96 64";
        String steps = "attn_norm 64; ssm_in 64 256; ssm_conv1d 4 128; ssm_x 128 88; ssm_dt 64 8; ssm_dt.bias 8; ssm_dt_norm 64; ssm_b_norm 12; ssm_c_norm 12; ssm_a 8; ssm_d 8; ssm_out 128 64" + around;
        String own = "attn_norm 64; attn_qkv 64 128; attn_output 64 64; attn_q_norm 16 4; attn_k_norm 16 2" + around;
        demand("plamo2", OUTER, state + " rope.freq_base", steps, own, steps, own);
        demand("plamo3", UNTIED, EPSILON + " attention.sliding_window attention.sliding_window_pattern rope.freq_base rope.freq_base_swa attention.key_length",
                "attn_norm 64; attn_qkv 64 128; attn_output 64 64; attn_q_norm 16; attn_k_norm 16" + around);
    }
}
