package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q2_K: 256 values in 16 sub-blocks of 16, each with a 4-bit scale a and a 4-bit minimum b,
 * value = (d * a) * code - dmin * b, codes 0 to 3.
 *
 * <pre>
 *   0  u8   scales[16]    a | b &lt;&lt; 4
 *  16  u8   qs[64]
 *  80  f16  d
 *  82  f16  dmin          84 bytes
 * </pre>
 */
final class Q2_K extends ScalarKernel {
    private static final AffineSearch PLAIN = new AffineSearch(16, 3, -0.5f, 0.1f, 15, true);
    private static final AffineSearch WEIGHTED = new AffineSearch(16, 3, -0.9f, 0.05f, 36, false);
    private static final PositiveSearch LEVELS = new PositiveSearch(16, 15);

    Q2_K() {
        super(GgmlType.Q2_K);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float[] w = importance == null ? magnitudes(x) : importanceWeights(x, importance, sumOfSquares(x, 0, 256) / 256);
        int[] codes = new int[256];
        float[] scale = new float[16];
        float[] min = new float[16];
        float[] sumW = new float[16];
        for (int j = 0; j < 16; j++) {
            AffineSearch.Fit fit = search(importance != null).search(x, w, 16 * j, codes);
            scale[j] = fit.scale();
            min[j] = fit.min();
            sumW[j] = sum(w, 16 * j, 16);
        }
        int[] a = new int[16];
        int[] b = new int[16];
        float d = putLevels(scale, a, sumW, importance != null, out, 80);
        float dmin = putLevels(min, b, sumW, importance != null, out, 82);
        for (int j = 0; j < 16; j++) {
            byte packed = (byte) (a[j] | b[j] << 4);
            out.put(j, packed);
            float step = d * (packed & 15);
            if (step != 0) {
                float offset = dmin * (packed >> 4 & 15);
                for (int i = 16 * j; i < 16 * j + 16; i++) {
                    codes[i] = Rounding.nearestEven((x[i] + offset) / step, 0, 3);
                }
            }
        }
        CodePacking.putPairs256(codes, 0, out, 16);
    }

    private static float[] magnitudes(float[] x) {
        float[] w = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            w[i] = Math.abs(x[i]);
        }
        return w;
    }

    /**
     * Expresses 16 scales or minima as levels 0 to 15 of a common unit, and stores the unit.
     *
     * @param values     16 scales or minima
     * @param levels     receives their levels
     * @param sumW       sum of the weights of each sub-block, which count with importance only
     * @param importance whether to search the unit under those weights
     * @param out        the block
     * @param at         where the unit belongs, as binary16
     * @return the unit as stored
     */
    static float putLevels(float[] values, int[] levels, float[] sumW, boolean importance, ByteBuffer out, int at) {
        float unit = importance ? LEVELS.search(values, sumW, levels) : plainLevels(values, levels);
        out.putShort(at, Rounding.half(unit));
        return Rounding.throughHalf(unit);
    }

    private static float plainLevels(float[] values, int[] levels) {
        float max = 0;
        for (float v : values) {
            max = v > max ? v : max;
        }
        float k = max > 0 ? 15 / max : 0;
        for (int j = 0; j < 16; j++) {
            levels[j] = Rounding.nearestEven(k * values[j]);
        }
        return max / 15;
    }

    /** The search of the sub-blocks. */
    static AffineSearch search(boolean importance) {
        return importance ? WEIGHTED : PLAIN;
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(80));
        float dmin = Float.float16ToFloat(in.getShort(82));
        for (int i = 0; i < 256; i++) {
            byte packed = in.get(i / 16);
            y[at + i] = d * (packed & 15) * CodePacking.pair256(in, 16, i) - dmin * (packed >> 4 & 15);
        }
    }
}
