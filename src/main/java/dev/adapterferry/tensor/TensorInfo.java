package dev.adapterferry.tensor;

import java.util.List;

/**
 * Name, storage type and shape of one tensor.
 *
 * @param name  the tensor's name in its source (checkpoint name or GGUF name)
 * @param type  how the source stores the elements
 * @param shape dimensions in PyTorch order, outermost first; the last one is contiguous. Empty for a scalar
 */
public record TensorInfo(String name, TensorType type, List<Long> shape) {
    /** Copies the shape and refuses negative dimensions. */
    public TensorInfo {
        shape = List.copyOf(shape);
        for (long d : shape) {
            if (d < 0) {
                throw new IllegalArgumentException("tensor '" + name + "' has a negative dimension: " + shape);
            }
        }
    }

    /** Elements of one row: the last dimension, 1 for a scalar. */
    public long rowLength() {
        return shape.isEmpty() ? 1 : shape.getLast();
    }

    /** Rows: the product of all dimensions but the last. A vector and a scalar have one row. */
    public long rows() {
        long rows = 1;
        for (int i = 0; i < shape.size() - 1; i++) {
            rows = Math.multiplyExact(rows, shape.get(i));
        }
        return rows;
    }

    /** All elements. */
    public long elements() {
        return Math.multiplyExact(rows(), rowLength());
    }

    /** Number of dimensions. */
    public int rank() {
        return shape.size();
    }
}
