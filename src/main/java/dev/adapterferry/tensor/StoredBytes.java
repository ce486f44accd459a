package dev.adapterferry.tensor;

/**
 * Optional on a {@link TensorSource}: the bytes of a tensor as they are stored, for copies that must lose nothing
 * (I64, F64, U8) and need no decoding. Safe for concurrent calls.
 */
public interface StoredBytes {
    /**
     * Whether the tensor's values are exactly what {@link #readStored} yields under {@link TensorInfo#type()}.
     *
     * @param tensor a tensor of this source
     * @return false for a tensor that is computed on the way
     */
    boolean isStored(TensorInfo tensor);

    /**
     * Reads stored bytes, little-endian, C order.
     *
     * @param tensor    a tensor of this source for which {@link #isStored} holds
     * @param firstByte offset from the tensor's first byte
     * @param length    number of bytes
     * @param into      receives them
     * @param offset    index in {@code into} of the first one
     */
    void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset);
}
