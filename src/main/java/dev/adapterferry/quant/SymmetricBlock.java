package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q4_0 and Q5_0: 32 values, codes around N = 8 or 16, value = (code - N) * d.
 *
 * <pre>
 *  Q4_0, 18 bytes          Q5_0, 22 bytes
 *  0  f16  d               0  f16  d
 *  2  u8   qs[16]          2  u32  qh       bit i: fifth bit of code i
 *                          6  u8   qs[16]
 * </pre>
 */
final class SymmetricBlock extends ScalarKernel {
    private final int limit;
    private final int nibblesAt;
    private final SymmetricSearch search;

    /** @param type {@link GgmlType#Q4_0} or {@link GgmlType#Q5_0} */
    SymmetricBlock(GgmlType type) {
        super(type);
        limit = type == GgmlType.Q5_0 ? 16 : 8;
        nibblesAt = type == GgmlType.Q5_0 ? 6 : 2;
        search = search(limit == 16);
    }

    /** The search with importance, of Q5_0 or Q4_0. */
    static SymmetricSearch search(boolean five) {
        return new SymmetricSearch(32, five ? 16 : 8);
    }

    @Override
    boolean needsRowMeanSquare() {
        return true;
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        int[] codes = new int[32];
        float d;
        if (importance == null) {
            d = SymmetricSearch.signedMax(x, 0, 32) / -limit;
            float k = d != 0 ? 1 / d : 0;
            for (int i = 0; i < 32; i++) {
                codes[i] = Math.min(2 * limit - 1, Rounding.truncate(x[i] * k + (limit + 0.5f)));
            }
        } else {
            d = search.search(x, importanceWeights(x, importance, rowMeanSquare), 0, codes);
        }
        out.putShort(0, Rounding.half(d));
        if (limit == 16) {
            out.putInt(2, CodePacking.fifthBits(codes));
        }
        CodePacking.putNibbles32(codes, 0, out, nibblesAt);
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        int[] codes = new int[32];
        CodePacking.getNibbles32(in, nibblesAt, codes, 0);
        if (limit == 16) {
            CodePacking.addFifthBits(in.getInt(2), codes);
        }
        float d = Float.float16ToFloat(in.getShort(0));
        for (int i = 0; i < 32; i++) {
            y[at + i] = (codes[i] - limit) * d;
        }
    }
}
