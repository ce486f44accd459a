package dev.adapterferry.convert;

import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A tiny checkpoint of each architecture: names and shapes as transformers' model classes have them, written down here
 * independently of the architecture files. Width 64, 4 heads of 16 (2 for keys and values), 2 layers.
 */
final class TinyModels {
    static final int ROWS = 384;
    static final int WIDTH = 64;
    static final int HEAD = 16;
    private static final int Q = 64;
    private static final int KV = 32;
    private static final int INNER = 96;

    /**
     * One case.
     *
     * @param tokenizer {@code bpe} or {@code spm}
     * @param config    fields of config.json beyond the common ones
     * @param tensors   adds the tensors
     */
    private record Case(String className, String tokenizer, String config, Consumer<MemoryCheckpoint> tensors) { }

    private static final Map<String, Case> CASES = new LinkedHashMap<>();

    private static final String COMMON = """
            "hidden_size":64,"intermediate_size":96,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"vocab_size":384,
            "max_position_embeddings":512,"bos_token_id":1,"eos_token_id":2""";
    static final String RMS = ",\"rms_norm_eps\":1e-5,\"rope_theta\":10000.0";
    static final String UNTIED = ",\"tie_word_embeddings\":false";
    static final String TIED = ",\"tie_word_embeddings\":true";

    static {
        Consumer<MemoryCheckpoint> llama = c -> llamaLike(c, true, "");
        put("llama", "LlamaForCausalLM", "bpe", RMS + UNTIED, llama);
        put("llama-spm", "LlamaForCausalLM", "spm", RMS + UNTIED, llama);
        put("llama-3.2", "LlamaForCausalLM", "bpe", ",\"rms_norm_eps\":1e-5,\"rope_theta\":500000.0,\"head_dim\":16,\"rope_scaling\":{\"factor\":32.0,\"low_freq_factor\":1.0,"
                + "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64,\"rope_type\":\"llama3\"}" + TIED, c -> llamaLike(c, false, ""));
        put("mistral", "MistralForCausalLM", "spm", RMS + UNTIED, llama);
        put("kormo", "KORMoForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16", c -> {
            outer(c, true);
            layers(c, l -> {
                c.add(l + "pre_attention_layernorm.weight", 1, WIDTH).add(l + "pre_mlp_layernorm.weight", 1, WIDTH);
                attention(c, l, false, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        put("mistral-nemo", "MistralForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":32", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "self_attn.q_proj.weight", 0, 128, WIDTH).add(l + "self_attn.k_proj.weight", 0, 64, WIDTH)
                        .add(l + "self_attn.v_proj.weight", 0, 64, WIDTH).add(l + "self_attn.o_proj.weight", 0, WIDTH, 128);
                gated(c, l + "mlp.", INNER);
            });
        });
        put("mixtral", "MixtralForCausalLM", "spm", ",\"rms_norm_eps\":1e-5,\"rope_theta\":1000000.0,\"num_local_experts\":4,\"num_experts_per_tok\":2" + UNTIED, c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                c.add(l + "block_sparse_moe.gate.weight", 0, 4, WIDTH);
                for (int e = 0; e < 4; e++) {
                    String x = l + "block_sparse_moe.experts." + e + ".";
                    c.add(x + "w1.weight", 0, INNER, WIDTH).add(x + "w2.weight", 0, WIDTH, INNER).add(x + "w3.weight", 0, INNER, WIDTH);
                }
            });
        });
        put("mistral3", "Ministral3ForCausalLM", "bpe", ",\"model_type\":\"ministral3\",\"head_dim\":16,\"rms_norm_eps\":1e-5,\"rope_parameters\":{\"rope_theta\":10000.0,\"rope_type\":\"yarn\","
                + "\"factor\":16.0,\"original_max_position_embeddings\":8,\"beta_fast\":4.0,\"beta_slow\":0.05,\"mscale\":1.0,\"mscale_all_dim\":1.0,\"llama_4_scaling_beta\":0.1}" + TIED,
                c -> llamaLike(c, false, ""));
        put("internlm3", "InternLM3ForCausalLM", "spm", RMS + UNTIED + ",\"head_dim\":16", llama);
        put("smollm3", "SmolLM3ForCausalLM", "bpe", RMS + TIED, c -> llamaLike(c, false, ""));
        put("arcee", "ArceeForCausalLM", "bpe", RMS + UNTIED, c -> {
            llamaLike(c, true, "");
            layers(c, l -> c.remove(l + "mlp.gate_proj.weight"));
        });
        put("apertus", "ApertusForCausalLM", "bpe", RMS + UNTIED + ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
                + "\"original_max_position_embeddings\":64}", c -> {
            outer(c, true);
            layers(c, l -> {
                c.add(l + "attention_layernorm.weight", 1, WIDTH).add(l + "feedforward_layernorm.weight", 1, WIDTH);
                attention(c, l, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                c.add(l + "mlp.up_proj.weight", 0, INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
                for (String p : List.of("alpha_n", "alpha_p", "beta")) {
                    c.add(l + "mlp.act_fn." + p, 0.5, 1);
                }
                c.add(l + "mlp.act_fn.eps", -0.3, 1);
            });
        });
        put("granite", "GraniteForCausalLM", "bpe", RMS + TIED + ",\"attention_multiplier\":0.0625,\"embedding_multiplier\":12.0,\"residual_multiplier\":0.22,\"logits_scaling\":8.0",
                c -> llamaLike(c, false, ""));
        put("granitemoe", "GraniteMoeForCausalLM", "bpe", RMS + TIED + ",\"attention_multiplier\":0.0625,\"embedding_multiplier\":12.0,\"residual_multiplier\":0.22,"
                + "\"logits_scaling\":6.0,\"num_local_experts\":4,\"num_experts_per_tok\":2", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                c.add(l + "block_sparse_moe.router.layer.weight", 0, 4, WIDTH).add(l + "block_sparse_moe.input_linear.weight", 0, 4, 2 * INNER, WIDTH)
                        .add(l + "block_sparse_moe.output_linear.weight", 0, 4, WIDTH, INNER);
            });
        });
        put("qwen2", "Qwen2ForCausalLM", "bpe", RMS + TIED, c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        put("qwen2moe", "Qwen2MoeForCausalLM", "bpe", RMS + UNTIED + ",\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"shared_expert_intermediate_size\":48", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.shared_expert_gate.weight", 0, 1, WIDTH);
                gated(c, l + "mlp.shared_expert.", 48);
                experts(c, l, 4, 32);
            });
        });
        Consumer<MemoryCheckpoint> qwen3 = c -> {
            llamaLike(c, false, "");
            layers(c, l -> headNorms(c, l, HEAD, HEAD));
        };
        put("qwen3", "Qwen3ForCausalLM", "bpe", RMS + TIED + ",\"head_dim\":16", qwen3);
        put("qwen3moe", "Qwen3MoeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"norm_topk_prob\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH);
                experts(c, l, 4, 32);
            });
        });
        put("qwen3moe-packed", "Qwen3MoeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"num_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"norm_topk_prob\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.experts.gate_up_proj", 0, 4, 64, WIDTH).add(l + "mlp.experts.down_proj", 0, 4, WIDTH, 32);
            });
        });
        put("olmoe", "OlmoeForCausalLM", "bpe", RMS + UNTIED + ",\"num_key_value_heads\":4,\"num_experts\":4,\"num_experts_per_tok\":2,\"intermediate_size\":32", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, Q, Q, false, "o_proj");
                headNorms(c, l, Q, Q);
                c.add(l + "mlp.gate.weight", 0, 4, WIDTH);
                experts(c, l, 4, 32);
            });
        });
        put("gemma", "GemmaForCausalLM", "spm", ",\"rms_norm_eps\":1e-6,\"head_dim\":16", c -> llamaLike(c, false, "offset"));
        // The library picks the attention scale of Gemma 2 by the number of layers and aborts on a number it does not know.
        put("gemma2", "Gemma2ForCausalLM", "spm", ",\"num_hidden_layers\":26,\"rms_norm_eps\":1e-6,\"head_dim\":16,\"query_pre_attn_scalar\":16,\"sliding_window\":8,\"attn_logit_softcapping\":50.0,\"final_logit_softcapping\":30.0",
                c -> {
                    llamaLike(c, false, "offset");
                    layers(c, l -> c.add(l + "pre_feedforward_layernorm.weight", 0, WIDTH).add(l + "post_feedforward_layernorm.weight", 0, WIDTH));
                });
        // Every sixth layer attends globally; the library aborts when there is none.
        put("gemma3", "Gemma3ForCausalLM", "spm", ",\"num_hidden_layers\":7,\"rms_norm_eps\":1e-6,\"head_dim\":16,\"query_pre_attn_scalar\":16,\"sliding_window\":8,\"rope_theta\":1000000.0,\"rope_local_base_freq\":10000.0",
                c -> {
                    llamaLike(c, false, "offset");
                    layers(c, l -> {
                        c.add(l + "pre_feedforward_layernorm.weight", 0, WIDTH).add(l + "post_feedforward_layernorm.weight", 0, WIDTH);
                        c.add(l + "self_attn.q_norm.weight", 0, HEAD).add(l + "self_attn.k_norm.weight", 0, HEAD);
                    });
                });
        put("phi2", "PhiForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"partial_rotary_factor\":0.5,\"num_key_value_heads\":4,\"rope_theta\":10000.0" + UNTIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH).add("lm_head.bias", 0, ROWS);
            layerNorm(c, "model.final_layernorm");
            layers(c, l -> {
                layerNorm(c, l + "input_layernorm");
                attention(c, l, Q, Q, true, "dense");
                c.add(l + "self_attn.dense.bias", 0, WIDTH);
                linear(c, l + "mlp.fc1", INNER * 8 / 3, WIDTH);
                linear(c, l + "mlp.fc2", WIDTH, INNER * 8 / 3);
            });
        });
        Consumer<MemoryCheckpoint> phi3 = c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "self_attn.qkv_proj.weight", 0, Q + 2 * KV, WIDTH).add(l + "self_attn.o_proj.weight", 0, WIDTH, Q);
                c.add(l + "mlp.gate_up_proj.weight", 0, 2 * INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
            });
        };
        put("phi3", "Phi3ForCausalLM", "spm", RMS + UNTIED + ",\"sliding_window\":256,\"original_max_position_embeddings\":512", phi3);
        put("phi3-longrope", "Phi3ForCausalLM", "bpe", RMS + UNTIED + ",\"original_max_position_embeddings\":256,\"rope_scaling\":{\"type\":\"longrope\",\"long_factor\":"
                + "[1.0,1.1,1.2,1.3,2.0,3.0,4.0,5.0],\"short_factor\":[1.0,1.0,1.0,1.0,1.1,1.2,1.3,1.4]}", phi3);
        Consumer<MemoryCheckpoint> phimoe = c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH);
            linear(c, "lm_head", ROWS, WIDTH);
            layerNorm(c, "model.norm");
            layers(c, l -> {
                layerNorm(c, l + "input_layernorm");
                layerNorm(c, l + "post_attention_layernorm");
                attention(c, l, true, "o_proj");
                c.add(l + "self_attn.o_proj.bias", 0, WIDTH).add(l + "block_sparse_moe.gate.weight", 0, 4, WIDTH);
                for (int e = 0; e < 4; e++) {
                    String x = l + "block_sparse_moe.experts." + e + ".";
                    c.add(x + "w1.weight", 0, INNER, WIDTH).add(x + "w2.weight", 0, WIDTH, INNER).add(x + "w3.weight", 0, INNER, WIDTH);
                }
            });
        };
        String mixer = RMS + UNTIED + ",\"num_local_experts\":4,\"num_experts_per_tok\":2,\"sliding_window\":512,\"router_jitter_noise\":0.01,\"original_max_position_embeddings\":";
        put("phimoe", "PhiMoEForCausalLM", "spm", mixer + "512", phimoe);
        put("phimoe-longrope", "PhiMoEForCausalLM", "spm", mixer + "256,\"rope_scaling\":{\"type\":\"longrope\",\"long_factor\":[1.0,1.1,1.2,1.3,2.0,3.0,4.0,5.0],"
                + "\"short_factor\":[1.0,1.0,1.0,1.0,1.1,1.2,1.3,1.4],\"short_mscale\":1.3,\"long_mscale\":1.3}", phimoe);
        put("olmo", "OlmoForCausalLM", "bpe", ",\"rope_theta\":10000.0,\"clip_qkv\":0.5" + UNTIED, c -> {
            llamaLike(c, true, "");
            c.remove("model.norm.weight");
            layers(c, l -> c.remove(l + "input_layernorm.weight").remove(l + "post_attention_layernorm.weight"));
        });
        Consumer<MemoryCheckpoint> olmo2 = c -> {
            outer(c, true);
            layers(c, l -> {
                c.add(l + "post_attention_layernorm.weight", 1, WIDTH).add(l + "post_feedforward_layernorm.weight", 1, WIDTH);
                attention(c, l, Q, Q, false, "o_proj");
                headNorms(c, l, Q, Q);
                gated(c, l + "mlp.", INNER);
            });
        };
        put("olmo2", "Olmo2ForCausalLM", "bpe", RMS + UNTIED + ",\"num_key_value_heads\":4", olmo2);
        put("olmo3", "Olmo3ForCausalLM", "bpe", RMS + UNTIED + ",\"num_key_value_heads\":4,\"num_hidden_layers\":4,\"sliding_window\":5,"
                + "\"layer_types\":[\"sliding_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\"],"
                + "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":8.0,\"original_max_position_embeddings\":64,\"beta_fast\":32.0,\"beta_slow\":1.0}", olmo2);
        put("command-r", "CohereForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"rope_theta\":10000.0,\"logit_scale\":0.0625,\"model_max_length\":512", c -> {
            outer(c, false);
            layers(c, l -> {
                c.add(l + "input_layernorm.weight", 1, WIDTH);
                attention(c, l, false, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        // Every fourth layer attends globally, as above.
        put("cohere2", "Cohere2ForCausalLM", "bpe", ",\"num_hidden_layers\":5,\"layer_norm_eps\":1e-5,\"rope_theta\":10000.0,\"logit_scale\":0.25,\"sliding_window\":5,\"rotary_pct\":1.0", c -> {
            outer(c, false);
            layers(c, l -> {
                c.add(l + "input_layernorm.weight", 1, WIDTH);
                attention(c, l, false, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        put("starcoder2", "Starcoder2ForCausalLM", "bpe", ",\"norm_epsilon\":1e-5,\"rope_theta\":10000.0,\"use_bias\":true" + TIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH);
            layerNorm(c, "model.norm");
            layers(c, l -> {
                layerNorm(c, l + "input_layernorm");
                layerNorm(c, l + "post_attention_layernorm");
                attention(c, l, true, "o_proj");
                c.add(l + "self_attn.o_proj.bias", 0, WIDTH);
                linear(c, l + "mlp.c_fc", INNER, WIDTH);
                linear(c, l + "mlp.c_proj", WIDTH, INNER);
            });
        });
        put("starcoder", "GPTBigCodeForCausalLM", "bpe", ",\"n_positions\":512,\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"layer_norm_epsilon\":1e-5,\"multi_query\":true", c -> gpt2(c, WIDTH + 2 * HEAD, false));
        put("starcoder-mha", "GPTBigCodeForCausalLM", "bpe", ",\"n_positions\":512,\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"layer_norm_epsilon\":1e-5,\"multi_query\":false", c -> gpt2(c, 3 * WIDTH, false));
        put("gpt2", "GPT2LMHeadModel", "bpe", ",\"n_positions\":512,\"n_ctx\":512,\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"layer_norm_epsilon\":1e-5", c -> gpt2(c, 3 * WIDTH, true));
        // As a merge leaves it when the adapter has trained the head.
        put("gpt2-untied", "GPT2LMHeadModel", "bpe", ",\"n_positions\":512,\"n_ctx\":512,\"n_embd\":64,\"n_layer\":2,\"n_head\":4,\"layer_norm_epsilon\":1e-5" + UNTIED, c -> {
            gpt2(c, 3 * WIDTH, true);
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        });
        Consumer<MemoryCheckpoint> gptneox = c -> {
            c.add("gpt_neox.embed_in.weight", 0, ROWS, WIDTH).add("embed_out.weight", 0, ROWS, WIDTH);
            layerNorm(c, "gpt_neox.final_layer_norm");
            for (int i = 0; i < 2; i++) {
                String l = "gpt_neox.layers." + i + ".";
                layerNorm(c, l + "input_layernorm");
                layerNorm(c, l + "post_attention_layernorm");
                linear(c, l + "attention.query_key_value", 3 * WIDTH, WIDTH);
                linear(c, l + "attention.dense", WIDTH, WIDTH);
                linear(c, l + "mlp.dense_h_to_4h", INNER, WIDTH);
                linear(c, l + "mlp.dense_4h_to_h", WIDTH, INNER);
            }
        };
        put("gptneox-tied", "GPTNeoXForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"rotary_pct\":0.25,\"use_parallel_residual\":true" + TIED, c -> {
            gptneox.accept(c);
            c.remove("embed_out.weight");
        });
        put("gptneox", "GPTNeoXForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"rotary_pct\":0.25,\"use_parallel_residual\":true" + UNTIED, gptneox);
        put("gptneox-sequential", "GPTNeoXForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"rotary_pct\":0.5,\"rotary_emb_base\":1000.0,\"use_parallel_residual\":false" + UNTIED, gptneox);
        put("bloom", "BloomForCausalLM", "bpe", ",\"n_layer\":2,\"n_head\":4,\"seq_length\":512,\"layer_norm_epsilon\":1e-5", c -> {
            c.add("transformer.word_embeddings.weight", 0, ROWS, WIDTH);
            layerNorm(c, "transformer.word_embeddings_layernorm");
            layerNorm(c, "transformer.ln_f");
            for (int i = 0; i < 2; i++) {
                String l = "transformer.h." + i + ".";
                layerNorm(c, l + "input_layernorm");
                layerNorm(c, l + "post_attention_layernorm");
                linear(c, l + "self_attention.query_key_value", 3 * WIDTH, WIDTH);
                linear(c, l + "self_attention.dense", WIDTH, WIDTH);
                linear(c, l + "mlp.dense_h_to_4h", 4 * WIDTH, WIDTH);
                linear(c, l + "mlp.dense_4h_to_h", WIDTH, 4 * WIDTH);
            }
        });
        put("falcon", "FalconForCausalLM", "bpe", ",\"multi_query\":true,\"new_decoder_architecture\":false,\"parallel_attn\":true,\"layer_norm_epsilon\":1e-5", c -> falcon(c, 1, "input_layernorm"));
        put("falcon-40b", "FalconForCausalLM", "bpe", ",\"num_kv_heads\":2,\"new_decoder_architecture\":true,\"layer_norm_epsilon\":1e-5", c -> falcon(c, 2, "ln_attn", "ln_mlp"));
        put("falcon-40b-first", "RWForCausalLM", "bpe", ",\"n_head_kv\":2,\"parallel_attn\":true,\"alibi\":false,\"layer_norm_epsilon\":1e-5", c -> falcon(c, 2, "ln_attn", "ln_mlp"));
        put("falcon-11b", "FalconForCausalLM", "bpe", ",\"num_kv_heads\":2,\"new_decoder_architecture\":true,\"num_ln_in_parallel_attn\":1,\"rope_theta\":500042.0,\"layer_norm_epsilon\":1e-5", c -> falcon(c, 2, "input_layernorm"));
        put("stablelm", "StableLmForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"partial_rotary_factor\":0.25,\"rope_theta\":10000.0,\"use_qkv_bias\":true" + UNTIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            layerNorm(c, "model.norm");
            layers(c, l -> {
                layerNorm(c, l + "input_layernorm");
                layerNorm(c, l + "post_attention_layernorm");
                attention(c, l, true, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        put("stablelm-12b", "StableLmForCausalLM", "bpe", ",\"layer_norm_eps\":1e-5,\"partial_rotary_factor\":0.25,\"rope_theta\":10000.0,\"use_parallel_residual\":true,\"qk_layernorm\":true" + UNTIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            layerNorm(c, "model.norm");
            layers(c, l -> {
                layerNorm(c, l + "input_layernorm");
                attention(c, l, false, "o_proj");
                for (int h = 0; h < 4; h++) {
                    c.add(l + "self_attn.q_layernorm.norms." + h + ".weight", 1, HEAD);
                }
                for (int h = 0; h < 2; h++) {
                    c.add(l + "self_attn.k_layernorm.norms." + h + ".weight", 1, HEAD);
                }
                gated(c, l + "mlp.", INNER);
            });
        });
        put("nemotron", "NemotronForCausalLM", "spm", ",\"norm_eps\":1e-5,\"partial_rotary_factor\":0.5,\"rope_theta\":10000.0" + UNTIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            c.add("model.norm.weight", 0, WIDTH).add("model.norm.bias", 0, WIDTH);
            layers(c, l -> {
                for (String n : List.of("input_layernorm", "post_attention_layernorm")) {
                    c.add(l + n + ".weight", 0, WIDTH).add(l + n + ".bias", 0, WIDTH);
                }
                attention(c, l, false, "o_proj");
                c.add(l + "mlp.up_proj.weight", 0, INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
            });
        });
        put("qwen", "QWenLMHeadModel", "qwen", ",\"intermediate_size\":192,\"layer_norm_epsilon\":1e-6,\"rotary_emb_base\":20000" + UNTIED, c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.ln_f.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "transformer.h." + i + ".";
                c.add(l + "ln_1.weight", 1, WIDTH).add(l + "ln_2.weight", 1, WIDTH);
                linear(c, l + "attn.c_attn", 3 * WIDTH, WIDTH);
                c.add(l + "attn.c_proj.weight", 0, WIDTH, WIDTH);
                c.add(l + "mlp.w1.weight", 0, INNER, WIDTH).add(l + "mlp.w2.weight", 0, INNER, WIDTH).add(l + "mlp.c_proj.weight", 0, WIDTH, INNER);
            }
        });
        put("exaone", "ExaoneForCausalLM", "bpe", ",\"num_layers\":2,\"layer_norm_epsilon\":1e-5,\"rope_theta\":500000.0,\"head_dim\":16,\"rope_scaling\":{\"factor\":8.0,\"low_freq_factor\":1.0,"
                + "\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64,\"rope_type\":\"llama3\"}" + UNTIED, c -> {
            c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.ln_f.weight", 1, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
            for (int i = 0; i < 2; i++) {
                String l = "transformer.h." + i + ".";
                c.add(l + "ln_1.weight", 1, WIDTH).add(l + "ln_2.weight", 1, WIDTH);
                String a = l + "attn.attention.";
                c.add(a + "q_proj.weight", 0, Q, WIDTH).add(a + "k_proj.weight", 0, KV, WIDTH).add(a + "v_proj.weight", 0, KV, WIDTH).add(a + "out_proj.weight", 0, WIDTH, Q);
                c.add(l + "mlp.c_fc_0.weight", 0, INNER, WIDTH).add(l + "mlp.c_fc_1.weight", 0, INNER, WIDTH).add(l + "mlp.c_proj.weight", 0, WIDTH, INNER);
            }
        });
        Consumer<MemoryCheckpoint> exaone4 = c -> {
            outer(c, true);
            layers(c, l -> {
                c.add(l + "post_attention_layernorm.weight", 1, WIDTH).add(l + "post_feedforward_layernorm.weight", 1, WIDTH);
                attention(c, l, false, "o_proj");
                headNorms(c, l, HEAD, HEAD);
                gated(c, l + "mlp.", INNER);
            });
        };
        String factors = ",\"head_dim\":16,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":16.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,\"original_max_position_embeddings\":64}";
        put("exaone4", "Exaone4ForCausalLM", "bpe", RMS + UNTIED + factors + ",\"sliding_window\":null", exaone4);
        // llama.cpp takes a model of 64 layers for the one with windows in three of four.
        put("exaone4-32b", "Exaone4ForCausalLM", "bpe", RMS + UNTIED + factors + ",\"num_hidden_layers\":64,\"sliding_window\":4,\"sliding_window_pattern\":\"LLLG\",\"layer_types\":["
                + IntStream.range(0, 64).mapToObj(i -> i % 4 < 3 ? "\"sliding_attention\"" : "\"full_attention\"").collect(Collectors.joining(",")) + "]", exaone4);
        put("ernie4_5", "Ernie4_5ForCausalLM", "spm", RMS + TIED + ",\"head_dim\":16", c -> llamaLike(c, false, ""));
        put("ernie4_5-moe", "Ernie4_5_MoeForCausalLM", "spm", RMS + TIED + ",\"head_dim\":16,\"moe_num_experts\":4,\"moe_k\":2,\"moe_layer_interval\":1,\"moe_layer_start_index\":1,"
                + "\"moe_intermediate_size\":32,\"moe_num_shared_experts\":2", c -> {
            outer(c, false);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, false, "o_proj");
            });
            gated(c, "model.layers.0.mlp.", INNER);
            String l = "model.layers.1.";
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.moe_statics.e_score_correction_bias", 0, 1, 4);
            gated(c, l + "mlp.shared_experts.", 64);
            experts(c, l, 4, 32);
        });
        put("seed_oss", "SeedOssForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                gated(c, l + "mlp.", INNER);
            });
        });
        put("lfm2", "Lfm2ForCausalLM", "bpe", ",\"norm_eps\":1e-5,\"rope_theta\":1000000.0,\"conv_L_cache\":3,\"layer_types\":[\"conv\",\"full_attention\"],\"block_ff_dim\":96,\"block_auto_adjust_ff_dim\":false" + TIED, c -> {
            c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.embedding_norm.weight", 1, WIDTH);
            layers(c, l -> {
                c.add(l + "operator_norm.weight", 1, WIDTH).add(l + "ffn_norm.weight", 1, WIDTH);
                c.add(l + "feed_forward.w1.weight", 0, INNER, WIDTH).add(l + "feed_forward.w2.weight", 0, WIDTH, INNER).add(l + "feed_forward.w3.weight", 0, INNER, WIDTH);
            });
            c.add("model.layers.0.conv.conv.weight", 0, WIDTH, 1, 3).add("model.layers.0.conv.in_proj.weight", 0, 3 * WIDTH, WIDTH).add("model.layers.0.conv.out_proj.weight", 0, WIDTH, WIDTH);
            attention(c, "model.layers.1.", false, "out_proj");
            c.add("model.layers.1.self_attn.q_layernorm.weight", 1, HEAD).add("model.layers.1.self_attn.k_layernorm.weight", 1, HEAD);
        });
        put("hunyuan-dense", "HunYuanDenseV1ForCausalLM", "bpe", RMS + TIED + ",\"head_dim\":16,\"rope_scaling\":{\"type\":\"dynamic\",\"alpha\":1000.0,\"factor\":1.0}", c -> {
            llamaLike(c, false, "");
            layers(c, l -> c.add(l + "self_attn.query_layernorm.weight", 1, HEAD).add(l + "self_attn.key_layernorm.weight", 1, HEAD));
        });
        put("internlm2", "InternLM2ForCausalLM", "spm", RMS + UNTIED, c -> {
            c.add("model.tok_embeddings.weight", 0, ROWS, WIDTH).add("output.weight", 0, ROWS, WIDTH).add("model.norm.weight", 1, WIDTH);
            layers(c, l -> {
                c.add(l + "attention_norm.weight", 1, WIDTH).add(l + "ffn_norm.weight", 1, WIDTH);
                c.add(l + "attention.wqkv.weight", 0, Q + 2 * KV, WIDTH).add(l + "attention.wo.weight", 0, WIDTH, Q);
                c.add(l + "feed_forward.w1.weight", 0, INNER, WIDTH).add(l + "feed_forward.w2.weight", 0, WIDTH, INNER).add(l + "feed_forward.w3.weight", 0, INNER, WIDTH);
            });
        });
        put("minicpm", "MiniCPMForCausalLM", "spm", RMS + ",\"scale_emb\":12,\"scale_depth\":1.4,\"dim_model_base\":256", c -> llamaLike(c, false, ""));
        put("glm4", "Glm4ForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"partial_rotary_factor\":0.5,\"attention_bias\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                c.add(l + "post_self_attn_layernorm.weight", 1, WIDTH).add(l + "post_mlp_layernorm.weight", 1, WIDTH);
                attention(c, l, true, "o_proj");
                c.add(l + "mlp.gate_up_proj.weight", 0, 2 * INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
            });
        });
        put("glm", "GlmForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"partial_rotary_factor\":0.5,\"attention_bias\":true", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                c.add(l + "mlp.gate_up_proj.weight", 0, 2 * INNER, WIDTH).add(l + "mlp.down_proj.weight", 0, WIDTH, INNER);
            });
        });
        put("glm4moe", "Glm4MoeForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"partial_rotary_factor\":0.5,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,"
                + "\"n_shared_experts\":1,\"first_k_dense_replace\":1,\"routed_scaling_factor\":2.5,\"norm_topk_prob\":true,\"num_nextn_predict_layers\":0", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
            });
            gated(c, "model.layers.0.mlp.", INNER);
            String l = "model.layers.1.";
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH).add(l + "mlp.gate.e_score_correction_bias", 0, 4);
            gated(c, l + "mlp.shared_experts.", 32);
            experts(c, l, 4, 32);
        });
        put("gpt-oss", "GptOssForCausalLM", "bpe", RMS + UNTIED + ",\"head_dim\":16,\"num_local_experts\":4,\"num_experts_per_tok\":2,\"sliding_window\":4,\"layer_types\":[\"sliding_attention\",\"full_attention\"],"
                + "\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":32.0,\"original_max_position_embeddings\":64,\"beta_fast\":32.0,\"beta_slow\":1.0}", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, true, "o_proj");
                c.add(l + "self_attn.o_proj.bias", 0, WIDTH).add(l + "self_attn.sinks", 0, 4);
                linear(c, l + "mlp.router", 4, WIDTH);
                c.add(l + "mlp.experts.gate_up_proj", 0, 4, WIDTH, 2 * INNER).add(l + "mlp.experts.gate_up_proj_bias", 0, 4, 2 * INNER);
                c.add(l + "mlp.experts.down_proj", 0, 4, INNER, WIDTH).add(l + "mlp.experts.down_proj_bias", 0, 4, WIDTH);
            });
        });
        put("deepseek", "DeepseekForCausalLM", "bpe", RMS + UNTIED + ",\"num_key_value_heads\":4,\"n_routed_experts\":4,\"num_experts_per_tok\":2,\"moe_intermediate_size\":32,\"n_shared_experts\":2,\"first_k_dense_replace\":1", c -> {
            outer(c, true);
            layers(c, l -> {
                norms(c, l);
                attention(c, l, Q, Q, false, "o_proj");
            });
            gated(c, "model.layers.0.mlp.", INNER);
            String l = "model.layers.1.";
            c.add(l + "mlp.gate.weight", 0, 4, WIDTH);
            gated(c, l + "mlp.shared_experts.", 64);
            experts(c, l, 4, 32);
        });
        ChatGlmTinyModels.add();
        DenseTinyModels.add();
        NewerTinyModels.add();
        SeeingTinyModels.add();
        WindowedTinyModels.add();
        KimiTinyModels.add();
        IndexedTinyModels.add();
        GemmaTinyModels.add();
        EncoderTinyModels.add();
        RecurrentTinyModels.add();
        SsmTinyModels.add();
        T5TinyModels.add();
    }

    private TinyModels() { }

    /** Names of all cases. */
    static List<String> names() {
        return List.copyOf(CASES.keySet());
    }

    /** {@code bpe} or {@code spm}. */
    static String tokenizer(String name) {
        return CASES.get(name).tokenizer();
    }

    /** The checkpoint of a case, with the tiny tokenizer that it names. */
    static MemoryCheckpoint checkpoint(String name, ElementType type) {
        return checkpoint(name, TinyTokenizers.folder().resolve(tokenizer(name)), type);
    }

    /** The checkpoint of a case, with tokenizer files in a folder. */
    static MemoryCheckpoint checkpoint(String name, Path tokenizerFolder, ElementType type) {
        Case c = CASES.get(name);
        MemoryCheckpoint checkpoint = new MemoryCheckpoint("{\"architectures\":[\"" + c.className() + "\"]," + merged(c.config()) + "}", tokenizerFolder, type, name.hashCode());
        c.tensors().accept(checkpoint);
        return checkpoint;
    }

    /** Later fields win over the common ones. */
    private static String merged(String extra) {
        StringBuilder kept = new StringBuilder();
        for (String field : COMMON.replace("\n", "").split(",")) {
            if (!extra.contains(field.strip().split(":")[0] + ":")) {
                kept.append(field).append(',');
            }
        }
        return kept + extra.substring(1);
    }

    static void put(String name, String className, String tokenizer, String config, Consumer<MemoryCheckpoint> tensors) {
        CASES.put(name, new Case(className, tokenizer, config, tensors));
    }

    static void layers(MemoryCheckpoint c, Consumer<String> layer) {
        for (int i = 0; i < c.rawConfig().path("num_hidden_layers").asInt(2); i++) {
            layer.accept("model.layers." + i + ".");
        }
    }

    static void outer(MemoryCheckpoint c, boolean head) {
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", 1, WIDTH);
        if (head) {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        }
    }

    /** Embedding, norms, attention and a gated feed-forward; norms around 0 where they are stored as offsets. */
    static void llamaLike(MemoryCheckpoint c, boolean head, String norms) {
        int center = norms.equals("offset") ? 0 : 1;
        c.add("model.embed_tokens.weight", 0, ROWS, WIDTH).add("model.norm.weight", center, WIDTH);
        if (head) {
            c.add("lm_head.weight", 0, ROWS, WIDTH);
        }
        layers(c, l -> {
            c.add(l + "input_layernorm.weight", center, WIDTH).add(l + "post_attention_layernorm.weight", center, WIDTH);
            attention(c, l, false, "o_proj");
            gated(c, l + "mlp.", INNER);
        });
    }

    static void norms(MemoryCheckpoint c, String l) {
        c.add(l + "input_layernorm.weight", 1, WIDTH).add(l + "post_attention_layernorm.weight", 1, WIDTH);
    }

    static void layerNorm(MemoryCheckpoint c, String name) {
        c.add(name + ".weight", 1, WIDTH).add(name + ".bias", 0, WIDTH);
    }

    static void linear(MemoryCheckpoint c, String name, int out, int in) {
        c.add(name + ".weight", 0, out, in).add(name + ".bias", 0, out);
    }

    static void attention(MemoryCheckpoint c, String l, boolean biases, String output) {
        attention(c, l, Q, KV, biases, output);
    }

    static void attention(MemoryCheckpoint c, String l, int q, int kv, boolean biases, String output) {
        c.add(l + "self_attn.q_proj.weight", 0, q, WIDTH).add(l + "self_attn.k_proj.weight", 0, kv, WIDTH).add(l + "self_attn.v_proj.weight", 0, kv, WIDTH)
                .add(l + "self_attn." + output + ".weight", 0, WIDTH, q);
        if (biases) {
            c.add(l + "self_attn.q_proj.bias", 0, q).add(l + "self_attn.k_proj.bias", 0, kv).add(l + "self_attn.v_proj.bias", 0, kv);
        }
    }

    static void headNorms(MemoryCheckpoint c, String l, int q, int k) {
        c.add(l + "self_attn.q_norm.weight", 1, q).add(l + "self_attn.k_norm.weight", 1, k);
    }

    static void gated(MemoryCheckpoint c, String prefix, int inner) {
        c.add(prefix + "gate_proj.weight", 0, inner, WIDTH).add(prefix + "up_proj.weight", 0, inner, WIDTH).add(prefix + "down_proj.weight", 0, WIDTH, inner);
    }

    static void experts(MemoryCheckpoint c, String l, int count, int inner) {
        for (int e = 0; e < count; e++) {
            gated(c, l + "mlp.experts." + e + ".", inner);
        }
    }

    private static void gpt2(MemoryCheckpoint c, int qkv, boolean conv1d) {
        c.add("transformer.wte.weight", 0, ROWS, WIDTH).add("transformer.wpe.weight", 0, 512, WIDTH);
        layerNorm(c, "transformer.ln_f");
        for (int i = 0; i < 2; i++) {
            String l = "transformer.h." + i + ".";
            layerNorm(c, l + "ln_1");
            layerNorm(c, l + "ln_2");
            // GPT-2 stores [in, out]; GPT BigCode [out, in], most often with one head of keys and values.
            matrix(c, l + "attn.c_attn", qkv, WIDTH, conv1d);
            matrix(c, l + "attn.c_proj", WIDTH, WIDTH, conv1d);
            matrix(c, l + "mlp.c_fc", 4 * WIDTH, WIDTH, conv1d);
            matrix(c, l + "mlp.c_proj", WIDTH, 4 * WIDTH, conv1d);
        }
    }

    private static void matrix(MemoryCheckpoint c, String name, int out, int in, boolean transposed) {
        c.add(name + ".weight", 0, transposed ? in : out, transposed ? out : in).add(name + ".bias", 0, out);
    }

    private static void falcon(MemoryCheckpoint c, int kv, String... norms) {
        c.add("transformer.word_embeddings.weight", 0, ROWS, WIDTH).add("lm_head.weight", 0, ROWS, WIDTH);
        layerNorm(c, "transformer.ln_f");
        for (int i = 0; i < 2; i++) {
            String l = "transformer.h." + i + ".";
            for (String norm : norms) {
                layerNorm(c, l + norm);
            }
            c.add(l + "self_attention.query_key_value.weight", 0, Q + 2 * kv * HEAD, WIDTH).add(l + "self_attention.dense.weight", 0, WIDTH, Q);
            c.add(l + "mlp.dense_h_to_4h.weight", 0, 4 * WIDTH, WIDTH).add(l + "mlp.dense_4h_to_h.weight", 0, WIDTH, 4 * WIDTH);
        }
    }
}
