package dev.adapterferry.demo;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Sizes of the demo models. Every row is a multiple of 256, the super block of the K formats.
 *
 * @param vocabulary rows of the embedding; more than tokens, as real checkpoints have it
 * @param hidden     width
 * @param inner      width of the feed-forward part
 * @param layers     transformer blocks
 * @param heads      query heads
 * @param keyHeads   key and value heads
 * @param rank       rank of the adapter
 * @param alpha      numerator of the adapter's scale
 */
record DemoShape(int vocabulary, int hidden, int inner, int layers, int heads, int keyHeads, int rank, int alpha) {
    static final DemoShape DEMO = new DemoShape(512, 256, 512, 2, 4, 2, 8, 16);
    static final List<String> ADAPTED = List.of("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj");

    int headSize() {
        return hidden / heads;
    }

    double theta() {
        return 10_000;
    }

    float epsilon() {
        return 1e-6f;
    }

    /** Names and shapes of the whole checkpoint. */
    Map<String, long[]> tensors() {
        Map<String, long[]> all = new LinkedHashMap<>();
        all.put("model.embed_tokens.weight", new long[] {vocabulary, hidden});
        for (int layer = 0; layer < layers; layer++) {
            String name = "model.layers." + layer + ".";
            all.put(name + "input_layernorm.weight", new long[] {hidden});
            all.put(name + "post_attention_layernorm.weight", new long[] {hidden});
            for (String module : ADAPTED) {
                all.put(name + module + ".weight", linear(module));
            }
            for (String module : ADAPTED.subList(0, 3)) {
                all.put(name + module + ".bias", new long[] {linear(module)[0]});
            }
        }
        all.put("model.norm.weight", new long[] {hidden});
        return all;
    }

    /** Rows and columns of a linear layer. */
    long[] linear(String module) {
        return switch (module) {
            case "self_attn.k_proj", "self_attn.v_proj" -> new long[] {(long) keyHeads * headSize(), hidden};
            case "mlp.gate_proj", "mlp.up_proj" -> new long[] {inner, hidden};
            case "mlp.down_proj" -> new long[] {hidden, inner};
            default -> new long[] {hidden, hidden};
        };
    }
}
