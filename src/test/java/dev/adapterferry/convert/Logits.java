package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.nio.file.Path;

/** The logits that llama.cpp computes, and how far those of two computations lie apart. */
final class Logits {
    private Logits() { }

    /** What the embedded llama.cpp computes from a file, keys and values kept as F32: one row per token. */
    static double[][] ofEmbedded(Path file, int... tokens) {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = LlamaContext.exact(model, 64, 1)) {
            return doubles(context.decodeAll(tokens));
        }
    }

    /** What the current llama.cpp computes from a file, in the same way. */
    static double[][] ofCurrent(Path file, int... tokens) {
        return doubles(CurrentLlama.logits(file, tokens));
    }

    private static double[][] doubles(float[][] rows) {
        double[][] logits = new double[rows.length][rows[0].length];
        for (int t = 0; t < rows.length; t++) {
            for (int i = 0; i < rows[t].length; i++) {
                logits[t][i] = rows[t][i];
            }
        }
        return logits;
    }

    /** The largest difference of any logit, relative to the largest logit. */
    static double difference(double[][] found, double[][] expected) {
        double largest = 0;
        double worst = 0;
        for (int t = 0; t < expected.length; t++) {
            for (int i = 0; i < expected[t].length; i++) {
                largest = Math.max(largest, Math.abs(expected[t][i]));
                worst = Math.max(worst, Math.abs(found[t][i] - expected[t][i]));
            }
        }
        assertThat(largest).as("logits that tell something").isGreaterThan(0.01);
        return worst / largest;
    }
}
