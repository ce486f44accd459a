package dev.adapterferry.quant;

import java.util.Objects;

/** The argument checks that all kernels share: whole blocks, and every range inside its array. */
final class Bounds {
    private Bounds() {
    }

    /**
     * Checks the arguments of {@link RowKernel#encode}.
     *
     * @throws ArithmeticException       when a row is not a whole number of blocks, or sizes overflow an int
     * @throws IndexOutOfBoundsException when a range leaves its array
     */
    static void checkEncode(GgmlType type, float[] src, int srcOffset, int rows, int rowLength, float[] importance,
            int importanceOffset, byte[] dst, int dstOffset) {
        int bytesPerRow = Math.toIntExact(type.bytesFor(rowLength));
        Objects.checkFromIndexSize(srcOffset, Math.multiplyExact(rows, rowLength), src.length);
        Objects.checkFromIndexSize(dstOffset, Math.multiplyExact(rows, bytesPerRow), dst.length);
        if (importance != null) {
            Objects.checkFromIndexSize(importanceOffset, rowLength, importance.length);
        }
    }

    /**
     * Checks the arguments of {@link RowKernel#decode}.
     *
     * @throws ArithmeticException       when the run is not a whole number of blocks
     * @throws IndexOutOfBoundsException when a range leaves its array
     */
    static void checkDecode(GgmlType type, byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        Objects.checkFromIndexSize(srcOffset, Math.toIntExact(type.bytesFor(elements)), src.length);
        Objects.checkFromIndexSize(dstOffset, elements, dst.length);
    }
}
