package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * The gated delta rule as llama.cpp computes it token by token ({@code delta-net-base.cpp}, {@code qwen3next.cpp}, {@code qwen35.cpp}): the
 * state has a row per element of the value. Qwen3-Next's graph repeats each key head for the values next to each other, Qwen3.5's repeats
 * all key heads one after the other.
 */
final class GgufDeltaNet implements Decoder.Mixer {
    private final Linear mixed;
    private final Linear gate;
    private final Linear betaAlpha;
    private final Linear beta;
    private final Linear alpha;
    private final double[][] kernel;
    private final double[] decay;
    private final double[] bias;
    private final Norm norm;
    private final Linear output;
    private final int size;
    private final int keyHeads;
    private final int valueHeads;
    private final double epsilon;
    private final boolean tiled;

    GgufDeltaNet(GgufTensors file, String l) {
        tiled = !file.arch().equals("qwen3next");
        mixed = file.linear(l + "attn_qkv");
        gate = file.linear(l + "attn_gate");
        betaAlpha = tiled ? null : file.linear(l + "ssm_ba");
        beta = tiled ? file.linear(l + "ssm_beta") : null;
        alpha = tiled ? file.linear(l + "ssm_alpha") : null;
        kernel = file.matrix(l + "ssm_conv1d.weight");
        decay = file.vector(file.find(l + "ssm_a").orElseThrow());
        bias = file.vector(file.find(l + "ssm_dt.bias").orElseThrow());
        norm = file.norm(l + "ssm_norm");
        output = file.linear(l + "ssm_out");
        size = (int) file.number("ssm.state_size", 0);
        keyHeads = (int) file.number("ssm.group_count", 0);
        valueHeads = (int) file.number("ssm.time_step_rank", 0);
        epsilon = file.number("attention.layer_norm_rms_epsilon", 0);
    }

    @Override
    public double[][] of(double[][] x) {
        double[][] columns = new double[x.length][];
        double[][][] states = new double[valueHeads][size][size];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            columns[t] = times(mixed, x[t]);
            double[] convolved = convolved(columns, t);
            double[] z = times(gate, x[t]);
            double[] b = new double[valueHeads];
            double[] a = new double[valueHeads];
            openings(x[t], b, a);
            double[] joined = new double[valueHeads * size];
            for (int h = 0; h < valueHeads; h++) {
                int k = tiled ? h % keyHeads : h / (valueHeads / keyHeads);
                double[] q = unit(convolved, k * size);
                double[] key = unit(convolved, (keyHeads + k) * size);
                double g = Math.exp(decay[h] * Math.log1p(Math.exp(a[h] + bias[h])));
                double[] found = step(states[h], q, key, Arrays.copyOfRange(convolved, (2 * keyHeads + h) * size, (2 * keyHeads + h + 1) * size), g, sigmoid(b[h]));
                double[] normed = rms(found, norm, epsilon);
                for (int i = 0; i < size; i++) {
                    joined[h * size + i] = normed[i] * silu(z[h * size + i]);
                }
            }
            out[t] = times(output, joined);
        }
        return out;
    }

    private void openings(double[] x, double[] b, double[] a) {
        if (tiled) {
            System.arraycopy(times(beta, x), 0, b, 0, valueHeads);
            System.arraycopy(times(alpha, x), 0, a, 0, valueHeads);
            return;
        }
        // For each key head the betas of its values, then their alphas.
        double[] both = times(betaAlpha, x);
        int each = valueHeads / keyHeads;
        for (int h = 0; h < valueHeads; h++) {
            b[h] = both[h / each * 2 * each + h % each];
            a[h] = both[h / each * 2 * each + each + h % each];
        }
    }

    private static double[] step(double[][] state, double[] q, double[] k, double[] v, double g, double beta) {
        double[] found = new double[v.length];
        for (int i = 0; i < v.length; i++) {
            double remembered = 0;
            for (int j = 0; j < k.length; j++) {
                state[i][j] *= g;
                remembered += state[i][j] * k[j];
            }
            double delta = (v[i] - remembered) * beta;
            for (int j = 0; j < k.length; j++) {
                state[i][j] += k[j] * delta;
                found[i] += state[i][j] * q[j] / Math.sqrt(k.length);
            }
        }
        return found;
    }

    /** ggml_ssm_conv over the last columns, then SiLU. */
    private double[] convolved(double[][] columns, int t) {
        double[] out = new double[kernel.length];
        for (int c = 0; c < kernel.length; c++) {
            int length = kernel[c].length;
            for (int k = 0; k < length; k++) {
                int s = t - length + 1 + k;
                out[c] += s < 0 ? 0 : kernel[c][k] * columns[s][c];
            }
            out[c] = silu(out[c]);
        }
        return out;
    }

    /** ggml_l2_norm. */
    private double[] unit(double[] all, int from) {
        double square = 0;
        for (int i = 0; i < size; i++) {
            square += all[from + i] * all[from + i];
        }
        double length = Math.max(Math.sqrt(square), epsilon);
        double[] out = new double[size];
        Arrays.setAll(out, i -> all[from + i] / length);
        return out;
    }
}
