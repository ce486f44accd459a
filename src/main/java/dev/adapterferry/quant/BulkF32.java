package dev.adapterferry.quant;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** F32 as one copy: the twin of {@link F32}. */
final class BulkF32 implements RowKernel {
    @Override
    public GgmlType type() {
        return GgmlType.F32;
    }

    @Override
    public void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset, byte[] dst, int dstOffset) {
        Bounds.checkEncode(type(), src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
        int n = rows * rowLength;
        ByteBuffer.wrap(dst, dstOffset, 4 * n).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().put(src, srcOffset, n);
    }

    @Override
    public void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        Bounds.checkDecode(type(), src, srcOffset, elements, dst, dstOffset);
        ByteBuffer.wrap(src, srcOffset, 4 * elements).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(dst, dstOffset, elements);
    }
}
