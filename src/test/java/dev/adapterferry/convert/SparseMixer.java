package dev.adapterferry.convert;

/**
 * The router of Phi-3.5-MoE when it does not learn ({@code sparsemixer} in transformers): two experts, chosen one after the other. Each one's weight is its
 * share among the experts that score about as high as it; the second is weighed without the first, so that both weigh 1 unless others come close.
 */
final class SparseMixer {
    private static final int CHOSEN = 2;

    private SparseMixer() { }

    /**
     * One weight per expert, 0 for those that are not chosen.
     *
     * @param scores what the router says of each expert
     * @param jitter {@code router_jitter_noise}: half of the relative distance that counts as close
     */
    static double[] weights(double[] scores, double jitter) {
        double[] left = scores.clone();
        double[] weights = new double[scores.length];
        for (int n = 0; n < CHOSEN; n++) {
            int best = 0;
            for (int e = 1; e < left.length; e++) {
                best = left[e] > left[best] ? e : best;
            }
            double highest = left[best];
            double sum = 0;
            for (int e = 0; e < left.length; e++) {
                boolean close = (highest - scores[e]) / Math.max(Math.abs(scores[e]), highest) <= 2 * jitter;
                sum += close ? Math.exp(left[e] - highest) : 0;
            }
            weights[best] = 1 / sum;
            left[best] = Double.NEGATIVE_INFINITY;
        }
        return weights;
    }
}
