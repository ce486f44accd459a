package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;

/**
 * RWKV's feed-forward, which looks at the token before too ({@code RWKV7FeedForward}, {@code Rwkv6FeedForward}).
 *
 * @param keyMix        how much of the step to the token before the key gets
 * @param receptanceMix the same for the receptance, which RWKV-7 has not: null
 * @param receptance    null there too
 */
record ChannelMix(double[] keyMix, Linear key, Linear value, double[] receptanceMix, Linear receptance) implements Decoder.Mixer {
    @Override
    public double[][] of(double[][] x) {
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] step = plus(t == 0 ? new double[x[t].length] : x[t - 1], x[t], -1);
            double[] k = Arrays.stream(times(key, plus(x[t], product(step, keyMix), 1))).map(v -> v > 0 ? v * v : 0).toArray();
            out[t] = times(value, k);
            if (receptance != null) {
                out[t] = product(out[t], Arrays.stream(times(receptance, plus(x[t], product(step, receptanceMix), 1))).map(Arithmetic::sigmoid).toArray());
            }
        }
        return out;
    }
}
