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
        AffineSearch search = importance == null ? plain : weighted;
        int[] codes = new int[256];
        float[] scale = new float[8];
        float[] min = new float[8];
        float[] sumW = new float[8];
        for (int j = 0; j < 8; j++) {
            AffineSearch.Fit fit = search.search(x, w, 32 * j, codes);
            scale[j] = fit.scale();
            min[j] = fit.min();
            sumW[j] = sum(w, 32 * j, 32);
        }
        int[] a = new int[8];
        int[] b = new int[8];
        float d = importance == null ? levels(scale, a) : LEVELS.search(scale, sumW, a);
        float dmin = importance == null ? levels(min, b) : LEVELS.search(min, sumW, b);
        out.putShort(0, Rounding.half(d));
        out.putShort(2, Rounding.half(dmin));
        SixBitScales.put(a, b, out, 4);

        float storedD = Rounding.throughHalf(d);
        float storedMin = Rounding.throughHalf(dmin);
        for (int i = 0; i < 256; i++) {
            float step = storedD * a[i / 32];
            if (step != 0) {
                codes[i] = Rounding.nearestEven((x[i] + storedMin * b[i / 32]) / step, 0, limit);
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

    /** Levels 0 to 63 of 8 values; returns their unit. */
    private static float levels(float[] values, int[] levels) {
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
