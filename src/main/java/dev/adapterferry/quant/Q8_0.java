package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Q8_0: 32 values in 34 bytes.
 *
 * <pre>
 *  0  f16  d
 *  2  i8   q[32]      value = q * d
 * </pre>
 *
 * Importance does not matter: every value gets its nearest code.
 */
final class Q8_0 extends ScalarKernel {
    Q8_0() {
        super(GgmlType.Q8_0);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        float d = Math.abs(SymmetricSearch.signedMax(x, 0, 32)) / 127;
        // The inverse of d before it is stored, as ggml takes it.
        float k = d != 0 ? 1 / d : 0;
        out.putShort(0, Rounding.half(d));
        for (int i = 0; i < 32; i++) {
            out.put(2 + i, (byte) Rounding.halfAwayFromZero(x[i] * k));
        }
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        float d = Float.float16ToFloat(in.getShort(0));
        for (int i = 0; i < 32; i++) {
            y[at + i] = in.get(2 + i) * d;
        }
    }
}
