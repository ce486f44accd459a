package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * What Gemma 3n and Gemma 4 give to each layer beside the hidden states: a row of a table of their own, and a projection of the embedding.
 *
 * @param table      one row per token, the layers' parts one after the other
 * @param projection from the embedding to the same length
 * @param size       elements of one layer's part
 */
record PerLayerEmbedding(double[][] table, Linear projection, Norm norm, int size, double epsilon) {
    /** One row per layer. */
    double[][] of(int token, double[] embedded) {
        double[] projected = scaled(times(projection, embedded), 1 / Math.sqrt(embedded.length));
        double[][] layers = new double[projected.length / size][];
        for (int l = 0; l < layers.length; l++) {
            double[] context = rms(Arrays.copyOfRange(projected, l * size, (l + 1) * size), norm, epsilon);
            layers[l] = scaled(plus(context, Arrays.copyOfRange(table[token], l * size, (l + 1) * size), Math.sqrt(size)), 1 / Math.sqrt(2));
        }
        return layers;
    }
}
