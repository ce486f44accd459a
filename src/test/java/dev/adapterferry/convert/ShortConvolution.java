package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;

/**
 * LFM2's short convolution: of the input's three parts the first gates the third, each channel is convolved with its own few weights
 * over the last positions, and the second part gates the result.
 *
 * @param kernel one row per channel, the weight of the newest position last
 */
record ShortConvolution(Linear input, double[][] kernel, Linear output) implements Decoder.Mixer {
    @Override
    public double[][] of(double[][] x) {
        int width = kernel.length;
        double[][] parts = each(x, row -> times(input, row));
        double[][] gated = each(parts, row -> product(Arrays.copyOfRange(row, 0, width), Arrays.copyOfRange(row, 2 * width, 3 * width)));
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] convolved = new double[width];
            for (int c = 0; c < width; c++) {
                int length = kernel[c].length;
                for (int k = Math.max(0, length - 1 - t); k < length; k++) {
                    convolved[c] += kernel[c][k] * gated[t - length + 1 + k][c];
                }
            }
            out[t] = times(output, product(Arrays.copyOfRange(parts[t], width, 2 * width), convolved));
        }
        return out;
    }

    /** Mamba's: each channel with its own weights over this token and those before it, then SiLU. */
    static double[][] activated(double[][] x, double[] weights, double[] bias) {
        int channels = bias.length;
        int length = weights.length / channels;
        double[][] out = new double[x.length][channels];
        for (int t = 0; t < x.length; t++) {
            for (int c = 0; c < channels; c++) {
                double sum = bias[c];
                for (int k = Math.max(0, length - 1 - t); k < length; k++) {
                    sum += weights[c * length + k] * x[t - length + 1 + k][c];
                }
                out[t][c] = silu(sum);
            }
        }
        return out;
    }
}
