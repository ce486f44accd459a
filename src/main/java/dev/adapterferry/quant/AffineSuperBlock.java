package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q4_K and Q5_K: 256 values in 8 sub-blocks of 32, each with a 6-bit scale a and a 6-bit minimum b,
 * value = (d * a) * code - dmin * b, codes 0 to 15 or 31.
 *
 * <pre>
 *  Q4_K, 144 bytes              Q5_K, 176 bytes
 *   0  f16  d                    0  f16  d
 *   2  f16  dmin                 2  f16  dmin
 *   4  u8   scales[12]           4  u8   scales[12]     see {@link SixBitScales}
 *  16  u8   qs[128]             16  u8   qh[32]         fifth bits
 *                               48  u8   qs[128]
 * </pre>
 */
final class AffineSuperBlock extends ScalarKernel {
    private static final PositiveSearch LEVELS = new PositiveSearch(8, 63);

    private final int limit;
    private final int nibblesAt;
    private final AffineSearch plain;
    private final AffineSearch weighted;

    /** @param type {@link GgmlType#Q4_K} or {@link GgmlType#Q5_K} */
    AffineSuperBlock(GgmlType type) {
        super(type);
        limit = type == GgmlType.Q5_K ? 31 : 15;
        nibblesAt = type == GgmlType.Q5_K ? 48 : 16;
        plain = type == GgmlType.Q5_K
                ? new AffineSearch(32, 31, -0.5f, 0.1f, 15, false)
                : new AffineSearch(32, 15, -1f, 0.1f, 20, false);
        weighted = new AffineSearch(32, limit, -0.9f, 0.05f, 36, false);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float[] w = importance == null
                ? weights(x)
                : importanceWeights(x, importance, 2 * sumOfSquares(x, 0, 256) / 256);
        int[] codes = new int[256];
        float[] scale = new float[8];
        float[] min = new float[8];
        float[] sumW = new float[8];
        for (int j = 0; j < 8; j++) {
            AffineSearch.Fit fit = search(importance != null).search(x, w, 32 * j, codes);
            scale[j] = fit.scale();
            min[j] = fit.min();
            sumW[j] = sum(w, 32 * j, 32);
        }
        int[] a = new int[8];
        int[] b = new int[8];
        float d = putLevels(scale, a, sumW, importance != null, out, 0);
        float dmin = putLevels(min, b, sumW, importance != null, out, 2);
        SixBitScales.put(a, b, out, 4);
        for (int i = 0; i < 256; i++) {
            float step = d * a[i / 32];
            if (step != 0) {
                codes[i] = Rounding.nearestEven((x[i] + dmin * b[i / 32]) / step, 0, limit);
            }
        }
        if (limit == 31) {
            CodePacking.putBits256(codes, 4, out, 16);
        }
        CodePacking.putNibbles256(codes, out, nibblesAt);
    }

    /** Without importance: |x| plus the root mean square of the sub-block. */
    private static float[] weights(float[] x) {
        float[] w = new float[256];
        for (int j = 0; j < 256; j += 32) {
            float rms = Rounding.sqrt(sumOfSquares(x, j, 32) / 32);
            for (int i = j; i < j + 32; i++) {
                w[i] = rms + Math.abs(x[i]);
            }
        }
        return w;
    }

    /**
     * Expresses 8 scales or minima as levels 0 to 63 of a common unit, and stores the unit.
     *
     * @param values     8 scales or minima
     * @param levels     receives their levels
     * @param sumW       sum of the weights of each sub-block, which count with importance only
     * @param importance whether to search the unit under those weights
     * @param out        the block
     * @param at         where the unit belongs, as binary16
     * @return the unit as stored
     */
    float putLevels(float[] values, int[] levels, float[] sumW, boolean importance, ByteBuffer out, int at) {
        float unit = importance ? LEVELS.search(values, sumW, levels) : plainLevels(values, levels);
        out.putShort(at, Rounding.half(unit));
        return Rounding.throughHalf(unit);
    }

    private static float plainLevels(float[] values, int[] levels) {
        float max = 0;
        for (float v : values) {
            max = v > max ? v : max;
        }
        float k = max > 0 ? 63 / max : 0;
        for (int j = 0; j < 8; j++) {
            levels[j] = Math.min(63, Rounding.nearestEven(k * values[j]) & 0xff);
        }
        return max / 63;
    }

    /** The search of the sub-blocks. */
    AffineSearch search(boolean importance) {
        return importance ? weighted : plain;
    }

    /** Largest code. */
    int limit() {
        return limit;
    }

    /** Offset of the low nibbles. */
    int nibblesAt() {
        return nibblesAt;
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(0));
        float dmin = Float.float16ToFloat(in.getShort(2));
        for (int i = 0; i < 256; i++) {
            int code = CodePacking.nibble256(in, nibblesAt, i) | (limit == 31 ? CodePacking.bit256(in, 16, i) << 4 : 0);
            y[at + i] = d * SixBitScales.scale(in, 4, i / 32) * code - dmin * SixBitScales.min(in, 4, i / 32);
        }
    }
}
