package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/** Kimi delta attention as Moonshot's {@code modeling_kimi.py} and fla's kernels define it: the delta rule with a pace of forgetting for each channel of a key. */
final class KimiDelta implements Decoder.Mixer {
    private final CheckpointTensors stored;
    private final String a;
    private final int heads;
    private final int size;
    private final int kernel;
    private final double epsilon;

    KimiDelta(CheckpointTensors stored, JsonNode config, String a) {
        this.stored = stored;
        this.a = a;
        this.heads = config.at("/linear_attn_config/num_heads").asInt();
        this.size = config.at("/linear_attn_config/head_dim").asInt();
        this.kernel = config.at("/linear_attn_config/short_conv_kernel_size").asInt();
        this.epsilon = config.get("rms_norm_eps").asDouble();
    }

    @Override
    public double[][] of(double[][] x) {
        double[][] queries = convolved(x, "q");
        double[][] keys = convolved(x, "k");
        double[][] values = convolved(x, "v");
        double[] logDecay = stored.vector(a + "A_log");
        double[] bias = stored.vector(a + "dt_bias");
        Norm norm = new Norm(stored.vector(a + "o_norm.weight"), null);
        double[][][] state = new double[heads][size][size];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] forget = times(stored.linear(a + "f_b_proj"), times(stored.linear(a + "f_a_proj"), x[t]));
            double[] gate = times(stored.linear(a + "g_b_proj"), times(stored.linear(a + "g_a_proj"), x[t]));
            double[] beta = times(stored.linear(a + "b_proj"), x[t]);
            double[] all = new double[heads * size];
            for (int h = 0; h < heads; h++) {
                int first = h * size;
                double[] kept = new double[size];
                for (int i = 0; i < size; i++) {
                    kept[i] = Math.exp(-Math.exp(logDecay[h]) * Math.log1p(Math.exp(forget[first + i] + bias[first + i])));
                }
                double[] normed = rms(remembered(state[h], unit(queries[t], first), unit(keys[t], first), Arrays.copyOfRange(values[t], first, first + size), kept, sigmoid(beta[h])), norm, epsilon);
                for (int i = 0; i < size; i++) {
                    all[first + i] = normed[i] * sigmoid(gate[first + i]);
                }
            }
            out[t] = times(stored.linear(a + "o_proj"), all);
        }
        return out;
    }

    /** {@code ShortConvolution}: each channel over the last tokens, then SiLU. */
    private double[][] convolved(double[][] x, String which) {
        double[][] projected = Arrays.stream(x).map(row -> times(stored.linear(a + which + "_proj"), row)).toArray(double[][]::new);
        double[] taps = stored.vector(a + which + "_conv1d.weight");
        double[][] out = new double[x.length][heads * size];
        for (int t = 0; t < x.length; t++) {
            for (int c = 0; c < heads * size; c++) {
                for (int back = 0; back < kernel && back <= t; back++) {
                    out[t][c] += taps[c * kernel + kernel - 1 - back] * projected[t - back][c];
                }
                out[t][c] = silu(out[t][c]);
            }
        }
        return out;
    }

    private double[] unit(double[] row, int first) {
        double[] head = Arrays.copyOfRange(row, first, first + size);
        double length = Math.sqrt(Arrays.stream(head).map(v -> v * v).sum() + 1e-6);
        return Arrays.stream(head).map(v -> v / length).toArray();
    }

    private double[] remembered(double[][] state, double[] query, double[] key, double[] value, double[] kept, double beta) {
        double[] memory = new double[size];
        for (int k = 0; k < size; k++) {
            for (int v = 0; v < size; v++) {
                state[k][v] *= kept[k];
                memory[v] += state[k][v] * key[k];
            }
        }
        double[] out = new double[size];
        for (int k = 0; k < size; k++) {
            for (int v = 0; v < size; v++) {
                state[k][v] += key[k] * (value[v] - memory[v]) * beta;
                out[v] += state[k][v] * query[k] / Math.sqrt(size);
            }
        }
        return out;
    }
}
