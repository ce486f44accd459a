package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * IQ4_XS: 256 values in 8 sub-blocks of 32, each with a 6-bit scale, value = (d * (scale - 32)) * level(code) with the
 * levels of {@link CodebookSearch}.
 *
 * <pre>
 *  0  f16  d
 *  2  u16  scales_h     upper two bits of scale b at bit 2 * b
 *  4  u8   scales_l[4]  lower four bits, two scales a byte
 *  8  u8   qs[128]      sub-block after sub-block; 136 bytes
 * </pre>
 */
final class IQ4_XS extends ScalarKernel {
    IQ4_XS() {
        super(GgmlType.IQ4_XS);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float[] w = CodebookSearch.weights(x, importance);
        float[] scale = new float[8];
        for (int b = 0; b < 8; b++) {
            scale[b] = CodebookSearch.search(x, w, 32 * b);
        }
        // The divisions below use d before it is stored, as ggml does here.
        float d = -SymmetricSearch.signedMax(scale, 0, 8) / 32;
        float k = d != 0 ? 1 / d : 0;
        out.putShort(0, Rounding.half(d));
        int high = 0;
        int low = 0;
        int[] codes = new int[256];
        for (int b = 0; b < 8; b++) {
            int level = Rounding.nearestEven(k * scale[b], -32, 31);
            float step = d * level;
            float inverse = step != 0 ? 1 / step : 0;
            for (int i = 32 * b; i < 32 * b + 32; i++) {
                codes[i] = CodebookSearch.nearest(inverse * x[i]);
            }
            CodePacking.putNibbles32(codes, 32 * b, out, 8 + 16 * b);
            low |= (level + 32 & 15) << 4 * b;
            high |= level + 32 >> 4 << 2 * b;
        }
        out.putShort(2, (short) high);
        out.putInt(4, low);
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(0));
        int[] codes = new int[256];
        for (int b = 0; b < 8; b++) {
            int level = in.getInt(4) >> 4 * b & 15 | (in.getShort(2) >> 2 * b & 3) << 4;
            float step = d * (level - 32);
            CodePacking.getNibbles32(in, 8 + 16 * b, codes, 32 * b);
            for (int i = 32 * b; i < 32 * b + 32; i++) {
                y[at + i] = step * CodebookSearch.level(codes[i]);
            }
        }
    }
}
