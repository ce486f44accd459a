package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;
import java.util.List;

/**
 * What RWKV-6 has in the place of attention: a state of keys by values per head, each key with a decay of its own that the token decides. As
 * {@code Rwkv6SelfAttention} defines it, and with a {@code first} of null as QRWKV6 does ({@code TMix_qwen2rwkv6}): there the state is read after the
 * token, keys count the less the longer they are kept, and the gate is a plain sigmoid.
 */
final class Rwkv6Mixer implements Decoder.Mixer {
    private static final int MIXES = 5;

    Linear receptance;
    Linear key;
    Linear value;
    Linear output;
    /** What the token itself counts beside the state, or null. */
    double[] first;
    HeadNorm norm;
    private final Linear gate;
    private final double[] mix;
    private final double[][] mixes;
    private final Linear mixDown;
    private final double[][] mixUp;
    private final Linear decayDown;
    private final Linear decayUp;
    private final List<String> order;
    private final int heads;

    /** @param order in which the parts of time_maa_w1 and time_maa_w2 come */
    Rwkv6Mixer(CheckpointTensors stored, String a, List<String> order, int heads) {
        this.order = order;
        this.heads = heads;
        this.gate = stored.linear(a + "gate");
        this.mix = stored.vector(a + "time_maa_x");
        this.mixes = order.stream().map(n -> stored.vector(a + "time_maa_" + n)).toArray(double[][]::new);
        this.mixDown = new Linear(stored.turned(a + "time_maa_w1"), null);
        int rank = mixDown.weight().length / MIXES;
        this.mixUp = stored.rows(a + "time_maa_w2", 0, MIXES * rank);
        this.decayDown = new Linear(stored.turned(a + "time_decay_w1"), null);
        this.decayUp = new Linear(stored.turned(a + "time_decay_w2"), stored.vector(a + "time_decay"));
    }

    @Override
    public double[][] of(double[][] x) {
        int width = x[0].length;
        int size = width / heads;
        double[][][] state = new double[heads][size][size];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] step = plus(t == 0 ? new double[width] : x[t - 1], x[t], -1);
            double[] low = Arrays.stream(times(mixDown, plus(x[t], product(step, mix), 1))).map(Math::tanh).toArray();
            double[] r = times(receptance, mixed("r", x[t], step, low));
            double[] k = repeated(times(key, mixed("k", x[t], step, low)), size);
            double[] v = repeated(times(value, mixed("v", x[t], step, low)), size);
            double[] decay = times(decayUp, Arrays.stream(times(decayDown, mixed("w", x[t], step, low))).map(Math::tanh).toArray());
            double[] g = times(gate, mixed("g", x[t], step, low));
            double[] read = new double[width];
            for (int c = 0; c < width; c++) {
                double kept = Math.exp(-Math.exp(decay[c]));
                double[] cell = state[c / size][c % size];
                for (int j = 0; j < size; j++) {
                    int at = c / size * size + j;
                    if (first != null) {
                        read[at] += r[c] * (cell[j] + first[c] * k[c] * v[at]);
                        cell[j] = kept * cell[j] + k[c] * v[at];
                    } else {
                        cell[j] = kept * cell[j] + (1 - kept) * k[c] * v[at];
                        read[at] += r[c] * cell[j] / Math.sqrt(size);
                    }
                }
            }
            double[] y = norm == null ? read : norm.of(read, heads);
            out[t] = times(output, product(y, Arrays.stream(g).map(one -> first == null ? sigmoid(one) : silu(one)).toArray()));
        }
        return out;
    }

    /** {@code x + step * (mix + what the token adds to it)}. */
    private double[] mixed(String what, double[] x, double[] step, double[] low) {
        int which = order.indexOf(what);
        int rank = low.length / MIXES;
        double[] share = mixes[which].clone();
        for (int i = 0; i < rank; i++) {
            share = plus(share, mixUp[which * rank + i], low[which * rank + i]);
        }
        return plus(x, product(step, share), 1);
    }

    /** Heads of keys and values serve as many queries' heads each as there are more of those. */
    private double[] repeated(double[] x, int size) {
        int times = heads * size / x.length;
        double[] out = new double[heads * size];
        for (int h = 0; h < heads; h++) {
            System.arraycopy(x, h / times * size, out, h * size, size);
        }
        return out;
    }
}
