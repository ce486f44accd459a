package dev.adapterferry.quant;

import java.nio.ByteBuffer;
import java.util.Arrays;

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
    static final SymmetricSearch WEIGHTED = new SymmetricSearch(16, 4);
    private static final SymmetricSearch LEVELS = new SymmetricSearch(16, 32);

    Q3_K() {
        super(GgmlType.Q3_K);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        int[] codes = new int[256];
        float[] scale = new float[16];
        int[] levels = new int[16];
        float[] sumW = new float[16];
        float[] w = importance == null ? null : importanceWeights(x, importance, 2 * sumOfSquares(x, 0, 256) / 256);
        for (int j = 0; j < 16; j++) {
            scale[j] = w == null ? RefinedSymmetricSearch.search(x, 16 * j, codes) : WEIGHTED.search(x, w, 16 * j, codes);
            sumW[j] = w == null ? 0 : sum(w, 16 * j, 16);
        }
        float d = putLevels(scale, levels, sumW, importance != null, out);
        for (int j = 0; j < 16; j++) {
            // All levels are 0, not 32, when d is 0.
            float step = d * (levels[j] - 32);
            if (step != 0) {
                for (int i = 16 * j; i < 16 * j + 16; i++) {
                    codes[i] = Rounding.nearestEven(x[i] / step, -4, 3) + 4;
                }
            }
        }
        CodePacking.putBits256(codes, 2, out, 0);
        CodePacking.putPairs256(codes, 0, out, 32);
    }

    /**
     * Expresses 16 scales as levels 0 to 63 around 32 of a common unit, and stores levels and unit.
     *
     * @param scale      16 scales
     * @param levels     receives their levels; all 0 when all scales are
     * @param sumW       sum of the weights of each sub-block, which count with importance only
     * @param importance whether to search the unit under those weights
     * @param out        the block
     * @return the unit as stored
     */
    static float putLevels(float[] scale, int[] levels, float[] sumW, boolean importance, ByteBuffer out) {
        float unit = importance ? LEVELS.search(scale, sumW, 0, levels) : plainLevels(scale, levels);
        out.putShort(108, Rounding.half(unit));
        for (int j = 0; j < 8; j++) {
            out.put(96 + j, (byte) (levels[j] & 15 | (levels[j + 8] & 15) << 4));
        }
        for (int j = 0; j < 4; j++) {
            out.put(104 + j, (byte) (levels[j] >> 4 | levels[j + 4] >> 4 << 2 | levels[j + 8] >> 4 << 4 | levels[j + 12] >> 4 << 6));
        }
        return Rounding.throughHalf(unit);
    }

    private static float plainLevels(float[] scale, int[] levels) {
        float max = SymmetricSearch.signedMax(scale, 0, 16);
        if (max == 0) {
            Arrays.fill(levels, 0);
            return 0;
        }
        float k = -32 / max;
        for (int j = 0; j < 16; j++) {
            levels[j] = Math.max(-32, Math.min(31, (byte) Rounding.nearestEven(k * scale[j]))) + 32;
        }
        return 1 / k;
    }

    /** The level 0 to 63 of sub-block j in the block at an index. */
    static int level(ByteBuffer in, int at, int j) {
        return in.get(at + 96 + j % 8) >> 4 * (j / 8) & 15 | (in.get(at + 104 + j % 4) >> 2 * (j / 4) & 3) << 4;
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(108));
        for (int i = 0; i < 256; i++) {
            int code = CodePacking.pair256(in, 32, i) | CodePacking.bit256(in, 0, i) << 2;
            y[at + i] = d * (level(in, 0, i / 16) - 32) * (code - 4);
        }
    }
}
