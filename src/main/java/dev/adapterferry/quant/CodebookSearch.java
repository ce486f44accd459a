package dev.adapterferry.quant;

/**
 * The 16 unevenly spaced levels of IQ4_NL and IQ4_XS, and the scale search of their sub-blocks of 32: a weighted least
 * squares fit over 15 inverse scales around {@code T0 / max}. ggml's {@code quantize_row_iq4_nl_impl} with its guard of March 2026.
 */
final class CodebookSearch {
    /** Values in the order of their codes. */
    private static final float[] LEVELS = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

    private CodebookSearch() {
    }

    /** The level of a code. */
    static float level(int code) {
        return LEVELS[code];
    }

    /** The middle between the level of a code, 1 to 15, and the one below it. */
    static float midpoint(int code) {
        return (LEVELS[code - 1] + LEVELS[code]) / 2;
    }

    /** The code whose level is nearest to {@code v}; in the middle the upper one. */
    static int nearest(float v) {
        if (v <= LEVELS[0]) {
            return 0;
        }
        if (v >= LEVELS[15]) {
            return 15;
        }
        int low = 0;
        while (!(v < LEVELS[low + 1]) && low < 14) {
            low++;
        }
        return v - LEVELS[low] < LEVELS[low + 1] - v ? low : low + 1;
    }

    /**
     * Searches 32 values.
     *
     * @param x  values
     * @param w  weights at the same indices
     * @param at index of the first value
     * @return the scale, of either sign; 0 for values that are all below 1e-15
     */
    static float search(float[] x, float[] w, int at) {
        float max = SymmetricSearch.signedMax(x, at, 32);
        if (Math.abs(max) < Rounding.GROUP_EPSILON) {
            return 0;
        }
        float scale = 0;
        float best = 0;
        for (int candidate = -8; candidate <= 7; candidate++) {
            boolean first = candidate == -8;
            float k = first ? 1 / (-max / LEVELS[0]) : (candidate + LEVELS[0]) / max;
            float p = 0;
            float q = 0;
            for (int i = at; i < at + 32; i++) {
                float v = LEVELS[nearest(k * x[i])];
                p += w[i] * v * x[i];
                q += w[i] * v * v;
            }
            if (q > 0 && (first || p * p > best * q)) {
                scale = p / q;
                best = scale * p;
            }
        }
        return scale;
    }

    /**
     * Weights of a run of sub-blocks that share one variance.
     *
     * @param x          values of the whole run
     * @param importance one per value, or null for {@code x^2}
     */
    static float[] weights(float[] x, float[] importance) {
        if (importance != null) {
            return ScalarKernel.importanceWeights(x, importance, ScalarKernel.sumOfSquares(x, 0, x.length) * (2f / x.length));
        }
        float[] w = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            w[i] = x[i] * x[i];
        }
        return w;
    }
}
