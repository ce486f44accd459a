package dev.adapterferry.convert;

import static dev.adapterferry.convert.TinyModels.HEAD;
import static dev.adapterferry.convert.TinyModels.RMS;
import static dev.adapterferry.convert.TinyModels.ROWS;
import static dev.adapterferry.convert.TinyModels.UNTIED;
import static dev.adapterferry.convert.TinyModels.WIDTH;
import static dev.adapterferry.convert.TinyModels.gated;
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
