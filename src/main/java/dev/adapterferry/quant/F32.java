package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/** F32: binary32, unchanged. */
final class F32 extends ScalarKernel {
    F32() {
        super(GgmlType.F32);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        out.putInt(0, Float.floatToRawIntBits(x[0]));
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        y[at] = Float.intBitsToFloat(in.getInt(0));
    }
}
