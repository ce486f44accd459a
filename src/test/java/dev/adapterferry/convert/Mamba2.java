package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * Mamba 2, one token after the other: a convolution over the last few, then a state per head that fades and takes in. Heads of a group share what
 * opens their states, and are normed together where there is a norm (mamba_ssm's {@code RMSNormGated} with {@code group_size}).
 */
final class Mamba2 implements Decoder.Mixer {
    /** Heads, their size, numbers of a state, groups, tokens of the convolution. */
    record Sizes(int heads, int headSize, int states, int groups, int kernel) { }

    private final CheckpointTensors stored;
    private final String m;
    private final Sizes n;
    private final double epsilon;
    private final int inner;
    private final int channels;
    private double inFactor = 1;
    /** Behind in_proj: of gate, x, B, C and step. */
    private double[] factors = {1, 1, 1, 1, 1};

    Mamba2(CheckpointTensors stored, String m, Sizes sizes, double epsilon) {
        this.stored = stored;
        this.m = m;
        this.n = sizes;
        this.epsilon = epsilon;
        this.inner = sizes.heads * sizes.headSize;
        this.channels = inner + 2 * sizes.groups * sizes.states;
    }

    /** GraniteMoeHybridMambaLayer, BambaMixer. */
    static Mamba2 of(CheckpointTensors stored, JsonNode config, String m) {
        Sizes sizes = new Sizes(config.get("mamba_n_heads").asInt(), config.get("mamba_d_head").asInt(), config.get("mamba_d_state").asInt(), config.path("mamba_n_groups").asInt(1),
                config.get("mamba_d_conv").asInt());
        return new Mamba2(stored, m, sizes, config.get("rms_norm_eps").asDouble());
    }

    /** FalconH1Mixer: a factor before in_proj, and one for each of its parts behind. */
    static Mamba2 ofFalcon(CheckpointTensors stored, JsonNode config, String m) {
        Mamba2 mamba = of(stored, config, m);
        mamba.inFactor = config.get("ssm_in_multiplier").asDouble();
        mamba.factors = config.get("ssm_multipliers").valueStream().mapToDouble(JsonNode::asDouble).toArray();
        return mamba;
    }

    @Override
    public double[][] of(double[][] x) {
        double[][] projected = each(x, row -> multiplied(times(stored.linear(m + "in_proj"), scaled(row, inFactor))));
        double[][] mixed = ShortConvolution.activated(each(projected, row -> Arrays.copyOfRange(row, inner, inner + channels)), stored.vector(m + "conv1d.weight"), stored.vector(m + "conv1d.bias"));
        double[] decay = stored.vector(m + "A_log");
        double[] skip = stored.vector(m + "D");
        double[] bias = stored.vector(m + "dt_bias");
        double[][][] state = new double[n.heads][n.headSize][n.states];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] y = new double[inner];
            for (int h = 0; h < n.heads; h++) {
                double step = Math.log1p(Math.exp(projected[t][inner + channels + h] + bias[h]));
                double kept = Math.exp(-Math.exp(decay[h]) * step);
                int in = inner + h / (n.heads / n.groups) * n.states;
                int read = in + n.groups * n.states;
                for (int i = h * n.headSize; i < (h + 1) * n.headSize; i++) {
                    double[] own = state[h][i - h * n.headSize];
                    for (int s = 0; s < n.states; s++) {
                        own[s] = kept * own[s] + step * mixed[t][in + s] * mixed[t][i];
                        y[i] += own[s] * mixed[t][read + s];
                    }
                    y[i] += skip[h] * mixed[t][i];
                }
            }
            double[] gate = Arrays.stream(projected[t], 0, inner).map(Arithmetic::silu).toArray();
            out[t] = times(stored.linear(m + "out_proj"), normed(product(y, gate)));
        }
        return out;
    }

    private double[] multiplied(double[] row) {
        int[] ends = {inner, 2 * inner, 2 * inner + n.groups * n.states, inner + channels, row.length};
        for (int part = 0, i = 0; part < ends.length; part++) {
            for (; i < ends[part]; i++) {
                row[i] *= factors[part];
            }
        }
        return row;
    }

    private double[] normed(double[] y) {
        if (!stored.has(m + "norm.weight")) {
            return y;
        }
        double[] weight = stored.vector(m + "norm.weight");
        double[] out = new double[inner];
        int size = inner / n.groups;
        for (int from = 0; from < inner; from += size) {
            double[] group = rms(Arrays.copyOfRange(y, from, from + size), new Norm(Arrays.copyOfRange(weight, from, from + size), null), epsilon);
            System.arraycopy(group, 0, out, from, size);
        }
        return out;
    }
}
