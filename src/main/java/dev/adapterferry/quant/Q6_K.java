package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q6_K: 256 values in 16 sub-blocks of 16, each with a signed 8-bit scale, value = (d * scale) * (code - 32).
 *
 * <pre>
 *    0  u8   ql[128]      low nibbles
 *  128  u8   qh[64]       upper two bits
 *  192  i8   scales[16]
 *  208  f16  d            210 bytes
 * </pre>
 */
final class Q6_K extends ScalarKernel {
    static final SymmetricSearch SEARCH = new SymmetricSearch(16, 32);

    Q6_K() {
        super(GgmlType.Q6_K);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        int[] codes = new int[256];
        float[] scale = new float[16];
        for (int j = 0; j < 16; j++) {
            scale[j] = SEARCH.search(x, importance, 16 * j, codes);
        }
        float max = SymmetricSearch.signedMax(scale, 0, 16);
        if (Math.abs(max) < Rounding.GROUP_EPSILON) {
            for (int i = 0; i < 210; i++) {
                out.put(i, (byte) 0);
            }
            return;
        }
        float k = -128 / max;
        float d = 1 / k;
        out.putShort(208, Rounding.half(d));
        float stored = Rounding.throughHalf(d);
        for (int j = 0; j < 16; j++) {
            byte level = (byte) Math.min(127, Rounding.nearestEven(k * scale[j]));
            out.put(192 + j, level);
            float step = stored * level;
            if (step != 0) {
                for (int i = 16 * j; i < 16 * j + 16; i++) {
                    codes[i] = Rounding.nearestEven(x[i] / step, -32, 31) + 32;
                }
            }
        }
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 64; i++) {
                int low = codes[128 * half + i];
                int high = codes[128 * half + 64 + i];
                out.put(64 * half + i, (byte) (low & 15 | (high & 15) << 4));
            }
        }
        CodePacking.putPairs256(codes, 4, out, 128);
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(208));
        for (int i = 0; i < 256; i++) {
            int nibble = in.get(i / 128 * 64 + i % 64) >> 4 * (i % 128 / 64) & 15;
            int code = nibble | CodePacking.pair256(in, 128, i) << 4;
            y[at + i] = d * in.get(192 + i / 16) * (code - 32);
        }
    }
}
