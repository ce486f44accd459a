package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;
import java.util.Set;

/** What llama.cpp's graphs have in the place of ordinary attention. */
final class GgufMixers {
    private static final Set<String> LINEAR = Set.of("qwen3next", "qwen35", "qwen35moe");

    private GgufMixers() { }

    /** The mixer of a layer, or null where it has ordinary attention. */
    static Decoder.Mixer of(GgufTensors file, Decoder d, Decoder.Layer layer, int number) {
        String l = "blk." + number + ".";
        if (file.arch().equals("deepseek2") || file.arch().equals("mistral4")) {
            return new GgufLatentAttention(file, d, l);
        }
        if (!LINEAR.contains(file.arch())) {
            return null;
        }
        boolean linear = (number + 1) % (int) file.number("full_attention_interval", 4) != 0;
        return linear ? new GgufDeltaNet(file, l) : gated(file, d, layer, l);
    }

    /** {@code Qcur_full}: for each head its query, then its gate, which opens what attention found. */
    private static Decoder.Mixer gated(GgufTensors file, Decoder d, Decoder.Layer layer, String l) {
        double[][] full = file.matrix(l + "attn_q.weight");
        int size = d.headSize;
        double[][] queries = new double[d.heads * size][];
        double[][] gates = new double[d.heads * size][];
        for (int h = 0; h < d.heads; h++) {
            for (int i = 0; i < size; i++) {
                queries[h * size + i] = full[h * 2 * size + i];
                gates[h * size + i] = full[h * 2 * size + size + i];
            }
        }
        layer.query = new Linear(queries, null);
        layer.key = file.linear(l + "attn_k");
        layer.value = file.linear(l + "attn_v");
        layer.output = identity(d.heads * size);
        SelfAttention attention = d.attention(layer);
        Linear gate = new Linear(gates, null);
        Linear output = file.linear(l + "attn_output");
        return x -> {
            double[][] found = attention.of(x);
            for (int t = 0; t < x.length; t++) {
                double[] open = times(gate, x[t]);
                Arrays.setAll(open, i -> sigmoid(open[i]));
                found[t] = times(output, product(found[t], open));
            }
            return found;
        };
    }

    private static Linear identity(int size) {
        double[][] rows = new double[size][size];
        for (int i = 0; i < size; i++) {
            rows[i][i] = 1;
        }
        return new Linear(rows, null);
    }
}
