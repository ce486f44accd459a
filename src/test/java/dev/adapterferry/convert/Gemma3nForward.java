package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Gemma 3n's forward pass in double arithmetic, filled by {@link Gemma3nCheckpoint}: several streams of hidden states of which each layer
 * predicts all, computes one, and corrects the others by what the one became (AltUp).
 */
final class Gemma3nForward {
    /** One layer. */
    static final class Layer {
        Norm attentionNorm;
        SelfAttention attention;
        Norm afterAttention;
        Norm feedForwardNorm;
        FeedForward dense;
        Norm afterFeedForward;
        /** Gates below mean + this many deviations become 0; NaN for none. */
        double sparsity = Double.NaN;
        Linear laurelLeft;
        Linear laurelRight;
        Norm laurelNorm;
        Norm routerNorm;
        Linear router;
        Linear predictions;
        Linear corrections;
        double[] correctedScale;
        Linear inputGate;
        Linear inputProjection;
        Norm afterInput;
    }

    double[][] embedding;
    PerLayerEmbedding perLayer;
    List<Linear> unfold = new ArrayList<>();
    List<Linear> fold = new ArrayList<>();
    final List<Layer> layers = new ArrayList<>();
    Norm outputNorm;
    double outputCap;
    double epsilon;

    /** One row of logits per token. */
    double[][] logits(int... tokens) {
        double[][][] inputs = new double[tokens.length][][];
        double[][][] streams = new double[unfold.size() + 1][tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            streams[0][t] = scaled(embedding[tokens[t]], Math.sqrt(embedding[0].length));
            inputs[t] = perLayer.of(tokens[t], streams[0][t]);
            for (int s = 1; s < streams.length; s++) {
                streams[s][t] = likened(times(unfold.get(s - 1), streams[0][t]), streams[0][t]);
            }
        }
        for (int l = 0; l < layers.size(); l++) {
            layer(layers.get(l), l, streams, inputs);
        }
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            double[] sum = streams[0][t];
            for (int s = 1; s < streams.length; s++) {
                sum = plus(sum, likened(times(fold.get(s - 1), streams[s][t]), streams[0][t]), 1);
            }
            x[t] = scaled(sum, 1.0 / streams.length);
        }
        Linear output = new Linear(embedding, null);
        return each(x, row -> {
            double[] logits = times(output, rms(row, outputNorm, epsilon));
            Arrays.setAll(logits, i -> outputCap * Math.tanh(logits[i] / outputCap));
            return logits;
        });
    }

    private void layer(Layer layer, int number, double[][][] streams, double[][][] inputs) {
        int length = inputs.length;
        double[][][] predicted = new double[length][][];
        for (int t = 0; t < length; t++) {
            predicted[t] = predict(layer, streams, t);
        }
        double[][] normed = active(predicted, layer.attentionNorm);
        double[][] attended = layer.attention.of(normed);
        for (int t = 0; t < length; t++) {
            double[] laurel = plus(normed[t], rms(times(layer.laurelRight, times(layer.laurelLeft, normed[t])), layer.laurelNorm, epsilon), 1);
            double[] gated = plus(predicted[t][0], rms(attended[t], layer.afterAttention, epsilon), 1);
            double[] middle = scaled(plus(gated, laurel, 1), 1 / Math.sqrt(2));
            double[] made = plus(middle, rms(feedForward(layer, rms(middle, layer.feedForwardNorm, epsilon)), layer.afterFeedForward, epsilon), 1);
            double[][] corrected = correct(layer, predicted[t], made);
            double[] first = product(activated(times(layer.inputGate, product(corrected[0], layer.correctedScale))), inputs[t][number]);
            double[] addition = rms(times(layer.inputProjection, first), layer.afterInput, epsilon);
            for (int s = 0; s < streams.length; s++) {
                streams[s][t] = s == 0 ? corrected[s] : plus(corrected[s], addition, 1);
            }
        }
    }

    /** The stream that is computed, normed. */
    private double[][] active(double[][][] predicted, Norm norm) {
        double[][] out = new double[predicted.length][];
        for (int t = 0; t < out.length; t++) {
            out[t] = rms(predicted[t][0], norm, epsilon);
        }
        return out;
    }

    private double[] modalities(Layer layer, double[] x) {
        double[] routed = times(layer.router, scaled(rms(x, layer.routerNorm, epsilon), 1.0 / x.length));
        Arrays.setAll(routed, i -> Math.tanh(routed[i]));
        return routed;
    }

    /** Stream i is itself plus what row i of the coefficients takes of all streams. */
    private double[][] predict(Layer layer, double[][][] streams, int t) {
        double[] coefficients = times(layer.predictions, modalities(layer, streams[0][t]));
        double[][] out = new double[streams.length][];
        for (int i = 0; i < out.length; i++) {
            out[i] = streams[i][t];
            for (int j = 0; j < out.length; j++) {
                out[i] = plus(out[i], streams[j][t], coefficients[i * out.length + j]);
            }
        }
        return out;
    }

    private double[][] correct(Layer layer, double[][] predicted, double[] made) {
        double[] coefficients = times(layer.corrections, modalities(layer, made));
        double[] innovation = plus(made, predicted[0], -1);
        double[][] out = new double[predicted.length][];
        for (int i = 0; i < out.length; i++) {
            out[i] = plus(predicted[i], innovation, coefficients[i] + 1);
        }
        return out;
    }

    private double[] feedForward(Layer layer, double[] x) {
        double[] gate = times(layer.dense.gate(), x);
        if (!Double.isNaN(layer.sparsity)) {
            double mean = Arrays.stream(gate).average().orElseThrow();
            double square = Arrays.stream(gate).map(g -> (g - mean) * (g - mean)).sum();
            // Over n - 1 as llama.cpp takes it; transformers takes it over n, which shows with the few gates of a tiny model.
            double cutoff = mean + layer.sparsity * Math.sqrt(square / (gate.length - 1));
            Arrays.setAll(gate, i -> Math.max(0, gate[i] - cutoff));
        }
        return times(layer.dense.down(), product(activated(gate), times(layer.dense.up(), x)));
    }

    private static double[] activated(double[] x) {
        return Arrays.stream(x).map(Arithmetic::tableGelu).toArray();
    }

    /** Scaled to the length of another. */
    private static double[] likened(double[] x, double[] other) {
        return scaled(x, Math.sqrt(Arrays.stream(other).map(v -> v * v).sum() / Arrays.stream(x).map(v -> v * v).sum()));
    }
}
