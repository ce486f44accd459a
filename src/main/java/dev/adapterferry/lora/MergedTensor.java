package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * One tensor that an adapter changes, and how: where its rows come from, what is added, how they are scaled, which rows are replaced
 * in the end. Rows are computed in double precision, a block at a time, and rounded once, to f32.
 *
 * <p>A weight with deltas is seen as a matrix of {@code cols} columns: its own rows for a matrix and for fused experts; for a
 * convolution one row per output channel.
 *
 * @param info        the tensor as it comes out
 * @param baseSource  the base
 * @param source      where its rows come from: the base, or the adapter for a module saved whole
 * @param origin      the tensor there
 * @param before      the base's tensor, when there is one of the same shape, against which the change is measured
 * @param cols        columns of the matrix
 * @param deltas      low-rank deltas
 * @param residual    what PiSSA or OLoRA took out of the base before training
 * @param magnitude   DoRA's magnitudes
 * @param tokens      rows replaced in the end
 * @param product     multiplies
 * @param landing     measures what changes while rows are read
 */
record MergedTensor(TensorInfo info, TensorSource baseSource, TensorSource source, TensorInfo origin, Optional<BaseTensor> before, int cols, List<Delta> deltas,
        Optional<Residual> residual, Optional<Magnitude> magnitude, Optional<TokenRows> tokens, BlockProduct product, Landing landing) {

    /** Elements of a block: 1 MB of doubles, which the second-level cache of a core can hold. */
    private static final int BLOCK = 1 << 17;

    private static final ThreadLocal<double[]> SUMS = ThreadLocal.withInitial(() -> new double[0]);
    private static final ThreadLocal<float[]> BASE = ThreadLocal.withInitial(() -> new float[0]);

    /** A tensor of the base. */
    record BaseTensor(TensorSource source, TensorInfo info) { }

    /** See {@link TensorSource#read}. */
    void read(long firstRow, int rows, float[] into, int offset) {
        int perRow = (int) (cols / info.rowLength());
        if (perRow == 1) {
            readMatrix(firstRow, rows, into, offset);
            return;
        }
        long first = firstRow / perRow;
        int count = (int) ((firstRow + rows - 1) / perRow - first + 1);
        float[] matrix = new float[Math.multiplyExact(count, cols)];
        readMatrix(first, count, matrix, 0);
        System.arraycopy(matrix, (int) ((firstRow - first * perRow) * info.rowLength()), into, offset, Math.toIntExact(rows * info.rowLength()));
    }

    private void readMatrix(long firstRow, int rows, float[] into, int offset) {
        int step = BLOCK / cols;
        // Whole tiles of the product: a row left over costs as much as four.
        step = step > VectorProduct.TILE_ROWS ? step - step % VectorProduct.TILE_ROWS : Math.max(1, step);
        for (int done = 0; done < rows; done += step) {
            int count = Math.min(step, rows - done);
            block(firstRow + done, count, into, offset + done * cols);
        }
    }

    private void block(long first, int rows, float[] into, int offset) {
        int elements = rows * cols;
        boolean replaced = before.isPresent() && before.get().source() != source;
        // The base may be merged itself, in this thread and with this thread's arrays.
        float[] base = replaced ? new float[elements] : floats(elements);
        readRows(source, origin, first, rows, into, offset);
        if (replaced) {
            readRows(before.get().source(), before.get().info(), first, rows, base, 0);
        } else if (before.isPresent()) {
            System.arraycopy(into, offset, base, 0, elements);
        }
        if (!deltas.isEmpty() || magnitude.isPresent()) {
            double[] sum = doubles(elements);
            adapt(first, rows, into, offset, sum);
            magnitude.ifPresent(m -> m.scale(this, first, rows, sum));
            for (int i = 0; i < elements; i++) {
                into[offset + i] = (float) sum[i];
            }
        }
        tokens.ifPresent(t -> t.replace(first, rows, into, offset));
        landing.observe(first, rows, cols, before.isPresent() ? base : null, into, offset);
    }

    /** {@code W + Σ s·B·A} before DoRA's scaling, in double precision. */
    void adapt(long first, int rows, float[] weights, int offset, double[] sum) {
        Optional<MergedTensor> below = below();
        if (below.isPresent()) {
            below.get().exact(first, rows, sum);
        } else {
            for (int i = 0; i < rows * cols; i++) {
                sum[i] = weights[offset + i];
            }
        }
        residual.ifPresent(r -> r.subtract(first, rows, sum, (ElementType) origin.type()));
        deltas.forEach(delta -> delta.addTo(product, first, rows, sum));
    }

    /** The same tensor with the adapters before this one, whose values need not be rounded in between. */
    private Optional<MergedTensor> below() {
        return source instanceof MergedTensors merged ? merged.computed(origin).filter(tensor -> tensor.cols == cols && tensor.tokens.isEmpty()) : Optional.empty();
    }

    /** The merged rows before they are rounded. */
    private void exact(long first, int rows, double[] sum) {
        float[] weights = new float[rows * cols];
        if (below().isEmpty()) {
            readRows(source, origin, first, rows, weights, 0);
        }
        adapt(first, rows, weights, 0, sum);
        magnitude.ifPresent(m -> m.scale(this, first, rows, sum));
    }

    /** What is done to the tensor, in a word or two. */
    String kind() {
        List<String> parts = new ArrayList<>();
        if (source != baseSource) {
            parts.add("replaced");
        }
        residual.ifPresent(r -> parts.add("residual"));
        if (!deltas.isEmpty()) {
            parts.add("delta");
        }
        magnitude.ifPresent(m -> parts.add("magnitude"));
        tokens.ifPresent(t -> parts.add("tokens"));
        return parts.isEmpty() ? "kept" : String.join(" + ", parts);
    }

    /** Whether every row was read, and so measured, at least once. */
    boolean isMeasured() {
        return landing.measured().rows() == matrixRows();
    }

    /** Rows of the matrix. */
    long matrixRows() {
        return info.elements() / cols;
    }

    /** Rows of the matrix as the source has them, before any change. */
    void readOrigin(long first, int rows, float[] into) {
        readRows(source, origin, first, rows, into, 0);
    }

    private void readRows(TensorSource from, TensorInfo tensor, long first, int rows, float[] into, int offset) {
        int perRow = (int) (cols / tensor.rowLength());
        from.read(tensor, first * perRow, rows * perRow, into, offset);
    }

    private static double[] doubles(int elements) {
        double[] array = SUMS.get();
        if (array.length < elements) {
            array = new double[elements];
            SUMS.set(array);
        }
        return array;
    }

    private static float[] floats(int elements) {
        float[] array = BASE.get();
        if (array.length < elements) {
            array = new float[elements];
            BASE.set(array);
        }
        return array;
    }
}
