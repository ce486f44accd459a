package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q4_1 and Q5_1: 32 values, codes 0 to N = 15 or 31, value = code * d + m.
 *
 * <pre>
 *  Q4_1, 20 bytes          Q5_1, 24 bytes
 *  0  f16  d               0  f16  d
 *  2  f16  m               2  f16  m
 *  4  u8   qs[16]          4  u32  qh       bit i: fifth bit of code i
 *                          8  u8   qs[16]
 * </pre>
 */
final class AffineBlock extends ScalarKernel {
    private final int limit;
    private final int nibblesAt;
    private final AffineSearch search;

    /** @param type {@link GgmlType#Q4_1} or {@link GgmlType#Q5_1} */
    AffineBlock(GgmlType type) {
        super(type);
        limit = type == GgmlType.Q5_1 ? 31 : 15;
        nibblesAt = type == GgmlType.Q5_1 ? 8 : 4;
        search = search(limit == 31);
    }

    /** The search with importance, of Q5_1 or Q4_1. */
    static AffineSearch search(boolean five) {
        return new AffineSearch(32, five ? 31 : 15, -0.9f, 0.05f, 36, false);
    }

    @Override
    boolean needsRowMeanSquare() {
        return true;
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        int[] codes = new int[32];
        float d;
        float m;
        if (importance == null) {
            m = x[0];
            float max = x[0];
            for (float v : x) {
                m = v < m ? v : m;
                max = v > max ? v : max;
            }
            d = (max - m) / limit;
            float k = d != 0 ? 1 / d : 0;
            for (int i = 0; i < 32; i++) {
                int code = Rounding.truncate((x[i] - m) * k + 0.5f);
                // Q5_1 keeps the low five bits of whatever came out, Q4_1 limits it.
                codes[i] = limit == 15 ? Math.min(15, code) : code;
            }
        } else {
            AffineSearch.Fit fit = search.search(x, importanceWeights(x, importance, rowMeanSquare), 0, codes);
            d = fit.scale();
            m = -fit.min();
        }
        out.putShort(0, Rounding.half(d));
        out.putShort(2, Rounding.half(m));
        if (limit == 31) {
            out.putInt(4, CodePacking.fifthBits(codes));
        }
        CodePacking.putNibbles32(codes, 0, out, nibblesAt);
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        int[] codes = new int[32];
        CodePacking.getNibbles32(in, nibblesAt, codes, 0);
        if (limit == 31) {
            CodePacking.addFifthBits(in.getInt(4), codes);
        }
        float d = Float.float16ToFloat(in.getShort(0));
        float m = Float.float16ToFloat(in.getShort(2));
        for (int i = 0; i < 32; i++) {
            y[at + i] = codes[i] * d + m;
        }
    }
}
