package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/** GraniteMoeHybridMambaLayer, one token after the other: a convolution over the last few, then a state per head that fades and takes in. */
final class Mamba2 implements Decoder.Mixer {
    private final CheckpointTensors stored;
    private final String m;
    private final int heads;
    private final int headSize;
    private final int states;
    private final int kernel;
    private final double epsilon;

    /** One group of heads, as all released models have. */
    Mamba2(CheckpointTensors stored, JsonNode config, String m) {
        this.stored = stored;
        this.m = m;
        this.heads = config.get("mamba_n_heads").asInt();
        this.headSize = config.get("mamba_d_head").asInt();
        this.states = config.get("mamba_d_state").asInt();
        this.kernel = config.get("mamba_d_conv").asInt();
        this.epsilon = config.get("rms_norm_eps").asDouble();
    }

    @Override
    public double[][] of(double[][] x) {
        int inner = heads * headSize;
        int channels = inner + 2 * states;
        double[][] projected = each(x, row -> times(stored.linear(m + "in_proj"), row));
        double[][] mixed = convolved(each(projected, row -> Arrays.copyOfRange(row, inner, inner + channels)), channels);
        double[] decay = stored.vector(m + "A_log");
        double[] skip = stored.vector(m + "D");
        double[] bias = stored.vector(m + "dt_bias");
        double[][][] state = new double[heads][headSize][states];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] y = new double[inner];
            for (int h = 0; h < heads; h++) {
                double step = Math.log1p(Math.exp(projected[t][inner + channels + h] + bias[h]));
                double kept = Math.exp(-Math.exp(decay[h]) * step);
                for (int i = 0; i < headSize; i++) {
                    double in = mixed[t][h * headSize + i];
                    for (int s = 0; s < states; s++) {
                        state[h][i][s] = kept * state[h][i][s] + step * mixed[t][inner + s] * in;
                        y[h * headSize + i] += state[h][i][s] * mixed[t][inner + states + s];
                    }
                    y[h * headSize + i] += skip[h] * in;
                }
            }
            for (int i = 0; i < inner; i++) {
                y[i] *= silu(projected[t][i]);
            }
            out[t] = times(stored.linear(m + "out_proj"), rms(y, new Norm(stored.vector(m + "norm.weight"), null), epsilon));
        }
        return out;
    }

    /** Each channel over this token and those before it. */
    private double[][] convolved(double[][] x, int channels) {
        double[] weights = stored.vector(m + "conv1d.weight");
        double[] bias = stored.vector(m + "conv1d.bias");
        double[][] out = new double[x.length][channels];
        for (int t = 0; t < x.length; t++) {
            for (int c = 0; c < channels; c++) {
                double sum = bias[c];
                for (int k = 0; k < kernel; k++) {
                    int from = t - kernel + 1 + k;
                    sum += from < 0 ? 0 : weights[c * kernel + k] * x[from][c];
                }
                out[t][c] = silu(sum);
            }
        }
        return out;
    }
}
