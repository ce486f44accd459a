package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.TIED;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.gated;
import static dev.adapterferry.convert.TinyModels.layers;
import static dev.adapterferry.convert.TinyModels.norms;
import static dev.adapterferry.convert.TinyModels.outer;
import static dev.adapterferry.convert.TinyModels.put;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The cases of {@link TinyModels} of families without experts whose layers differ from each other, or whose code stands beside their weights; names and shapes as that code has them. */
final class DenseTinyModels {
    private static final String LLAMA3 = ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64}";

    private DenseTinyModels() { }

    static void add() {
        // Group of query heads for each key head, 0 for no attention, -1 for a matrix in its place; and the factor of the feed-forward's width.
        deci("deci", "2 4 0 -1 2", "1.5 3 6.5 3 3");
        // As in Ultra, a layer may have nothing at all.
        deci("deci-ultra", "2 0 0 4", "3 3 0 6");
        put("deci-7b", "DeciLMForCausalLM", "spm", RMS + UNTIED + ",\"num_key_value_heads_per_layer\":[4,1],\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2.0}", c -> {
            outer(c, true);
            for (int i = 0; i < 2; i++) {
                norms(c, layer(i));
                attention(c, layer(i), i == 0 ? 4 : 1);
                gated(c, layer(i) + "mlp.", 96);
            }
        });
        openElm();
        gpts();
        llamas();
        latent();
        diffusing();
    }

    /** Jais with slopes and scales, CodeShell turned. */
    private static void gpts() {
        String sizes = ",\"n_positions\":512,\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"n_inner\":96,\"layer_norm_epsilon\":1e-5";
        put("jais", "JAISLMHeadModel", "bpe", sizes + ",\"activation_function\":\"swiglu\",\"position_embedding_type\":\"alibi\",\"mup_scale_qk_dot_by_d\":true,\"mup_embeddings_scale\":14.6,"
                + "\"mup_output_alpha\":2.2,\"mup_width_scale\":0.125" + TIED, c -> jais(c, false));
        put("jais-untied", "JAISLMHeadModel", "bpe", sizes + ",\"activation_function\":\"swiglu\",\"position_embedding_type\":\"alibi\",\"scale_qk_dot_by_d\":true,\"embeddings_scale\":14.6,\"width_scale\":0.275"
                + UNTIED, c -> jais(c, true));
        put("refact", "GPTRefactForCausalLM", "bpe", sizes.replace(",\"n_inner\":96", ",\"n_inner\":null") + ",\"multi_query\":true" + UNTIED, c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.ln_f.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "transformer.h." + i + ".";
                c.add(l + "ln_1.weight", 1, WIDTH).add(l + "ln_2.weight", 1, WIDTH).add(l + "attn.q.weight", 0, WIDTH, WIDTH).add(l + "attn.kv.weight", 0, 2 * HEAD, WIDTH).add(l + "attn.c_proj.weight", 0, WIDTH, WIDTH);
                // int(2 * 256 / 3), and up to the next multiple of 256.
                c.add(l + "mlp.gate_up_proj.weight", 0, 512, WIDTH).add(l + "mlp.c_proj.weight", 0, WIDTH, 256);
            }
        });
        put("codeshell", "CodeShellForCausalLM", "bpe", sizes + ",\"num_query_groups\":2,\"group_query_attention\":true,\"position_embedding_type\":\"rope\",\"activation_function\":\"gelu_pytorch_tanh\"" + UNTIED, c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            TinyModels.layerNorm(c, "transformer.ln_f");
            for (int i = 0; i < 2; i++) {
                String l = "transformer.h." + i + ".";
                TinyModels.layerNorm(c, l + "ln_1");
                TinyModels.layerNorm(c, l + "ln_2");
                TinyModels.linear(c, l + "attn.c_attn", 128, WIDTH);
                TinyModels.linear(c, l + "attn.c_proj", WIDTH, WIDTH);
                TinyModels.linear(c, l + "mlp.c_fc", 96, WIDTH);
                TinyModels.linear(c, l + "mlp.c_proj", WIDTH, 96);
                c.add(l + "attn.rotary_emb.inv_freq", 1, HEAD / 2);
            }
        });
    }

    private static void jais(MemoryCheckpoint c, boolean head) {
        c.add("transformer.wte.weight", 0, ROWS, WIDTH).multiply("transformer.wte.weight", 0.1f).add("transformer.relative_pe.slopes", 0.25, 4, 1);
        TinyModels.layerNorm(c, "transformer.ln_f");
        if (head) {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        }
        for (int i = 0; i < 2; i++) {
            String l = "transformer.h." + i + ".";
            TinyModels.layerNorm(c, l + "ln_1");
            TinyModels.layerNorm(c, l + "ln_2");
            // Conv1D: inputs first.
            c.add(l + "attn.c_attn.weight", 0, WIDTH, 3 * WIDTH).add(l + "attn.c_attn.bias", 0, 3 * WIDTH).add(l + "attn.c_proj.weight", 0, WIDTH, WIDTH).add(l + "attn.c_proj.bias", 0, WIDTH);
            c.add(l + "mlp.c_fc.weight", 0, WIDTH, 96).add(l + "mlp.c_fc.bias", 0, 96).add(l + "mlp.c_fc2.weight", 0, WIDTH, 96).add(l + "mlp.c_fc2.bias", 0, 96);
            c.add(l + "mlp.c_proj.weight", 0, 96, WIDTH).add(l + "mlp.c_proj.bias", 0, WIDTH);
        }
    }

    private static void llamas() {
        put("jais2", "Jais2ForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"rope_theta\":500000.0" + UNTIED, c -> {
            outer(c, true);
            c.add("model.norm.bias", 0, WIDTH);
            layers(c, l -> {
                TinyModels.layerNorm(c, l + "input_layernorm");
                TinyModels.layerNorm(c, l + "post_attention_layernorm");
                TinyModels.attention(c, l, true, "o_proj");
                c.add(l + "self_attn.o_proj.bias", 0, WIDTH);
                TinyModels.linear(c, l + "mlp.up_proj", 96, WIDTH);
                TinyModels.linear(c, l + "mlp.down_proj", WIDTH, 96);
            });
        });
        put("pangu-embedded", "PanguEmbeddedForCausalLM", "spm", RMS + UNTIED + ",\"bias\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                TinyModels.attention(c, l, true, "o_proj");
                c.add(l + "self_attn.o_proj.bias", 0, WIDTH);
                gated(c, l + "mlp.", 96);
            });
        });
        // 4 heads of 24 over a width of 64, and three times through 2 layers.
        for (boolean skipped : new boolean[] {false, true}) {
            put(skipped ? "nanbeige-skipping" : "nanbeige", "NanbeigeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":24,\"num_loops\":" + (skipped ? 2 : 3) + ",\"loop_loss_weights\":[],\"skip_loop_final_norm\":" + skipped, c -> {
                outer(c, true);
                layers(c, l -> {
                    norms(c, l);
                    TinyModels.attention(c, l, 96, 48, false, "o_proj");
                    gated(c, l + "mlp.", 96);
                });
            });
        }
        put("maincoder", "MaincoderForCausalLM", "bpe", RMS + TIED + ",\"head_dim\":24,\"intermediate_size_mlp\":96,\"intermediate_size\":128,\"use_qk_norm\":true", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                TinyModels.attention(c, l, 96, 48, false, "o_proj");
                TinyModels.headNorms(c, l, 24, 24);
                gated(c, l + "feed_forward.", 96);
            });
        });
        // Queries and keys of 6 heads that look at 2.
        put("plamo", "PlamoForCausalLM", "spm", ",\"hidden_size\":96,\"num_attention_heads\":6,\"num_key_value_heads\":6,\"n_shared_head\":3,\"intermediate_size\":128,\"rms_norm_eps\":1e-6" + UNTIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, 96).add("model.norm.weight", 1, 96).add("lm_head.weight", 0, ROWS, 96);
            for (int i = 0; i < 2; i++) {
                String l = "model.layers.layers." + i + ".";
                c.add(l + "norm.weight", 1, 96).add(l + "self_attn.q_proj.weight", 0, 96, 96).add(l + "self_attn.k_proj.weight", 0, 32, 96).add(l + "self_attn.v_proj.weight", 0, 32, 96);
                c.add(l + "self_attn.o_proj.weight", 0, 96, 96).add(l + "self_attn.rotary_emb.inv_freq", 1, HEAD / 2);
                c.add(l + "mlp.gate_proj.weight", 0, 128, 96).add(l + "mlp.up_proj.weight", 0, 128, 96).add(l + "mlp.down_proj.weight", 0, 96, 128);
            }
        });
    }

    /** DeepSeek's attention in models without experts. */
    private static void latent() {
        String sizes = ",\"rms_norm_eps\":1e-6,\"rope_theta\":10000.0,\"num_key_value_heads\":4,\"kv_lora_rank\":16,\"qk_rope_head_dim\":8,\"qk_nope_head_dim\":8,\"v_head_dim\":12,\"rope_interleave\":true" + TIED;
        put("youtu", "YoutuForCausalLM", "bpe", sizes + ",\"q_lora_rank\":24", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                NewerTinyModels.latentAttention(c, l, 24);
                gated(c, l + "mlp.", 96);
            });
        });
        put("plm", "PLMForCausalLM", "bpe", sizes + ",\"q_lora_rank\":null,\"hidden_act\":\"relu2\"", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                NewerTinyModels.latentAttention(c, l, 0);
                c.add(l + "mlp.up_proj.weight", 0, 96, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, 96);
            });
        });
    }

    /** Models that fill in masked tokens. */
    private static void diffusing() {
        put("dream", "DreamModel", "bpe", RMS + UNTIED + ",\"mask_token_id\":300", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                TinyModels.attention(c, l, true, "o_proj");
                gated(c, l + "mlp.", 96);
            });
        });
        put("llada", "LLaDAModelLM", "bpe", RMS + ",\"d_model\":64,\"n_heads\":4,\"n_kv_heads\":2,\"n_layers\":2,\"mlp_hidden_size\":96,\"max_sequence_length\":512,\"embedding_size\":384,\"mask_token_id\":300,"
                + "\"weight_tying\":false,\"include_bias\":false,\"include_qkv_bias\":false,\"scale_logits\":false,\"input_emb_norm\":false,\"alibi\":false,\"attention_layer_norm\":false", c -> {
            c.add("model.transformer.wte.weight", 0, ROWS, WIDTH).add("model.transformer.ln_f.weight", 1, WIDTH).add("model.transformer.ff_out.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "model.transformer.blocks." + i + ".";
                c.add(l + "attn_norm.weight", 1, WIDTH).add(l + "ff_norm.weight", 1, WIDTH).add(l + "q_proj.weight", 0, 64, WIDTH).add(l + "k_proj.weight", 0, 32, WIDTH).add(l + "v_proj.weight", 0, 32, WIDTH);
                c.add(l + "attn_out.weight", 0, WIDTH, 64).add(l + "ff_proj.weight", 0, 96, WIDTH).add(l + "up_proj.weight", 0, 96, WIDTH).add(l + "ff_out.weight", 0, WIDTH, 96);
            }
        });
    }

    private static void deci(String name, String groups, String factors) {
        List<Integer> group = Arrays.stream(groups.split(" ")).map(Integer::valueOf).toList();
        List<Double> factor = Arrays.stream(factors.split(" ")).map(Double::valueOf).toList();
        String blocks = IntStream.range(0, group.size()).mapToObj(i -> {
            String attention = "\"n_heads_in_group\":" + (group.get(i) > 0 ? group.get(i) : "null") + ",\"no_op\":" + (group.get(i) == 0) + ",\"replace_with_linear\":" + (group.get(i) < 0);
            String ffn = "\"ffn_mult\":" + (factor.get(i) > 0 ? factor.get(i) : "null") + ",\"no_op\":" + (factor.get(i) == 0) + ",\"replace_with_linear\":false,\"sparsify\":null";
            return "{\"attention\":{" + attention + ",\"num_sink_tokens\":null,\"sparsify\":null,\"unshifted_sink\":false,\"window_length\":null},\"ffn\":{" + ffn + "}}";
        }).collect(Collectors.joining(","));
        put(name, "DeciLMForCausalLM", "bpe", RMS + UNTIED + LLAMA3 + ",\"intermediate_size\":null,\"num_key_value_heads\":null,\"num_hidden_layers\":" + group.size() + ",\"block_configs\":[" + blocks + "]", c -> {
            outer(c, true);
            for (int i = 0; i < group.size(); i++) {
                String l = layer(i);
                if (group.get(i) != 0) {
                    c.add(l + "input_layernorm.weight", 1, WIDTH);
                }
                if (group.get(i) > 0) {
                    attention(c, l, 4 / group.get(i));
                } else if (group.get(i) < 0) {
                    c.add(l + "self_attn.linear_attn.weight", 0, WIDTH, WIDTH);
                }
                if (factor.get(i) > 0) {
                    c.add(l + "post_attention_layernorm.weight", 1, WIDTH);
                    // int(2 * factor * 64 / 3), and up to the next multiple of 256.
                    gated(c, l + "mlp.", factor.get(i) > 6 ? 512 : 256);
                }
            }
        });
    }

    private static void attention(MemoryCheckpoint c, String l, int keyHeads) {
        TinyModels.attention(c, l, WIDTH, keyHeads * HEAD, false, "o_proj");
    }

    private static String layer(int number) {
        return "model.layers." + number + ".";
    }

    private static void openElm() {
        put("openelm", "OpenELMForCausalLM", "spm", ",\"model_dim\":64,\"head_dim\":16,\"num_transformer_layers\":3,\"max_context_length\":512,\"rope_freq_constant\":20000,\"rope_max_length\":1024,"
                + "\"num_query_heads\":[4,2,6],\"num_kv_heads\":[2,1,2],\"ffn_multipliers\":[0.5,1.7,4.0],\"ffn_dim_divisor\":32,\"ffn_with_glu\":true,\"normalize_qk_projections\":true,"
                + "\"share_input_output_layers\":true,\"activation_fn_name\":\"swish\",\"num_hidden_layers\":3", c -> {
            c.add("transformer.token_embeddings.weight", 0, ROWS, WIDTH).add("transformer.norm.weight", 1, WIDTH);
            int[] queries = {4, 2, 6};
            int[] keys = {2, 1, 2};
            // 32, 108.8 and 256 to the nearest multiple of 32; 96 would lose more than a tenth.
            int[] inner = {32, 128, 256};
            for (int i = 0; i < 3; i++) {
                String l = "transformer.layers." + i + ".";
                c.add(l + "attn_norm.weight", 1, WIDTH).add(l + "ffn_norm.weight", 1, WIDTH).add(l + "attn.q_norm.weight", 1, HEAD).add(l + "attn.k_norm.weight", 1, HEAD);
                c.add(l + "attn.qkv_proj.weight", 0, (queries[i] + 2 * keys[i]) * HEAD, WIDTH).add(l + "attn.out_proj.weight", 0, WIDTH, queries[i] * HEAD);
                c.add(l + "ffn.proj_1.weight", 0, 2 * inner[i], WIDTH).add(l + "ffn.proj_2.weight", 0, WIDTH, inner[i]);
            }
        });
    }
}
