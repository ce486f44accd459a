package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * What RWKV-7 has in the place of attention, as {@code RWKV7Attention} of flash-linear-attention and {@code Rwkv_Tmix_x070} of ARWKV define it: a state of
 * values by keys per head, which decays key by key, forgets what it had of a key, and takes up the new value.
 */
final class Rwkv7Mixer implements Decoder.Mixer {
    /** {@code up(f(down x)) + bias}; without a bias where that is null. */
    record LowRank(Linear down, DoubleUnaryOperator between, Linear up) {
        double[] of(double[] x) {
            return times(up, Arrays.stream(times(down, x)).map(between).toArray());
        }
    }

    /** The values of the first layer, to which later ones come back. */
    static final class FirstValues {
        private double[][] rows;
    }

    /** In the order r, w, k, v, a, g; the last one is null without a gate. */
    double[][] mixes;
    Linear receptance;
    Linear key;
    Linear value;
    Linear output;
    LowRank decay;
    LowRank rate;
    /** Null in the first layer. */
    LowRank valueMix;
    LowRank gate;
    double[] keyScale;
    double[] keyRate;
    double[] bonus;
    int heads;
    HeadNorm norm;
    FirstValues first;

    @Override
    public double[][] of(double[][] x) {
        int width = x[0].length;
        int size = width / heads;
        double[][][] state = new double[heads][size][size];
        double[][] values = new double[x.length][];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] now = x[t];
            double[] step = plus(t == 0 ? new double[width] : x[t - 1], now, -1);
            double[] r = times(receptance, mixed(now, step, 0));
            double[] w = Arrays.stream(decay.of(mixed(now, step, 1))).map(d -> Math.exp(-Math.exp(-0.5) * sigmoid(d))).toArray();
            double[] k = times(key, mixed(now, step, 2));
            double[] v = times(value, mixed(now, step, 3));
            if (valueMix != null) {
                double[] share = Arrays.stream(valueMix.of(mixed(now, step, 3))).map(Arithmetic::sigmoid).toArray();
                v = plus(v, product(plus(first.rows[t], v, -1), share), 1);
            }
            values[t] = v;
            double[] a = Arrays.stream(rate.of(mixed(now, step, 4))).map(Arithmetic::sigmoid).toArray();
            double[] direction = new double[width];
            for (int h = 0; h < heads; h++) {
                double length = 0;
                for (int i = h * size; i < (h + 1) * size; i++) {
                    direction[i] = k[i] * keyScale[i];
                    length += direction[i] * direction[i];
                }
                for (int i = h * size; i < (h + 1) * size; i++) {
                    direction[i] /= Math.max(Math.sqrt(length), 1e-12);
                }
            }
            for (int i = 0; i < width; i++) {
                k[i] *= 1 + (a[i] - 1) * keyRate[i];
            }
            double[] read = new double[width];
            for (int h = 0; h < heads; h++) {
                recur(state[h], h * size, w, k, v, direction, a, r, read);
            }
            double[] y = norm == null ? read : norm.of(read, heads);
            for (int h = 0; h < heads; h++) {
                double weight = 0;
                for (int i = h * size; i < (h + 1) * size; i++) {
                    weight += r[i] * k[i] * bonus[i];
                }
                for (int i = h * size; i < (h + 1) * size; i++) {
                    y[i] += weight * v[i];
                }
            }
            out[t] = times(output, gate == null ? y : product(y, gate.of(mixed(now, step, 5))));
        }
        if (valueMix == null) {
            first.rows = values;
        }
        return out;
    }

    private double[] mixed(double[] now, double[] step, int which) {
        return plus(now, product(step, mixes[which]), 1);
    }

    /** {@code S = S diag(w) - (S d)(d a)^T + v k^T}, read by r. */
    private static void recur(double[][] state, int at, double[] w, double[] k, double[] v, double[] direction, double[] a, double[] r, double[] read) {
        for (int i = 0; i < state.length; i++) {
            double held = 0;
            for (int j = 0; j < state.length; j++) {
                held += state[i][j] * direction[at + j];
            }
            for (int j = 0; j < state.length; j++) {
                state[i][j] = state[i][j] * w[at + j] - held * direction[at + j] * a[at + j] + v[at + i] * k[at + j];
                read[at + i] += state[i][j] * r[at + j];
            }
        }
    }
}
