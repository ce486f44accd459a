package dev.adapterferry.pass;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.List;

/**
 * The unit of work: some rows of one tensor. How tensors are cut depends on their shapes alone, never on threads, so
 * that a journal and a cache can count in blocks.
 *
 * @param tensor   index of the tensor
 * @param index    number of the block within its tensor
 * @param firstRow first row, counted over all dimensions but the last
 * @param rows     number of rows
 * @param last     true for the tensor's last block
 */
record RowBlock(int tensor, int index, long firstRow, int rows, boolean last) {
    /** Weights per block: large enough that calls and system calls vanish, small enough that a block stays in the caches. */
    static final int USUAL_WEIGHTS = 1 << 19;
    private static final long LONGEST_ROW = 1 << 26;

    /**
     * Cuts all tensors. No block reaches over two slices of a stack of matrices (experts), which have importance
     * weights of their own.
     *
     * @param tensors all tensors
     * @param weights about how many weights make a block
     */
    static List<RowBlock> cut(List<TensorInfo> tensors, int weights) {
        List<RowBlock> blocks = new ArrayList<>();
        for (int t = 0; t < tensors.size(); t++) {
            TensorInfo tensor = tensors.get(t);
            if (tensor.elements() == 0 || tensor.rowLength() > LONGEST_ROW) {
                throw new FerryException("Cannot quantize tensor '" + tensor.name() + "' of shape " + tensor.shape() + ": "
                        + (tensor.elements() == 0 ? "it is empty." : "rows may have at most " + LONGEST_ROW + " values."));
            }
            cut(t, tensor, weights, blocks);
        }
        return List.copyOf(blocks);
    }

    /** Rows of one matrix of a stack; all rows of anything else. */
    static long sliceRows(TensorInfo tensor) {
        return tensor.rank() < 3 ? tensor.rows() : tensor.shape().get(tensor.rank() - 2);
    }

    private static void cut(int number, TensorInfo tensor, int weights, List<RowBlock> blocks) {
        long slice = sliceRows(tensor);
        long most = Math.max(1, weights / tensor.rowLength());
        long even = Math.ceilDiv(slice, Math.ceilDiv(slice, most));
        int index = 0;
        for (long start = 0; start < tensor.rows(); start += slice) {
            for (long done = 0; done < slice; done += even) {
                int rows = (int) Math.min(even, slice - done);
                blocks.add(new RowBlock(number, index++, start + done, rows, start + done + rows == tensor.rows()));
            }
        }
    }
}
