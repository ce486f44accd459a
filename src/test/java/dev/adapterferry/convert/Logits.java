package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

/** How far the logits of two computations lie apart. */
final class Logits {
    private Logits() { }

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
