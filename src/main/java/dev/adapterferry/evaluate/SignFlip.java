package dev.adapterferry.evaluate;

import java.util.List;
import java.util.Random;

/**
 * Whether paired differences are more than chance (Fisher's permutation test for pairs): were both contenders equally good, each
 * difference might as well have had the other sign, so all ways to give signs are tried, and those counted that are at least as far
 * from zero as what was seen. Exact up to 16 differences that are not zero; beyond that many random ways stand for all, with a fixed
 * seed. Nothing is assumed of how scores are spread, and few prompts cannot prove much: with five differences even "all worse" happens by
 * chance in one of sixteen cases.
 */
final class SignFlip {
    /** Below this chance a difference counts as one. */
    static final double LEVEL = 0.05;
    private static final int EXACT = 16;
    private static final int DRAWS = 20_000;
    private static final long SEED = 20260817;
    /** Sums of the same differences in another order may differ in their last bits. */
    private static final double ROUNDING = 1e-9;

    private SignFlip() { }

    /**
     * How often chance alone brings a mean by weight as far from zero, in either direction.
     *
     * @param differences of pairs
     * @return 0 to 1; 1 without a difference
     */
    static double chance(List<Bootstrap.Sample> differences) {
        double[] parts = differences.stream().mapToDouble(sample -> sample.value() * sample.weight()).filter(part -> part != 0).toArray();
        double sum = 0;
        double size = 0;
        for (double part : parts) {
            sum += part;
            size += Math.abs(part);
        }
        double seen = Math.abs(sum) - ROUNDING * size;
        if (parts.length <= EXACT) {
            int ways = 1 << parts.length;
            int asFar = 0;
            for (int signs = 0; signs < ways; signs++) {
                asFar += Math.abs(signed(parts, signs)) >= seen ? 1 : 0;
            }
            return asFar / (double) ways;
        }
        Random random = new Random(SEED);
        int asFar = 0;
        for (int draw = 0; draw < DRAWS; draw++) {
            double flipped = 0;
            for (double part : parts) {
                flipped += random.nextBoolean() ? part : -part;
            }
            asFar += Math.abs(flipped) >= seen ? 1 : 0;
        }
        // What was seen is one of the ways itself, so chance is never none.
        return (asFar + 1) / (DRAWS + 1.0);
    }

    private static double signed(double[] parts, int signs) {
        double sum = 0;
        for (int i = 0; i < parts.length; i++) {
            sum += (signs >>> i & 1) == 0 ? parts[i] : -parts[i];
        }
        return sum;
    }
}
