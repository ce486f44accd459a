package dev.adapterferry.quant;

import java.util.Arrays;

/**
 * Scale search of Q3_K without importance: rounds once, then lets each code move to where it serves the others best,
 * for at most five passes. ggml's {@code make_q3_quants} with its zero guard of August 2025.
 */
final class RefinedSymmetricSearch {
    /** Group size. */
    private static final int SIZE = 16;
    /** Codes are {@code l + LIMIT} with l in {@code [-LIMIT, LIMIT - 1]}. */
    private static final int LIMIT = 4;

    private RefinedSymmetricSearch() {
    }

    /**
     * Searches one group of 16.
     *
     * @param x     values
     * @param at    index of the first one
     * @param codes receives codes 0 to 7 at the same indices
     * @return the scale
     */
    static float search(float[] x, int at, int[] codes) {
        float max = SymmetricSearch.signedMax(x, at, SIZE);
        if (Math.abs(max) < Rounding.GROUP_EPSILON) {
            Arrays.fill(codes, at, at + SIZE, 0);
            return 0;
        }
        float k = -LIMIT / max;
        float p = 0;
        float s = 0;
        for (int i = at; i < at + SIZE; i++) {
            int l = Rounding.nearestEven(k * x[i], -LIMIT, LIMIT - 1);
            float w = x[i] * x[i];
            p += w * x[i] * l;
            s += w * l * l;
            codes[i] = l + LIMIT;
        }
        for (int pass = 0; pass < 5; pass++) {
            boolean changed = false;
            for (int i = at; i < at + SIZE; i++) {
                int old = codes[i] - LIMIT;
                float w = x[i] * x[i];
                float otherP = p - w * x[i] * old;
                if (!(otherP > 0)) {
                    continue;
                }
                float otherS = s - w * old * old;
                int l = Rounding.nearestEven(x[i] * otherS / otherP, -LIMIT, LIMIT - 1);
                if (l != old) {
                    otherP += w * x[i] * l;
                    otherS += w * l * l;
                    if (otherS > 0 && otherP * otherP * s > p * p * otherS) {
                        codes[i] = l + LIMIT;
                        p = otherP;
                        s = otherS;
                        changed = true;
                    }
                }
            }
            if (!changed) {
                break;
            }
        }
        return s > 0 ? p / s : 0;
    }
}
