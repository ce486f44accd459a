package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * MiniMax-01's attention without a softmax, as its modelling code defines it ({@code MiniMaxText01LightningAttention}, one token after the other): each
 * head adds the products of key and value to a state that decays at the head's and the layer's own pace, and the query reads it.
 *
 * @param rows  queries, keys and values of each head, head by head
 * @param share how much of the heads' pace the layer has
 */
record LightningAttention(Linear rows, Linear gate, Norm norm, Linear output, int heads, int size, double share) implements Decoder.Mixer {
    private static final double EPSILON = 1e-6;

    @Override
    public double[][] of(double[][] x) {
        double[][][] states = new double[heads][size][size];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] made = times(rows, x[t]);
            Arrays.setAll(made, i -> silu(made[i]));
            double[] read = new double[heads * size];
            for (int h = 0; h < heads; h++) {
                double kept = Math.exp(-Math.pow(2, -8.0 * (h + 1) / heads) * share);
                int query = 3 * size * h;
                for (int i = 0; i < size; i++) {
                    double[] row = states[h][i];
                    for (int j = 0; j < size; j++) {
                        row[j] = kept * row[j] + made[query + size + i] * made[query + 2 * size + j];
                        read[h * size + j] += made[query + i] * row[j];
                    }
                }
            }
            double[] normed = Arithmetic.rms(read, norm, EPSILON);
            double[] opening = times(gate, x[t]);
            Arrays.setAll(normed, i -> normed[i] * Arithmetic.sigmoid(opening[i]));
            out[t] = times(output, normed);
        }
        return out;
    }
}
