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
        int[] levels = new int[8];
        float d = putLevels(scale, levels, out);
        int[] codes = new int[256];
        for (int b = 0; b < 8; b++) {
            float step = d * levels[b];
            float inverse = step != 0 ? 1 / step : 0;
            for (int i = 32 * b; i < 32 * b + 32; i++) {
                codes[i] = CodebookSearch.nearest(inverse * x[i]);
            }
            CodePacking.putNibbles32(codes, 32 * b, out, 8 + 16 * b);
        }
    }

    /**
     * Expresses 8 scales as levels -32 to 31 of a common unit, and stores levels and unit.
     *
     * @param scale  8 scales
     * @param levels receives their levels
     * @param out    the block
     * @return the unit before it was stored: ggml divides by it here, not by what is left in binary16
     */
    static float putLevels(float[] scale, int[] levels, ByteBuffer out) {
        float d = -SymmetricSearch.signedMax(scale, 0, 8) / 32;
        float k = d != 0 ? 1 / d : 0;
        int high = 0;
        int low = 0;
        for (int b = 0; b < 8; b++) {
            levels[b] = Rounding.nearestEven(k * scale[b], -32, 31);
            low |= (levels[b] + 32 & 15) << 4 * b;
            high |= levels[b] + 32 >> 4 << 2 * b;
        }
        out.putShort(0, Rounding.half(d));
        out.putShort(2, (short) high);
        out.putInt(4, low);
        return d;
    }

    /** The level -32 to 31 of sub-block b in the block at an index. */
    static int level(ByteBuffer in, int at, int b) {
        return (in.getInt(at + 4) >> 4 * b & 15 | (in.getShort(at + 2) >> 2 * b & 3) << 4) - 32;
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(0));
        int[] codes = new int[256];
        for (int b = 0; b < 8; b++) {
            float step = d * level(in, 0, b);
            CodePacking.getNibbles32(in, 8 + 16 * b, codes, 32 * b);
            for (int i = 32 * b; i < 32 * b + 32; i++) {
                y[at + i] = step * CodebookSearch.level(codes[i]);
            }
        }
    }
}
