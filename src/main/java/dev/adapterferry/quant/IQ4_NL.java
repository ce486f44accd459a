package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * IQ4_NL: 32 values in 18 bytes, value = d * level(code) with the levels of {@link CodebookSearch}.
 *
 * <pre>
 *  0  f16  d
 *  2  u8   qs[16]
 * </pre>
 */
final class IQ4_NL extends ScalarKernel {
    IQ4_NL() {
        super(GgmlType.IQ4_NL);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float d = CodebookSearch.search(x, CodebookSearch.weights(x, importance), 0);
        float k = d != 0 ? 1 / d : 0;
        int[] codes = new int[32];
        for (int i = 0; i < 32; i++) {
            codes[i] = CodebookSearch.nearest(k * x[i]);
        }
        out.putShort(0, Rounding.half(d));
        CodePacking.putNibbles32(codes, 0, out, 2);
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(0));
        int[] codes = new int[32];
        CodePacking.getNibbles32(in, 2, codes, 0);
        for (int i = 0; i < 32; i++) {
            y[at + i] = d * CodebookSearch.level(codes[i]);
        }
    }
}
