package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.softmax;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/** Experts behind a router, and those that every token gets. */
final class ExpertMixture {
    /** How the router's numbers become shares: over all experts, each for itself, over the chosen ones only, or by {@link SparseMixer}. */
    enum Shares { SOFTMAX, SIGMOID, SOFTMAX_OF_CHOSEN, SPARSE_MIXER }

    final Linear router;
    final List<FeedForward> experts;
    final int used;
    /** Whether the chosen experts' shares are scaled to a sum of one. */
    boolean renormalise;
    /** An expert for every token, or null. */
    final FeedForward shared;
    /** One row that opens it, or null. */
    final Linear sharedGate;
    Shares shares = Shares.SOFTMAX;
    /** Added to the shares where experts are chosen, not where they are weighed; or null. */
    double[] choice;
    /** What each expert's result is multiplied by, whatever its share; or null. */
    double[] expertScales;
    /** Groups of experts of which only the best {@code groupsUsed} are looked at, by the sum of their two best. */
    int groups = 1;
    int groupsUsed = 1;
    /** An expert's share multiplies what it is given, not what it makes. */
    boolean weighedInput;
    /** What the sum of the experts is multiplied by. */
    double scale = 1;
    /** Small experts that each two neighbours have in common, weighed as they are; or null. */
    List<FeedForward> ofPairs;
    /** What the small experts' results are multiplied by. */
    double pairScale;
    /** As llama.cpp has it: small experts are given what the others made, and get the share of the expert whose number is that of the pair. */
    boolean pairsOfMade;
    /** The sparse mixer's number. */
    double jitter;

    ExpertMixture(Linear router, List<FeedForward> experts, int used, boolean renormalise, FeedForward shared, Linear sharedGate) {
        this.router = router;
        this.experts = experts;
        this.used = used;
        this.renormalise = renormalise;
        this.shared = shared;
        this.sharedGate = sharedGate;
    }

    /** A feed-forward of the model's kind. */
    interface Computation {
        double[] of(FeedForward parts, double[] x);
    }

    double[] of(double[] x, Computation feedForward) {
        return of(x, times(router, x), feedForward);
    }

    /** The same with the router's numbers given, where they are made from something else than the experts' input. */
    double[] of(double[] x, double[] routed, Computation feedForward) {
        double[] weights = weights(routed.clone());
        double[] out = new double[x.length];
        for (int e = 0; e < weights.length; e++) {
            if (weights[e] != 0 && weighedInput) {
                out = plus(out, feedForward.of(experts.get(e), scaled(x, weights[e])), 1);
            } else if (weights[e] != 0) {
                out = plus(out, feedForward.of(experts.get(e), x), weights[e] * scale * (expertScales == null ? 1 : expertScales[e]));
            }
        }
        if (ofPairs != null) {
            out = plus(out, pairs(pairsOfMade ? out : x, routed.clone(), weights, feedForward), pairScale);
        }
        if (shared != null) {
            out = plus(out, feedForward.of(shared, x), sharedGate == null ? 1 : sigmoid(times(sharedGate, x)[0]));
        }
        return out;
    }

    private double[] pairs(double[] x, double[] routed, double[] weights, Computation feedForward) {
        softmax(routed);
        int[] chosen = IntStream.range(0, weights.length).filter(e -> weights[e] != 0).toArray();
        double sum = pairsOfMade ? Arrays.stream(chosen).mapToDouble(e -> routed[e / 2]).sum() : 1;
        double[] out = new double[x.length];
        for (int e : chosen) {
            out = plus(out, feedForward.of(ofPairs.get(e / 2), x), (pairsOfMade ? routed[e / 2] : weights[e]) / sum);
        }
        return out;
    }

    /** One weight per expert, 0 for those that are not chosen. */
    private double[] weights(double[] routed) {
        if (shares == Shares.SPARSE_MIXER) {
            return SparseMixer.weights(routed, jitter);
        }
        if (shares == Shares.SOFTMAX) {
            softmax(routed);
        } else if (shares == Shares.SIGMOID) {
            Arrays.setAll(routed, e -> sigmoid(routed[e]));
        }
        boolean[] taken = outOfReach(routed);
        double[] chosen = new double[used];
        int[] which = new int[used];
        double sum = 0;
        for (int n = 0; n < used; n++) {
            int best = -1;
            for (int e = 0; e < routed.length; e++) {
                best = !taken[e] && (best < 0 || wish(routed, e) > wish(routed, best)) ? e : best;
            }
            taken[best] = true;
            which[n] = best;
            chosen[n] = routed[best];
            sum += routed[best];
        }
        if (shares == Shares.SOFTMAX_OF_CHOSEN) {
            softmax(chosen);
        }
        double[] weights = new double[routed.length];
        for (int n = 0; n < used; n++) {
            weights[which[n]] = renormalise ? chosen[n] / sum : chosen[n];
        }
        return weights;
    }

    /** The members of all groups but the best. */
    private boolean[] outOfReach(double[] routed) {
        boolean[] closed = new boolean[routed.length];
        Arrays.fill(closed, groups > 1);
        int size = routed.length / groups;
        double[] best = new double[groups];
        for (int g = 0; g < groups; g++) {
            int first = g * size;
            double[] sorted = IntStream.range(first, first + size).mapToDouble(e -> wish(routed, e)).sorted().toArray();
            best[g] = sorted[size - 1] + (size > 1 ? sorted[size - 2] : 0);
        }
        IntStream.range(0, groups).boxed().sorted(Comparator.comparingDouble(g -> -best[g])).limit(groupsUsed).forEach(g -> Arrays.fill(closed, g * size, (g + 1) * size, false));
        return closed;
    }

    private double wish(double[] routed, int expert) {
        return routed[expert] + (choice == null ? 0 : choice[expert]);
    }
}
