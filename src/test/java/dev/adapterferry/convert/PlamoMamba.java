package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * Plamo2MambaMixer, one token after the other: in_proj gives each head its gate and its input beside each other; the convolution has no bias; what opens the
 * states comes from all heads and is normed; a state per head fades by one number.
 */
record PlamoMamba(CheckpointTensors stored, String m, int heads, int headSize, int states, double epsilon) implements Decoder.Mixer {
    @Override
    public double[][] of(double[][] x) {
        int inner = heads * headSize;
        double[][] projected = each(x, row -> times(stored.linear(m + "in_proj"), row));
        double[][] mixed = ShortConvolution.activated(each(projected, row -> part(row, 1)), stored.vector(m + "conv1d.weight"), new double[inner]);
        double[] decay = stored.vector(m + "A_log");
        double[] skip = stored.vector(m + "D");
        double[] bias = stored.vector(m + "dt_bias");
        double[][] state = new double[inner][states];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] parts = times(stored.linear(m + "bcdt_proj"), mixed[t]);
            double[] in = normed("B_norm_weight", Arrays.copyOf(parts, states));
            double[] read = normed("C_norm_weight", Arrays.copyOfRange(parts, states, 2 * states));
            double[] steps = times(stored.linear(m + "dt_proj"), normed("dt_norm_weight", Arrays.copyOfRange(parts, 2 * states, parts.length)));
            double[] gate = part(projected[t], 0);
            double[] y = new double[inner];
            for (int i = 0; i < inner; i++) {
                int head = i / headSize;
                double step = Math.log1p(Math.exp(steps[head] + bias[head]));
                for (int s = 0; s < states; s++) {
                    state[i][s] = Math.exp(-Math.exp(decay[head]) * step) * state[i][s] + step * in[s] * mixed[t][i];
                    y[i] += state[i][s] * read[s];
                }
                y[i] = (y[i] + skip[head] * mixed[t][i]) * silu(gate[i]);
            }
            out[t] = times(stored.linear(m + "out_proj"), y);
        }
        return out;
    }

    /** The first or second numbers of every head. */
    private double[] part(double[] row, int which) {
        double[] out = new double[heads * headSize];
        Arrays.setAll(out, i -> row[(i / headSize * 2 + which) * headSize + i % headSize]);
        return out;
    }

    private double[] normed(String weight, double[] x) {
        return rms(x, new Norm(stored.vector(m + weight), null), epsilon);
    }
}
