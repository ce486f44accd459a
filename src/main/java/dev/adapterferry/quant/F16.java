package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/** F16: IEEE binary16, nearest even. */
final class F16 extends ScalarKernel {
    F16() {
        super(GgmlType.F16);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        out.putShort(0, Rounding.half(x[0]));
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        y[at] = Float.float16ToFloat(in.getShort(0));
    }
}
