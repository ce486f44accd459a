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
     * Cuts all tensors. A block lies within one matrix of a stack (of experts), or holds some matrices whole: each has
     * importance weights of its own.
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
                        + (tensor.elements() == 0 ? "it is empty. Get the model again." : "rows may have at most " + LONGEST_ROW + " values. Get the model again."));
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
        long most = Math.max(1, weights / tensor.rowLength());
        // Small matrices go together; a large one is cut into even parts.
        long slices = Math.clamp(sliceRows(tensor) * Math.max(1, most / sliceRows(tensor)), 1, tensor.rows());
        long even = Math.ceilDiv(slices, Math.ceilDiv(slices, most));
        int index = 0;
        for (long start = 0; start < tensor.rows(); start += slices) {
            long end = Math.min(start + slices, tensor.rows());
            for (long row = start; row < end; row += even) {
                int rows = (int) Math.min(even, end - row);
                blocks.add(new RowBlock(number, index++, row, rows, row + rows == tensor.rows()));
            }
        }
    }
}
