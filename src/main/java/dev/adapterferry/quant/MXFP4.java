package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * MXFP4: 32 values of 4-bit floating point with a shared power of two, 17 bytes, as the Open Compute Project's
 * Microscaling Formats define it and gpt-oss uses it.
 *
 * <pre>
 *  0  u8   e            scale 2^(e - 127)
 *  1  u8   qs[16]       sign, two exponent bits, one mantissa bit
 * </pre>
 *
 * The table holds the doubled values, so the scale that multiplies them is 2^(e - 128). Importance does not matter.
 */
final class MXFP4 extends ScalarKernel {
    private static final int[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

    MXFP4() {
        super(GgmlType.MXFP4);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float max = Math.abs(SymmetricSearch.signedMax(x, 0, 32));
        int e = max > 0 ? Math.max(0, (int) Math.floor(log2(max)) - 2 + 127) : 0;
        float scale = halfScale(e);
        int[] codes = new int[32];
        for (int i = 0; i < 32; i++) {
            codes[i] = nearest(x[i], scale);
        }
        out.put(0, (byte) e);
        CodePacking.putNibbles32(codes, 0, out, 1);
    }

    /** Rounded to binary32 before the floor, as C's {@code log2f}: just below a power of two that makes a difference. */
    private static float log2(float v) {
        return (float) (Math.log(v) / Math.log(2));
    }

    private static int nearest(float x, float scale) {
        int best = 0;
        float least = Math.abs(x);
        for (int code = 1; code < 16; code++) {
            float distance = Math.abs(DOUBLED[code] * scale - x);
            if (distance < least) {
                least = distance;
                best = code;
            }
        }
        return best;
    }

    /** 2^(e - 128), also where that is subnormal. */
    static float halfScale(int e) {
        return Float.intBitsToFloat(e < 2 ? 0x00200000 << e : e - 1 << 23);
    }

    /** The doubled value of a code. */
    static int doubled(int code) {
        return DOUBLED[code];
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float scale = halfScale(in.get(0) & 0xff);
        int[] codes = new int[32];
        CodePacking.getNibbles32(in, 1, codes, 0);
        for (int i = 0; i < 32; i++) {
            y[at + i] = DOUBLED[codes[i]] * scale;
        }
    }
}
