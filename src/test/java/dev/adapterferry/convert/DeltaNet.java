package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * The gated delta rule as transformers defines it ({@code Qwen3NextGatedDeltaNet}, {@code Qwen3_5GatedDeltaNet},
 * {@code torch_recurrent_gated_delta_rule}): the state is key by value, and value head {@code h} belongs to key head {@code h / r}.
 */
final class DeltaNet implements Decoder.Mixer {
    private final CheckpointTensors stored;
    private final String a;
    private final int keyHeads;
    private final int valueHeads;
    private final int keySize;
    private final int valueSize;
    private final int kernel;
    private final double epsilon;
    /** Added to the squares of a query or key, whatever the configuration says. */
    double lengthEpsilon = 1e-6;

    DeltaNet(CheckpointTensors stored, JsonNode config, String a) {
        this.stored = stored;
        this.a = a;
        this.keyHeads = config.get("linear_num_key_heads").asInt();
        this.valueHeads = config.get("linear_num_value_heads").asInt();
        this.keySize = config.get("linear_key_head_dim").asInt();
        this.valueSize = config.get("linear_value_head_dim").asInt();
        this.kernel = config.get("linear_conv_kernel_dim").asInt();
        this.epsilon = config.get("rms_norm_eps").asDouble();
    }

    /** What one token's projections say, heads one after the other. */
    private record Projected(double[] query, double[] key, double[] value, double[] z, double[] b, double[] a) { }

    @Override
    public double[][] of(double[][] x) {
        Projected[] tokens = Arrays.stream(x).map(this::projected).toArray(Projected[]::new);
        double[] conv = stored.vector(a + "conv1d.weight");
        double[] logDecay = stored.vector(a + "A_log");
        double[] bias = stored.vector(a + "dt_bias");
        Norm norm = new Norm(stored.vector(a + "norm.weight"), null);
        double[][][] state = new double[valueHeads][keySize][valueSize];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] core = new double[valueHeads * valueSize];
            for (int h = 0; h < valueHeads; h++) {
                int keyHead = h / (valueHeads / keyHeads);
                double[] query = normalised(convolved(tokens, conv, t, 0, keyHead * keySize, keySize));
                double[] key = normalised(convolved(tokens, conv, t, 1, keyHead * keySize, keySize));
                double[] value = convolved(tokens, conv, t, 2, h * valueSize, valueSize);
                double g = -Math.exp(logDecay[h]) * Math.log1p(Math.exp(tokens[t].a()[h] + bias[h]));
                double[] head = recurrent(state[h], query, key, value, Math.exp(g), sigmoid(tokens[t].b()[h]));
                double[] normed = rms(head, norm, epsilon);
                for (int i = 0; i < valueSize; i++) {
                    core[h * valueSize + i] = normed[i] * silu(tokens[t].z()[h * valueSize + i]);
                }
            }
            out[t] = times(stored.linear(a + "out_proj"), core);
        }
        return out;
    }

    private Projected projected(double[] x) {
        if (stored.has(a + "in_proj_qkv.weight")) {
            double[] qkv = times(stored.linear(a + "in_proj_qkv"), x);
            int keys = keyHeads * keySize;
            return new Projected(Arrays.copyOf(qkv, keys), Arrays.copyOfRange(qkv, keys, 2 * keys), Arrays.copyOfRange(qkv, 2 * keys, qkv.length), times(stored.linear(a + "in_proj_z"), x),
                    times(stored.linear(a + "in_proj_b"), x), times(stored.linear(a + "in_proj_a"), x));
        }
        // fix_query_key_value_ordering: key head by key head query, key, values, gates; and betas, alphas.
        double[] qkvz = times(stored.linear(a + "in_proj_qkvz"), x);
        double[] ba = times(stored.linear(a + "in_proj_ba"), x);
        int each = valueHeads / keyHeads;
        Projected parts = new Projected(new double[keyHeads * keySize], new double[keyHeads * keySize], new double[valueHeads * valueSize], new double[valueHeads * valueSize],
                new double[valueHeads], new double[valueHeads]);
        int from = 0;
        for (int g = 0; g < keyHeads; g++) {
            from = cut(qkvz, from, parts.query(), g * keySize, keySize);
            from = cut(qkvz, from, parts.key(), g * keySize, keySize);
            from = cut(qkvz, from, parts.value(), g * each * valueSize, each * valueSize);
            from = cut(qkvz, from, parts.z(), g * each * valueSize, each * valueSize);
            cut(ba, 2 * g * each, parts.b(), g * each, each);
            cut(ba, 2 * g * each + each, parts.a(), g * each, each);
        }
        return parts;
    }

    private static int cut(double[] source, int from, double[] into, int at, int length) {
        System.arraycopy(source, from, into, at, length);
        return from + length;
    }

    /** Each channel of cat(query, key, value) over the last tokens, then SiLU. */
    private double[] convolved(Projected[] tokens, double[] conv, int t, int part, int first, int count) {
        int channel = part * keyHeads * keySize + first;
        double[] out = new double[count];
        for (int i = 0; i < count; i++) {
            for (int back = 0; back < kernel && back <= t; back++) {
                Projected token = tokens[t - back];
                double[] values = part == 0 ? token.query() : part == 1 ? token.key() : token.value();
                out[i] += conv[(channel + i) * kernel + kernel - 1 - back] * values[first + i];
            }
            out[i] = silu(out[i]);
        }
        return out;
    }

    private double[] normalised(double[] x) {
        double sum = Arrays.stream(x).map(v -> v * v).sum();
        return Arrays.stream(x).map(v -> v / Math.sqrt(sum + lengthEpsilon)).toArray();
    }

    private static double[] recurrent(double[][] state, double[] query, double[] key, double[] value, double g, double beta) {
        double[] memory = new double[value.length];
        for (int k = 0; k < key.length; k++) {
            for (int v = 0; v < value.length; v++) {
                state[k][v] *= g;
                memory[v] += state[k][v] * key[k];
            }
        }
        double[] out = new double[value.length];
        for (int k = 0; k < key.length; k++) {
            for (int v = 0; v < value.length; v++) {
                state[k][v] += key[k] * (value[v] - memory[v]) * beta;
                out[v] += state[k][v] * query[k] * Math.pow(key.length, -0.5);
            }
        }
        return out;
    }
}
