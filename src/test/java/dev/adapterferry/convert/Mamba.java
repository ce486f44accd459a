package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * MambaMixer, one token after the other: a convolution over the last few, then a state per channel that fades and takes in, by steps and openings that
 * are made from the channels.
 */
final class Mamba implements Decoder.Mixer {
    private final CheckpointTensors stored;
    private final String m;
    /** What the steps, the openings in and those out are normed by; null where they are not. */
    private final Norm[] norms;
    private final double epsilon;

    Mamba(CheckpointTensors stored, String m, Norm[] norms, double epsilon) {
        this.stored = stored;
        this.m = m;
        this.norms = norms;
        this.epsilon = epsilon;
    }

    @Override
    public double[][] of(double[][] x) {
        double[][] decay = stored.parameter(m + "A_log");
        int inner = decay.length;
        int states = decay[0].length;
        double[][] projected = each(x, row -> times(stored.linear(m + "in_proj"), row));
        double[][] mixed = ShortConvolution.activated(each(projected, row -> Arrays.copyOf(row, inner)), stored.vector(m + "conv1d.weight"), stored.vector(m + "conv1d.bias"));
        double[] skip = stored.vector(m + "D");
        double[][] state = new double[inner][states];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] parts = times(stored.linear(m + "x_proj"), mixed[t]);
            int rank = parts.length - 2 * states;
            double[] steps = times(stored.linear(m + "dt_proj"), normed(0, Arrays.copyOf(parts, rank)));
            double[] in = normed(1, Arrays.copyOfRange(parts, rank, rank + states));
            double[] read = normed(2, Arrays.copyOfRange(parts, rank + states, parts.length));
            double[] y = new double[inner];
            for (int c = 0; c < inner; c++) {
                double step = Math.log1p(Math.exp(steps[c]));
                for (int s = 0; s < states; s++) {
                    state[c][s] = Math.exp(-Math.exp(decay[c][s]) * step) * state[c][s] + step * in[s] * mixed[t][c];
                    y[c] += state[c][s] * read[s];
                }
                y[c] = (y[c] + skip[c] * mixed[t][c]) * silu(projected[t][inner + c]);
            }
            out[t] = times(stored.linear(m + "out_proj"), y);
        }
        return out;
    }

    private double[] normed(int which, double[] x) {
        return norms == null ? x : rms(x, norms[which], epsilon);
    }
}
