package dev.adapterferry.quant;

/**
 * Scale search for symmetric codes: finds {@code scale} and integers {@code l} in {@code [-N, N-1]} so that
 * {@code scale * l} is near {@code x} in weighted least squares, trying 19 inverse scales around {@code -N / max}.
 * ggml's {@code make_qx_quants} with {@code rmse_type 1}.
 *
 * @param n group size
 * @param limit N; codes are {@code l + N}, 0 to {@code 2N - 1}
 */
record SymmetricSearch(int n, int limit) {
    /**
     * Searches one group.
     *
     * @param x       values, {@code n} from {@code at}
     * @param w       weights at the same indices, or null for {@code x^2}
     * @param at      index of the first value
     * @param codes   receives the codes at the same indices; all 0 for a group without values above 1e-15
     * @return the scale; either sign, since the largest magnitude tends to {@code -N}
     */
    float search(float[] x, float[] w, int at, int[] codes) {
        float max = signedMax(x, at, n);
        if (Math.abs(max) < Rounding.GROUP_EPSILON) {
            java.util.Arrays.fill(codes, at, at + n, 0);
            return 0;
        }
        float scale = 0;
        float best = 0;
        for (int candidate = 0; candidate < 19; candidate++) {
            // 0, then -9 to 9 without 0.
            int t = candidate == 0 ? 0 : candidate <= 9 ? candidate - 10 : candidate - 9;
            float k = t == 0 ? -limit / max : -(limit + 0.1f * t) / max;
            float p = 0;
            float s = 0;
            for (int i = at; i < at + n; i++) {
                int l = Rounding.nearestEven(k * x[i], -limit, limit - 1);
                float weight = w == null ? x[i] * x[i] : w[i];
                p += weight * x[i] * l;
                s += weight * l * l;
            }
            if (t == 0 || s > 0 && p * p > best * s) {
                for (int i = at; i < at + n; i++) {
                    codes[i] = Rounding.nearestEven(k * x[i], -limit, limit - 1) + limit;
                }
                scale = s != 0 ? p / s : 0;
                best = scale * p;
            }
        }
        return scale;
    }

    /** The value of largest magnitude with its sign; the first one when several are equal; 0 for an all-zero group. */
    static float signedMax(float[] x, int at, int n) {
        float largest = 0;
        float max = 0;
        for (int i = at; i < at + n; i++) {
            if (Math.abs(x[i]) > largest) {
                largest = Math.abs(x[i]);
                max = x[i];
            }
        }
        return max;
    }
}
