package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.put;

/** The cases of {@link TinyModels} with Kimi's delta attention. */
final class KimiTinyModels {
    private static final int INNER = 128;

    private KimiTinyModels() { }

    static void add() {
        String config = ",\"num_hidden_layers\":4,\"num_key_value_heads\":4,\"rms_norm_eps\":1e-6,\"qk_nope_head_dim\":8,\"qk_rope_head_dim\":8,\"v_head_dim\":12,\"kv_lora_rank\":16,\"q_lora_rank\":null,\"mla_use_nope\":true,"
                + "\"linear_attn_config\":{\"full_attn_layers\":[4],\"kda_layers\":[1,2,3],\"head_dim\":32,\"num_heads\":4,\"short_conv_kernel_size\":4},\"first_k_dense_replace\":1,\"moe_layer_freq\":1,"
                + "\"num_experts\":4,\"num_experts_per_token\":2,\"moe_intermediate_size\":32,\"num_shared_experts\":1,\"moe_renormalize\":true,\"moe_router_activation_func\":\"sigmoid\",\"routed_scaling_factor\":2.446,"
                + "\"num_expert_group\":1,\"topk_group\":1,\"hidden_act\":\"silu\"" + UNTIED;
        put("kimi-linear", "KimiLinearForCausalLM", "ranks", config, KimiTinyModels::fill);
    }

    private static void fill(MemoryCheckpoint c) {
        TinyModels.outer(c, true);
        TinyModels.layers(c, l -> {
            TinyModels.norms(c, l);
            if (l.equals("model.layers.3.")) {
                NewerTinyModels.latentAttention(c, l, 0);
            } else {
                delta(c, l + "self_attn.");
            }
            if (l.equals("model.layers.0.")) {
                TinyModels.gated(c, l + "mlp.", 96);
                return;
            }
            String m = l + "block_sparse_moe.";
            c.add(m + "gate.weight", 0, 4, WIDTH).add(m + "gate.e_score_correction_bias", 0, 4);
            for (int e = 0; e < 4; e++) {
                c.add(m + "experts." + e + ".w1.weight", 0, 32, WIDTH).add(m + "experts." + e + ".w2.weight", 0, WIDTH, 32).add(m + "experts." + e + ".w3.weight", 0, 32, WIDTH);
            }
            TinyModels.gated(c, m + "shared_experts.", 32);
        });
    }

    private static void delta(MemoryCheckpoint c, String a) {
        for (String part : new String[] {"q", "k", "v"}) {
            c.add(a + part + "_proj.weight", 0, INNER, WIDTH).add(a + part + "_conv1d.weight", 0, INNER, 1, 4);
        }
        c.add(a + "A_log", 0, 1, 1, 4, 1).add(a + "dt_bias", 0, INNER).add(a + "f_a_proj.weight", 0, 32, WIDTH).add(a + "f_b_proj.weight", 0, INNER, 32).add(a + "b_proj.weight", 0, 4, WIDTH);
        c.add(a + "g_a_proj.weight", 0, 32, WIDTH).add(a + "g_b_proj.weight", 0, INNER, 32).add(a + "o_norm.weight", 1, 32).add(a + "o_proj.weight", 0, WIDTH, INNER);
    }
}
