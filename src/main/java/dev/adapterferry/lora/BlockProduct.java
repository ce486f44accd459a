package dev.adapterferry.lora;

/**
 * Adds the product of two thin matrices to a block of rows, in double precision: the inner loop of every merge. Matrices are dense
 * and row-major. Implementations are safe for many threads.
 */
interface BlockProduct {
    /** From this rank on PyTorch's product is faster than the vector loop, its calls and copies included. */
    int TORCH_RANK = 64;

    /** The faster implementation for a rank. */
    static BlockProduct forRank(int rank) {
        return rank < TORCH_RANK ? new VectorProduct() : new TorchProduct();
    }

    /**
     * {@code sum += left · right}.
     *
     * @param left  {@code rows × rank}
     * @param rows  rows of the block
     * @param rank  rank of the adapter
     * @param right {@code rank × cols}
     * @param cols  columns
     * @param sum    receives {@code rows × cols} values more
     * @param offset index in {@code sum} of the first one
     */
    void add(double[] left, int rows, int rank, double[] right, int cols, double[] sum, int offset);
}
