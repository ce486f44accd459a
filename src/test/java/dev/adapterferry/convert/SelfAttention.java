package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.softmax;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.function.BiFunction;
import java.util.function.IntToDoubleFunction;

/** Causal attention of one layer over a sequence that begins at position 0, with what single models do otherwise. */
final class SelfAttention implements Decoder.Mixer {
    int heads;
    int keyHeads;
    int headSize;
    /** Where values have another size than keys; 0 for the same. */
    int valueSize;
    int ropeDimensions;
    double ropeBase;
    boolean rotated = true;
    /** True when neighbours 2i and 2i+1 turn together, false when i and i + half do. */
    boolean neighbours;
    /** Divisors of the rope frequencies, or null. */
    double[] ropeFactors;
    /** Cosines and sines are multiplied by this. */
    double ropeMagnitude = 1;
    double scale;
    /** Scores are bent to stay below this; 0 for none. */
    double cap;
    /** Positions that a token sees, itself included; 0 for all. */
    int window;
    /** A token sees those behind it as it sees those before. */
    boolean ahead;
    /** One score per head that takes a share of the softmax and gives nothing, or null. */
    double[] sinks;
    /** What queries of a position are multiplied by, or null. */
    IntToDoubleFunction temperature;
    /** What each head's scores lose with every position of distance (ALiBi), or null. */
    double[] slopes;
    /** Queries, keys and values are cut off here before they are turned; 0 for nowhere. */
    double clip;
    Norm queryNorm;
    Norm keyNorm;
    Norm valueNorm;
    /** Queries and keys are normalised after they are turned. */
    boolean normedAfterTurning;
    /** Norms of queries and keys have weights of each head's own. */
    boolean normedByHead;
    Linear query;
    /** Null, as {@code value}, when the layer looks at the keys and values of {@link #shared}. */
    Linear key;
    Linear value;
    Linear output;
    /** An earlier layer that has made the keys and values. */
    SelfAttention shared;
    /** The kind of norm that the model uses everywhere. */
    BiFunction<double[], Norm, double[]> norm;
    private double[][] keys;
    private double[][] values;

    @Override
    public double[][] of(double[][] x) {
        int length = x.length;
        double[][] q = new double[length][];
        for (int t = 0; t < length; t++) {
            q[t] = placed(projected(query, x[t]), queryNorm, heads, t);
            q[t] = temperature == null ? q[t] : scaled(q[t], temperature.applyAsDouble(t));
        }
        if (shared == null) {
            keys = new double[length][];
            values = new double[length][];
            for (int t = 0; t < length; t++) {
                keys[t] = placed(projected(key, x[t]), keyNorm, keyHeads, t);
                values[t] = headNorm(projected(value, x[t]), valueNorm);
            }
        } else {
            keys = shared.keys;
            values = shared.values;
        }
        double[][] joined = new double[length][heads * valueSize()];
        for (int t = 0; t < length; t++) {
            for (int h = 0; h < heads; h++) {
                attend(q[t], t, h, joined[t]);
            }
        }
        return each(joined, row -> times(output, row));
    }

    private void attend(double[] q, int t, int head, double[] joined) {
        int first = window == 0 ? 0 : Math.max(0, t - window + 1);
        int keyHead = head / (heads / keyHeads);
        int size = valueSize();
        int last = !ahead ? t : window == 0 ? keys.length - 1 : Math.min(keys.length - 1, t + window - 1);
        double[] shares = new double[last - first + 1 + (sinks == null ? 0 : 1)];
        for (int s = first; s <= last; s++) {
            double score = 0;
            for (int i = 0; i < headSize; i++) {
                score += q[head * headSize + i] * keys[s][keyHead * headSize + i];
            }
            score *= scale;
            score = cap > 0 ? cap * Math.tanh(score / cap) : score;
            shares[s - first] = slopes == null ? score : score - slopes[head] * Math.abs(t - s);
        }
        if (sinks != null) {
            shares[shares.length - 1] = sinks[head];
        }
        softmax(shares);
        for (int s = first; s <= last; s++) {
            for (int i = 0; i < size; i++) {
                joined[head * size + i] += shares[s - first] * values[s][keyHead * size + i];
            }
        }
    }

    private int valueSize() {
        return valueSize == 0 ? headSize : valueSize;
    }

    private double[] projected(Linear linear, double[] x) {
        double[] out = times(linear, x);
        return clip == 0 ? out : Arrays.stream(out).map(v -> Math.clamp(v, -clip, clip)).toArray();
    }

    private double[] placed(double[] x, Norm norm, int count, int position) {
        return normedAfterTurning ? headNorm(turned(x, count, position), norm) : turned(headNorm(x, norm), count, position);
    }

    private double[] turned(double[] x, int count, int position) {
        if (!rotated) {
            return x;
        }
        double[] out = x.clone();
        int half = ropeDimensions / 2;
        for (int h = 0; h < count; h++) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(ropeBase, -2.0 * i / ropeDimensions) / (ropeFactors == null ? 1 : ropeFactors[i]);
                int a = h * headSize + (neighbours ? 2 * i : i);
                int b = neighbours ? a + 1 : a + half;
                out[a] = ropeMagnitude * (x[a] * Math.cos(angle) - x[b] * Math.sin(angle));
                out[b] = ropeMagnitude * (x[a] * Math.sin(angle) + x[b] * Math.cos(angle));
            }
        }
        return out;
    }

    /** A norm of one head's size is taken head by head, as one without weights; a longer one over all of them, unless each head has its own part of it. */
    private double[] headNorm(double[] x, Norm weights) {
        if (weights == null || weights.weight() != null && weights.weight().length == x.length && !normedByHead) {
            return norm.apply(x, weights);
        }
        double[] out = new double[x.length];
        for (int from = 0; from < x.length; from += headSize) {
            double[] head = Arrays.copyOfRange(x, from, from + headSize);
            Norm own = normedByHead ? new Norm(Arrays.copyOfRange(weights.weight(), from, from + headSize), null) : weights;
            System.arraycopy(norm.apply(head, own), 0, out, from, headSize);
        }
        return out;
    }
}
