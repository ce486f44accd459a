package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.exactGelu;
import static dev.adapterferry.convert.Arithmetic.gelu;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.tableGelu;
import static dev.adapterferry.convert.Arithmetic.times;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntToDoubleFunction;
import java.util.function.UnaryOperator;

/**
 * A transformer's forward pass in double arithmetic, written from the definitions of the models and slow on purpose: one
 * loop per sum, no cache, no fusing. It is filled from a checkpoint ({@link CheckpointDecoder}) and says what llama.cpp must say.
 */
final class Decoder {
    /** Weights (null for ones), and the bias that some norms have; null where a model has no norm at this place. */
    record Norm(double[] weight, double[] bias) { }

    /** Rows of outputs, and their biases or null. */
    record Linear(double[][] weight, double[] bias) { }

    /** A feed-forward; without a gate when {@code gate} is null. */
    record FeedForward(Linear gate, Linear up, Linear down) { }

    /** What stands in the place of attention where a layer has something else. */
    interface Mixer {
        /** One row per token, the norm before it already taken. */
        double[][] of(double[][] x);
    }

    /** What one layer has; parts that a model lacks stay null. */
    static final class Layer {
        Norm attentionNorm;
        Norm queryNorm;
        Norm keyNorm;
        Norm afterAttention;
        Norm feedForwardNorm;
        Norm afterFeedForward;
        /** Of all that has gone through the layers so far, or null. */
        Norm closing;
        Linear query;
        Linear key;
        Linear value;
        Linear output;
        /** Null, as the experts are, where a layer has its mixer alone. */
        FeedForward dense;
        /** Set instead of a feed-forward where that looks at other tokens too. */
        Mixer neighbourly;
        ExpertMixture experts;
        /** Set instead of the parts of an attention where a layer has something else, or an attention of its own kind. */
        Mixer mixer;
        /** Positions that a token sees, itself included; 0 for all. */
        int window;
        boolean rotated = true;
        /** Divisors and magnitude of the rotation hold for this layer. */
        boolean scaled = true;
        /** Norms of queries and keys have weights of each head's own. */
        boolean normedByHead;
        double ropeBase;
        /** One score per head that takes a share of the softmax and gives nothing, or null. */
        double[] sinks;
        /** The router looks at what the layer is given, not at what its experts are. */
        boolean routesByInput;
        /** Made of what the layer is given, and added to what it makes; or null. */
        UnaryOperator<double[]> beside;
        /** What the layer does with gate and up instead of the model's activation, or null. */
        Gating gating;
    }

    /** Gate and up become the input of down; without a gate, {@code up} is 1 and {@code gate} what up gave. */
    interface Gating {
        double of(double gate, double up);
    }

    /** GELU as it is defined, and by its usual approximation. */
    enum Activation { SILU, GELU, GELU_TANH, SQUARED_RELU }

    int heads;
    int keyHeads;
    int headSize;
    int ropeDimensions;
    /** True when neighbours 2i and 2i+1 turn together, false when i and i + half do. */
    boolean neighbours;
    /** Divisors of the rope frequencies, or null. */
    double[] ropeFactors;
    /** Of the last layer read that has one; layers behind without take what it chose. */
    LightningIndexer indexer;
    /** Cosines and sines are multiplied by this. */
    double ropeMagnitude = 1;
    double attentionScale;
    double attentionCap;
    double outputCap;
    double embeddingScale = 1;
    double residualScale = 1;
    double outputScale = 1;
    /** Where results are added to what the norm before made: what that is multiplied by; or 0. */
    double normedResidual;
    double epsilon;
    /** Mean and variance are taken out, not only the root mean square. */
    boolean layerNorm;
    /** Queries and keys are normalised after they are turned. */
    boolean normedAfterTurning;
    /** What queries of a position are multiplied by, or null. */
    IntToDoubleFunction temperature;
    /** False where no layer turns queries and keys. */
    boolean rotated = true;
    /** How much each head minds distance (ALiBi), or null. */
    double[] slopes;
    /** Queries, keys and values are cut off here; 0 for nowhere. */
    double clip;
    /** Tokens see those behind them too. */
    boolean ahead;
    /** Attention and feed-forward read the same normed input. */
    boolean parallel;
    /** Takes GELU from llama.cpp's table. */
    boolean coarse;
    Activation activation = Activation.SILU;
    double[][] embedding;
    /** Learned rows, one per position, added to the embedding; or null. */
    double[][] positions;
    /** Of what the first layer is given, or null. */
    Norm embeddingNorm;
    Norm outputNorm;
    Linear output;
    final List<Layer> layers = new ArrayList<>();

    /** One row of logits per token. */
    double[][] logits(int... tokens) {
        return each(states(tokens), row -> {
            double[] logits = scaled(times(output, row), outputScale);
            for (int i = 0; i < logits.length && outputCap > 0; i++) {
                logits[i] = outputCap * Math.tanh(logits[i] / outputCap);
            }
            return logits;
        });
    }

    /** One vector per token, from which the head makes the logits. */
    double[][] states(int... tokens) {
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = scaled(embedding[tokens[t]], embeddingScale);
            x[t] = norm(positions == null ? x[t] : plus(x[t], positions[t], 1), embeddingNorm);
        }
        for (Layer layer : layers) {
            double[][] given = x.clone();
            double[][] normed = each(x, row -> norm(row, layer.attentionNorm));
            double[][] attended = each(mixer(layer).of(normed), row -> norm(row, layer.afterAttention));
            double[][] after = new double[x.length][];
            for (int t = 0; t < x.length; t++) {
                after[t] = plus(normedResidual == 0 ? x[t] : scaled(normed[t], normedResidual), attended[t], residualScale);
            }
            if (layer.dense == null && layer.experts == null && layer.neighbourly == null) {
                x = after;
                continue;
            }
            // Beside the attention, the feed-forward reads what that reads, or the same with a norm of its own.
            double[][] input = parallel && layer.feedForwardNorm == null ? normed : each(parallel ? x : after, row -> norm(row, layer.feedForwardNorm));
            double[][] made = layer.neighbourly != null ? layer.neighbourly.of(input) : new double[x.length][];
            for (int t = 0; t < x.length; t++) {
                made[t] = layer.neighbourly != null ? made[t] : feedForward(layer, input[t], given[t]);
                x[t] = plus(normedResidual == 0 ? after[t] : scaled(input[t], normedResidual), norm(made[t], layer.afterFeedForward), residualScale);
                x[t] = layer.beside == null ? x[t] : plus(x[t], layer.beside.apply(given[t]), 1);
            }
            x = each(x, row -> norm(row, layer.closing));
        }
        return each(x, row -> norm(row, outputNorm));
    }

    private Mixer mixer(Layer layer) {
        return layer.mixer != null ? layer.mixer : attention(layer);
    }

    /** The attention that the layer's parts and the model's numbers make. */
    SelfAttention attention(Layer layer) {
        SelfAttention a = new SelfAttention();
        a.heads = heads;
        a.keyHeads = keyHeads;
        a.headSize = headSize;
        a.ropeDimensions = ropeDimensions;
        a.ropeBase = layer.ropeBase;
        a.rotated = rotated && layer.rotated;
        a.neighbours = neighbours;
        a.ropeFactors = layer.scaled ? ropeFactors : null;
        a.ropeMagnitude = layer.scaled ? ropeMagnitude : 1;
        a.scale = attentionScale;
        a.cap = attentionCap;
        a.window = layer.window;
        a.ahead = ahead;
        a.queryNorm = layer.queryNorm;
        a.keyNorm = layer.keyNorm;
        a.normedAfterTurning = normedAfterTurning;
        a.normedByHead = layer.normedByHead;
        a.temperature = temperature;
        a.sinks = layer.sinks;
        a.slopes = slopes;
        a.clip = clip;
        a.query = layer.query;
        a.key = layer.key;
        a.value = layer.value;
        a.output = layer.output;
        a.norm = this::norm;
        return a;
    }

    private double[] feedForward(Layer layer, double[] x, double[] given) {
        Gating gating = layer.gating != null ? layer.gating : (gate, up) -> activated(gate) * up;
        return layer.experts == null ? feedForward(layer.dense, x, gating)
                : layer.experts.of(x, times(layer.experts.router, layer.routesByInput ? given : x), (parts, row) -> feedForward(parts, row, gating));
    }

    /** Down of what the gating makes of gate and up. */
    static double[] feedForward(FeedForward parts, double[] x, Gating gating) {
        double[] up = times(parts.up(), x);
        double[] gate = parts.gate() == null ? up : times(parts.gate(), x);
        double[] inner = new double[up.length];
        for (int i = 0; i < up.length; i++) {
            inner[i] = gating.of(gate[i], parts.gate() == null ? 1 : up[i]);
        }
        return times(parts.down(), inner);
    }

    private double activated(double x) {
        return switch (activation) {
            case SILU -> silu(x);
            case GELU, GELU_TANH -> coarse ? tableGelu(x) : activation == Activation.GELU ? exactGelu(x) : gelu(x);
            case SQUARED_RELU -> x > 0 ? x * x : 0;
        };
    }

    private double[] norm(double[] x, Norm norm) {
        return layerNorm ? Arithmetic.layerNorm(x, norm, epsilon) : Arithmetic.rms(x, norm, epsilon);
    }
}
