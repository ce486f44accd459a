package dev.adapterferry.quant;

import java.util.Arrays;

/**
 * Scale and minimum search for codes 0 to N: finds {@code scale * c - min} near {@code x}, {@code min >= 0}, by weighted
 * least squares over a ladder of inverse scales. ggml's {@code make_qkx2_quants} and {@code make_qkx3_quants}.
 *
 * @param n         group size
 * @param limit     N, the largest code
 * @param start     first addend of the ladder to N
 * @param step      distance of its rungs
 * @param steps     number of the last rung, counted from 0
 * @param absolute  compare weighted absolute errors instead of squares
 */
record AffineSearch(int n, int limit, float start, float step, int steps, boolean absolute) {
    /**
     * What a search found.
     *
     * @param scale distance of two codes
     * @param min   what is subtracted, 0 or more
     */
    record Fit(float scale, float min) {
    }

    /**
     * Searches one group.
     *
     * @param x     values, {@code n} from {@code at}
     * @param w     weights at the same indices
     * @param at    index of the first value
     * @param codes receives the codes at the same indices
     */
    Fit search(float[] x, float[] w, int at, int[] codes) {
        float min = x[at];
        float max = x[at];
        float sumW = w[at];
        float sumX = w[at] * x[at];
        for (int i = at + 1; i < at + n; i++) {
            min = x[i] < min ? x[i] : min;
            max = x[i] > max ? x[i] : max;
            sumW += w[i];
            sumX += w[i] * x[i];
        }
        min = min > 0 ? 0 : min;
        if (max <= min) {
            Arrays.fill(codes, at, at + n, 0);
            return new Fit(0, -min);
        }
        float scale = 1 / (limit / (max - min));
        round(limit / (max - min), x, min, at, codes, at);
        float smallest = error(scale, min, x, w, at, codes, at);
        int[] candidate = new int[n];
        for (int rung = 0; rung <= steps; rung++) {
            // The minimum of the best fit so far takes part in the next candidate, the maximum stays.
            round((start + step * rung + limit) / (max - min), x, min, at, candidate, 0);
            float a = 0;
            float b = 0;
            float c = 0;
            for (int i = 0; i < n; i++) {
                float wl = w[at + i] * candidate[i];
                a += wl;
                b += wl * candidate[i];
                c += wl * x[at + i];
            }
            float determinant = sumW * b - a * a;
            if (!(determinant > 0)) {
                continue;
            }
            float fittedScale = (sumW * c - sumX * a) / determinant;
            float fittedMin = (b * sumX - a * c) / determinant;
            if (fittedMin > 0) {
                fittedMin = 0;
                fittedScale = c / b;
            }
            float error = error(fittedScale, fittedMin, x, w, at, candidate, 0);
            if (error < smallest) {
                smallest = error;
                scale = fittedScale;
                min = fittedMin;
                System.arraycopy(candidate, 0, codes, at, n);
            }
        }
        return new Fit(scale, -min);
    }

    private void round(float k, float[] x, float min, int at, int[] codes, int codesAt) {
        for (int i = 0; i < n; i++) {
            codes[codesAt + i] = Rounding.nearestEven(k * (x[at + i] - min), 0, limit);
        }
    }

    private float error(float scale, float min, float[] x, float[] w, int at, int[] codes, int codesAt) {
        float sum = 0;
        for (int i = 0; i < n; i++) {
            float delta = scale * codes[codesAt + i] + min - x[at + i];
            sum += w[at + i] * (absolute ? Math.abs(delta) : delta * delta);
        }
        return sum;
    }
}
