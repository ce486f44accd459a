package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.product;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.tableGelu;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.ArrayList;
import java.util.List;

/** Gemma 4's forward pass in double arithmetic, filled by {@link Gemma4Checkpoint}. */
final class Gemma4Forward {
    /** One layer; parts that a model lacks stay null. */
    static final class Layer {
        Norm attentionNorm;
        SelfAttention attention;
        Norm afterAttention;
        Norm feedForwardNorm;
        FeedForward dense;
        Norm afterFeedForward;
        ExpertMixture experts;
        double[] routerScale;
        Norm beforeExperts;
        Norm afterDense;
        Norm afterExperts;
        Linear inputGate;
        Linear inputProjection;
        Norm afterInput;
        double scalar = 1;
    }

    double[][] embedding;
    PerLayerEmbedding perLayer;
    final List<Layer> layers = new ArrayList<>();
    Norm outputNorm;
    double outputCap;
    double epsilon;

    /** One row of logits per token. */
    double[][] logits(int... tokens) {
        double[][] x = new double[tokens.length][];
        double[][][] inputs = new double[tokens.length][][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = scaled(embedding[tokens[t]], Math.sqrt(embedding[0].length));
            inputs[t] = perLayer == null ? null : perLayer.of(tokens[t], x[t]);
        }
        for (int l = 0; l < layers.size(); l++) {
            Layer layer = layers.get(l);
            double[][] attended = layer.attention.of(each(x, row -> rms(row, layer.attentionNorm, epsilon)));
            for (int t = 0; t < x.length; t++) {
                double[] middle = plus(x[t], rms(attended[t], layer.afterAttention, epsilon), 1);
                x[t] = plus(middle, rms(feedForward(layer, middle), layer.afterFeedForward, epsilon), 1);
                if (perLayer != null) {
                    double[] gated = product(activated(times(layer.inputGate, x[t])), inputs[t][l]);
                    x[t] = plus(x[t], rms(times(layer.inputProjection, gated), layer.afterInput, epsilon), 1);
                }
                x[t] = scaled(x[t], layer.scalar);
            }
        }
        Linear output = new Linear(embedding, null);
        return each(x, row -> capped(times(output, rms(row, outputNorm, epsilon))));
    }

    private double[] feedForward(Layer layer, double[] x) {
        double[] dense = feedForward(layer.dense, rms(x, layer.feedForwardNorm, epsilon));
        if (layer.experts == null) {
            return dense;
        }
        double[] routed = product(scaled(rms(x, new Norm(null, null), epsilon), 1 / Math.sqrt(x.length)), layer.routerScale);
        double[] mixed = layer.experts.of(rms(x, layer.beforeExperts, epsilon), times(layer.experts.router, routed), Gemma4Forward::feedForward);
        return plus(rms(dense, layer.afterDense, epsilon), rms(mixed, layer.afterExperts, epsilon), 1);
    }

    private static double[] feedForward(FeedForward parts, double[] x) {
        return Decoder.feedForward(parts, x, (gate, up) -> tableGelu(gate) * up);
    }

    private static double[] activated(double[] x) {
        double[] out = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = tableGelu(x[i]);
        }
        return out;
    }

    private double[] capped(double[] logits) {
        for (int i = 0; i < logits.length && outputCap > 0; i++) {
            logits[i] = outputCap * Math.tanh(logits[i] / outputCap);
        }
        return logits;
    }
}
