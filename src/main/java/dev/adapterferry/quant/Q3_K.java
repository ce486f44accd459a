package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q3_K: 256 values in 16 sub-blocks of 16, each with a 6-bit scale, value = (d * (scale - 32)) * (code - 4).
 *
 * <pre>
 *    0  u8   hmask[32]    third bits
 *   32  u8   qs[64]       lower two bits
 *   96  u8   scales[12]   scale j: low nibble in byte j % 8 (upper half from j = 8), the rest in byte 8 + j % 4
 *                         at bit 2 * (j / 4)
 *  108  f16  d            110 bytes
 * </pre>
 */
final class Q3_K extends ScalarKernel {
    private static final SymmetricSearch WEIGHTED = new SymmetricSearch(16, 4);
    private static final SymmetricSearch LEVELS = new SymmetricSearch(16, 32);

    Q3_K() {
        super(GgmlType.Q3_K);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        int[] codes = new int[256];
        float[] scale = new float[16];
        int[] levels = new int[16];
        float d;
        if (importance == null) {
            for (int j = 0; j < 16; j++) {
                scale[j] = RefinedSymmetricSearch.search(x, 16 * j, codes);
            }
            d = levels(scale, levels);
        } else {
            float[] w = importanceWeights(x, importance, 2 * sumOfSquares(x, 0, 256) / 256);
            float[] sumW = new float[16];
            for (int j = 0; j < 16; j++) {
                scale[j] = WEIGHTED.search(x, w, 16 * j, codes);
                sumW[j] = sum(w, 16 * j, 16);
            }
            d = LEVELS.search(scale, sumW, 0, levels);
        }
        out.putShort(108, Rounding.half(d));
        putLevels(levels, out);

        float stored = Rounding.throughHalf(d);
        for (int j = 0; j < 16; j++) {
            // All levels are 0, not 32, when d is 0.
            float step = stored * (levels[j] - 32);
            if (step != 0) {
                for (int i = 16 * j; i < 16 * j + 16; i++) {
                    codes[i] = Rounding.nearestEven(x[i] / step, -4, 3) + 4;
                }
            }
        }
        CodePacking.putBits256(codes, 2, out, 0);
        CodePacking.putPairs256(codes, 0, out, 32);
    }

    private static float levels(float[] scale, int[] levels) {
        float max = SymmetricSearch.signedMax(scale, 0, 16);
        if (max == 0) {
            return 0;
        }
        float k = -32 / max;
        for (int j = 0; j < 16; j++) {
            levels[j] = Math.max(-32, Math.min(31, (byte) Rounding.nearestEven(k * scale[j]))) + 32;
        }
        return 1 / k;
    }

    private static void putLevels(int[] levels, ByteBuffer out) {
        for (int j = 0; j < 8; j++) {
            out.put(96 + j, (byte) (levels[j] & 15 | (levels[j + 8] & 15) << 4));
        }
        for (int j = 0; j < 4; j++) {
            out.put(104 + j, (byte) (levels[j] >> 4 | levels[j + 4] >> 4 << 2 | levels[j + 8] >> 4 << 4 | levels[j + 12] >> 4 << 6));
        }
    }

    private static int level(ByteBuffer in, int j) {
        return in.get(96 + j % 8) >> 4 * (j / 8) & 15 | (in.get(104 + j % 4) >> 2 * (j / 4) & 3) << 4;
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(108));
        for (int i = 0; i < 256; i++) {
            int code = CodePacking.pair256(in, 32, i) | CodePacking.bit256(in, 0, i) << 2;
            y[at + i] = d * (level(in, i / 16) - 32) * (code - 4);
        }
    }
}
