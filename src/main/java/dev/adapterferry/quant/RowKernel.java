package dev.adapterferry.quant;

/**
 * Encodes and decodes rows of one {@link GgmlType}. Stateless for callers and safe for many threads (kernels keep
 * scratch per thread).
 */
public interface RowKernel {
    /** The type that this kernel writes. */
    GgmlType type();

    /**
     * Encodes whole rows.
     *
     * @param src        f32 values, row after row
     * @param srcOffset  index of the first value
     * @param rows       number of rows
     * @param rowLength  values per row, a multiple of the type's block
     * @param importance one weight per column ({@code rowLength} values from {@code importanceOffset}), or null
     * @param importanceOffset index of the first weight
     * @param dst        receives {@code rows * type().bytesFor(rowLength)} bytes, little-endian
     * @param dstOffset  index of the first byte
     */
    void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset, byte[] dst, int dstOffset);

    /**
     * Decodes whole blocks to f32.
     *
     * @param src       encoded bytes, little-endian
     * @param srcOffset index of the first byte, at a block border
     * @param elements  number of values, a multiple of the type's block
     * @param dst       receives the values
     * @param dstOffset index of the first value
     */
    void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset);
}
