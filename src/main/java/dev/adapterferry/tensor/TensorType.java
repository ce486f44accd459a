package dev.adapterferry.tensor;

/** How the elements of a tensor are stored: a plain element type or a block format. */
public interface TensorType {
    /** The name that the file format uses, for example {@code BF16} or {@code Q4_K}. */
    String label();

    /** Elements per block; 1 for plain element types. A row must be a whole number of blocks. */
    int blockElements();

    /** Bytes per block. */
    int blockBytes();

    /**
     * Bytes that a run of elements takes.
     *
     * @param elements number of elements, a multiple of {@link #blockElements()}
     * @return bytes
     * @throws ArithmeticException on overflow or when the run is not a whole number of blocks
     */
    default long bytesFor(long elements) {
        if (elements % blockElements() != 0) {
            throw new ArithmeticException(elements + " elements are not a whole number of " + label() + " blocks of " + blockElements());
        }
        return Math.multiplyExact(elements / blockElements(), (long) blockBytes());
    }
}
