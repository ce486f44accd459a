package dev.adapterferry.convert;

import java.util.ArrayList;
import java.util.List;

/**
 * A transformer's forward pass in double arithmetic, written from the definitions of the models and slow on purpose: one
 * loop per sum, no cache, no fusing. It is filled from a checkpoint ({@link CheckpointDecoder}) or from a GGUF file
 * ({@link GgufDecoder}) and says what llama.cpp must say.
 */
final class Decoder {
    /** Weights, and the bias that some norms have; null where a model has no norm at this place. */
    record Norm(double[] weight, double[] bias) { }

    /** Rows of outputs, and their biases or null. */
    record Linear(double[][] weight, double[] bias) { }

    /** A feed-forward; without a gate when {@code gate} is null. */
    record FeedForward(Linear gate, Linear up, Linear down) { }

    /**
     * Experts behind a router.
     *
     * @param used        experts per token
     * @param renormalise whether the chosen experts' shares are scaled to a sum of one
     * @param shared      an expert for every token, or null
     * @param sharedGate  one row that opens it, or null
     */
    record Experts(Linear router, List<FeedForward> experts, int used, boolean renormalise, FeedForward shared, Linear sharedGate) { }

    /** What one layer has; parts that a model lacks stay null. */
    static final class Layer {
        Norm attentionNorm;
        Norm queryNorm;
        Norm keyNorm;
        Norm afterAttention;
        Norm feedForwardNorm;
        Norm afterFeedForward;
        Linear query;
        Linear key;
        Linear value;
        Linear output;
        FeedForward dense;
        Experts experts;
        /** Positions that a token sees, itself included; 0 for all. */
        int window;
        boolean rotated = true;
        double ropeBase;
    }

    enum Activation { SILU, GELU_TANH, SQUARED_RELU }

    int heads;
    int keyHeads;
    int headSize;
    int ropeDimensions;
    /** True when neighbours 2i and 2i+1 turn together, false when i and i + half do. */
    boolean neighbours;
    /** Divisors of the rope frequencies, or null. */
    double[] ropeFactors;
    /** Cosines and sines are multiplied by this. */
    double ropeMagnitude = 1;
    double attentionScale;
    double attentionCap;
    double outputCap;
    double embeddingScale = 1;
    double residualScale = 1;
    double outputScale = 1;
    double epsilon;
    /** Mean and variance are taken out, not only the root mean square. */
    boolean layerNorm;
    /** Attention and feed-forward read the same normed input. */
    boolean parallel;
    /** Takes GELU of the nearest F16 and rounds it to F16, as llama.cpp does on the CPU: it looks the value up in a table. */
    boolean coarse;
    Activation activation = Activation.SILU;
    double[][] embedding;
    Norm outputNorm;
    Linear output;
    final List<Layer> layers = new ArrayList<>();

    /** One row of logits per token. */
    double[][] logits(int... tokens) {
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = scaled(embedding[tokens[t]], embeddingScale);
        }
        for (Layer layer : layers) {
            double[][] normed = each(x, row -> norm(row, layer.attentionNorm));
            double[][] attended = each(attention(layer, normed), row -> norm(row, layer.afterAttention));
            if (parallel) {
                for (int t = 0; t < x.length; t++) {
                    double[] input = layer.feedForwardNorm == null ? normed[t] : norm(x[t], layer.feedForwardNorm);
                    x[t] = plus(plus(x[t], attended[t], residualScale), feedForward(layer, input), residualScale);
                }
            } else {
                for (int t = 0; t < x.length; t++) {
                    x[t] = plus(x[t], attended[t], residualScale);
                    double[] made = norm(feedForward(layer, norm(x[t], layer.feedForwardNorm)), layer.afterFeedForward);
                    x[t] = plus(x[t], made, residualScale);
                }
            }
        }
        return each(x, row -> {
            double[] logits = scaled(times(output, norm(row, outputNorm)), outputScale);
            for (int i = 0; i < logits.length && outputCap > 0; i++) {
                logits[i] = outputCap * Math.tanh(logits[i] / outputCap);
            }
            return logits;
        });
    }

    private double[][] attention(Layer layer, double[][] x) {
        int length = x.length;
        double[][] q = new double[length][];
        double[][] k = new double[length][];
        double[][] v = new double[length][];
        for (int t = 0; t < length; t++) {
            q[t] = rotated(layer, headNorm(times(layer.query, x[t]), layer.queryNorm), heads, t);
            k[t] = rotated(layer, headNorm(times(layer.key, x[t]), layer.keyNorm), keyHeads, t);
            v[t] = times(layer.value, x[t]);
        }
        double[][] joined = new double[length][heads * headSize];
        for (int t = 0; t < length; t++) {
            int first = layer.window == 0 ? 0 : Math.max(0, t - layer.window + 1);
            for (int h = 0; h < heads; h++) {
                int kv = h / (heads / keyHeads) * headSize;
                double[] shares = new double[t - first + 1];
                for (int s = first; s <= t; s++) {
                    double score = 0;
                    for (int i = 0; i < headSize; i++) {
                        score += q[t][h * headSize + i] * k[s][kv + i];
                    }
                    score *= attentionScale;
                    shares[s - first] = attentionCap > 0 ? attentionCap * Math.tanh(score / attentionCap) : score;
                }
                softmax(shares);
                for (int s = first; s <= t; s++) {
                    for (int i = 0; i < headSize; i++) {
                        joined[t][h * headSize + i] += shares[s - first] * v[s][kv + i];
                    }
                }
            }
        }
        return each(joined, row -> times(layer.output, row));
    }

    private double[] rotated(Layer layer, double[] x, int count, int position) {
        if (!layer.rotated) {
            return x;
        }
        double[] out = x.clone();
        int half = ropeDimensions / 2;
        for (int h = 0; h < count; h++) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(layer.ropeBase, -2.0 * i / ropeDimensions) / (ropeFactors == null ? 1 : ropeFactors[i]);
                int a = h * headSize + (neighbours ? 2 * i : i);
                int b = neighbours ? a + 1 : a + half;
                out[a] = ropeMagnitude * (x[a] * Math.cos(angle) - x[b] * Math.sin(angle));
                out[b] = ropeMagnitude * (x[a] * Math.sin(angle) + x[b] * Math.cos(angle));
            }
        }
        return out;
    }

    private double[] feedForward(Layer layer, double[] x) {
        if (layer.experts == null) {
            return feedForward(layer.dense, x);
        }
        Experts experts = layer.experts;
        double[] shares = times(experts.router(), x);
        softmax(shares);
        boolean[] taken = new boolean[shares.length];
        double sum = 0;
        for (int n = 0; n < experts.used(); n++) {
            int best = -1;
            for (int e = 0; e < shares.length; e++) {
                best = !taken[e] && (best < 0 || shares[e] > shares[best]) ? e : best;
            }
            taken[best] = true;
            sum += shares[best];
        }
        double[] out = new double[x.length];
        for (int e = 0; e < shares.length; e++) {
            if (taken[e]) {
                out = plus(out, feedForward(experts.experts().get(e), x), experts.renormalise() ? shares[e] / sum : shares[e]);
            }
        }
        if (experts.shared() != null) {
            double open = experts.sharedGate() == null ? 1 : 1 / (1 + Math.exp(-times(experts.sharedGate(), x)[0]));
            out = plus(out, feedForward(experts.shared(), x), open);
        }
        return out;
    }

    private double[] feedForward(FeedForward parts, double[] x) {
        double[] up = times(parts.up(), x);
        double[] gate = parts.gate() == null ? up : times(parts.gate(), x);
        double[] inner = new double[up.length];
        for (int i = 0; i < up.length; i++) {
            inner[i] = activated(gate[i]) * (parts.gate() == null ? 1 : up[i]);
        }
        return times(parts.down(), inner);
    }

    private double activated(double x) {
        return switch (activation) {
            case SILU -> x / (1 + Math.exp(-x));
            case GELU_TANH -> coarse ? half(gelu(half(x))) : gelu(x);
            case SQUARED_RELU -> x > 0 ? x * x : 0;
        };
    }

    private static double gelu(double x) {
        return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    }

    private static double half(double x) {
        return Float.float16ToFloat(Float.floatToFloat16((float) x));
    }

    private double[] norm(double[] x, Norm norm) {
        if (norm == null) {
            return x;
        }
        double mean = 0;
        for (double value : x) {
            mean += layerNorm ? value / x.length : 0;
        }
        double square = 0;
        for (double value : x) {
            square += (value - mean) * (value - mean) / x.length;
        }
        double scale = 1 / Math.sqrt(square + epsilon);
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = (x[i] - mean) * scale * norm.weight()[i] + (norm.bias() == null ? 0 : norm.bias()[i]);
        }
        return out;
    }

    /** A norm of one head's size is taken head by head, a longer one over all of them. */
    private double[] headNorm(double[] x, Norm norm) {
        if (norm == null || norm.weight().length == x.length) {
            return norm(x, norm);
        }
        double[] out = new double[x.length];
        for (int from = 0; from < x.length; from += headSize) {
            double[] head = new double[headSize];
            System.arraycopy(x, from, head, 0, headSize);
            System.arraycopy(norm(head, norm), 0, out, from, headSize);
        }
        return out;
    }

    private interface RowFunction {
        double[] of(double[] row);
    }

    private static double[][] each(double[][] rows, RowFunction function) {
        double[][] out = new double[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            out[i] = function.of(rows[i]);
        }
        return out;
    }

    private static double[] times(Linear linear, double[] x) {
        double[] out = new double[linear.weight().length];
        for (int o = 0; o < out.length; o++) {
            out[o] = linear.bias() == null ? 0 : linear.bias()[o];
            for (int i = 0; i < x.length; i++) {
                out[o] += linear.weight()[o][i] * x[i];
            }
        }
        return out;
    }

    private static double[] plus(double[] a, double[] b, double scale) {
        double[] out = new double[a.length];
        for (int i = 0; i < a.length; i++) {
            out[i] = a[i] + scale * b[i];
        }
        return out;
    }

    private static double[] scaled(double[] x, double scale) {
        return plus(new double[x.length], x, scale);
    }

    private static void softmax(double[] x) {
        double max = Double.NEGATIVE_INFINITY;
        for (double value : x) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            x[i] = Math.exp(x[i] - max);
            sum += x[i];
        }
        for (int i = 0; i < x.length; i++) {
            x[i] /= sum;
        }
    }
}
