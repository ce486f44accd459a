package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/** BF16: the upper half of binary32, nearest even. */
final class BF16 extends ScalarKernel {
    BF16() {
        super(GgmlType.BF16);
    }

    @Override
    void encodeBlock(float[] x, float[] importance, float rowMeanSquare, ByteBuffer out) {
        out.putShort(0, Rounding.bfloat(x[0]));
    }

    @Override
    void decodeBlock(ByteBuffer in, float[] y, int at) {
        y[at] = Rounding.fromBfloat(in.getShort(0));
    }
}
