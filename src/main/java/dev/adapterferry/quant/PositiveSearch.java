package dev.adapterferry.quant;

import java.util.Arrays;

/**
 * Scale search for values that are 0 or more, codes 0 to N: the scales and minima of a super-block under importance
 * weights. ggml's {@code make_qp_quants} with its zero guards of August 2025.
 *
 * @param n     group size
 * @param limit N, the largest code
 */
record PositiveSearch(int n, int limit) {
    /**
     * Searches one group.
     *
     * @param v     values
     * @param w     their weights
     * @param codes receives the codes
     * @return the scale
     */
    float search(float[] v, float[] w, int[] codes) {
        float max = 0;
        for (int i = 0; i < n; i++) {
            max = Math.max(max, v[i]);
        }
        if (max < Rounding.GROUP_EPSILON) {
            Arrays.fill(codes, 0, n, 0);
            return 0;
        }
        float k = bestInverseScale(max, v, w);
        float p = 0;
        float s = 0;
        for (int i = 0; i < n; i++) {
            int l = code(k * v[i]);
            codes[i] = l & 0xff;
            p += w[i] * v[i] * l;
            s += w[i] * l * l;
        }
        for (int pass = 0; pass < 5; pass++) {
            boolean changed = false;
            for (int i = 0; i < n; i++) {
                // p and s without this value tell which code would serve the others best.
                float otherP = p - w[i] * v[i] * codes[i];
                float otherS = s - w[i] * codes[i] * codes[i];
                if (!(otherP > 0 && otherS > 0)) {
                    continue;
                }
                int l = code(v[i] * otherS / otherP);
                if (l != codes[i]) {
                    otherP += w[i] * v[i] * l;
                    otherS += w[i] * l * l;
                    if (otherP * otherP * s > p * p * otherS) {
                        codes[i] = l & 0xff;
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

    private float bestInverseScale(float max, float[] v, float[] w) {
        float k = limit / max;
        float scale = 1 / k;
        float best = 0;
        for (int i = 0; i < n; i++) {
            // The first candidate is stored as an unsigned byte and not limited to N.
            float d = v[i] - scale * (Rounding.nearestEven(k * v[i]) & 0xff);
            best += w[i] * d * d;
        }
        for (int t = -4; t <= 4; t++) {
            if (t == 0) {
                continue;
            }
            float candidate = (0.1f * t + limit) / max;
            float candidateScale = 1 / candidate;
            float error = 0;
            for (int i = 0; i < n; i++) {
                float d = v[i] - candidateScale * code(candidate * v[i]);
                error += w[i] * d * d;
            }
            if (error < best) {
                best = error;
                k = candidate;
            }
        }
        return k;
    }

    private int code(float v) {
        return Math.min(limit, Rounding.nearestEven(v));
    }
}
