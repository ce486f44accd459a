package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorType;
import java.util.List;
import java.util.Optional;

/**
 * A tensor that is computed while it is read: rows of a checkpoint tensor, rearranged. Views are immutable, hold no
 * data but small constants, compose, may be read from many threads, and use a bounded buffer per call.
 */
public interface TensorView {
    /** The type in which the checkpoint stores the elements; views compute in f32 whatever it is. */
    TensorType type();

    /** Dimensions in PyTorch order, outermost first. */
    List<Long> shape();

    /**
     * Reads whole rows, as {@link dev.adapterferry.tensor.TensorSource#read} does.
     *
     * @param firstRow first row, counted over all dimensions but the last
     * @param rows     number of rows
     * @param into     receives {@code rows * rowLength()} values
     * @param offset   index of the first value
     */
    void read(long firstRow, int rows, float[] into, int offset);

    /**
     * Names what {@link #read} yields by the stored bytes behind it, as {@link dev.adapterferry.tensor.TensorSource#identity} does.
     *
     * @return equal texts for equal values; empty when a part of it is computed on the way
     */
    default Optional<String> identity() {
        return Optional.empty();
    }

    /** Elements of one row: the last dimension, 1 for a scalar. */
    default int rowLength() {
        return shape().isEmpty() ? 1 : Math.toIntExact(shape().getLast());
    }

    /** Rows: the product of all dimensions but the last. */
    default long rows() {
        return new TensorInfo("view", type(), shape()).rows();
    }

    /** Number of dimensions. */
    default int rank() {
        return shape().size();
    }
}
