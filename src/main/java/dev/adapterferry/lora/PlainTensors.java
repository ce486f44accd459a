package dev.adapterferry.lora;

import dev.adapterferry.tensor.BoundedCache;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The merged tensors once more, element by element as the textbook has it, with no blocks, strides or kernels: the yardstick for what
 * was written. Many times slower than {@link MergedTensors}; meant for a few rows of each tensor.
 */
final class PlainTensors implements TensorSource {
    private static final long KEPT_NORMS = 1 << 20;

    private final TensorSource base;
    private final TensorSource layout;
    private final Map<String, MergedTensor> merged;
    /** Each takes a walk over a whole tensor, and every row of it asks. */
    private final BoundedCache<String, double[]> columnNorms = new BoundedCache<>(KEPT_NORMS, norms -> (long) norms.length * Double.BYTES);

    /**
     * @param base   what is merged into, itself plain
     * @param layout the merged tensors, for names and shapes
     * @param merged those that change
     */
    PlainTensors(TensorSource base, TensorSource layout, Map<String, MergedTensor> merged) {
        this.base = base;
        this.layout = layout;
        this.merged = merged;
    }

    @Override
    public List<TensorInfo> tensors() {
        return layout.tensors();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return layout.find(name);
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        MergedTensor own = merged.get(tensor.name());
        if (own == null) {
            base.read(tensor, firstRow, rows, into, offset);
            return;
        }
        int perRow = (int) (own.cols() / tensor.rowLength());
        int length = (int) tensor.rowLength();
        for (int i = 0; i < rows; i++) {
            float[] row = matrixRow(own, (firstRow + i) / perRow);
            System.arraycopy(row, (int) ((firstRow + i) % perRow) * length, into, offset + i * length, length);
        }
    }

    private float[] matrixRow(MergedTensor tensor, long row) {
        double[] exact = exactRow(tensor, row);
        float[] result = new float[exact.length];
        for (int j = 0; j < result.length; j++) {
            result[j] = (float) exact[j];
        }
        tensor.tokens().ifPresent(tokens -> tokens.replace(row, 1, result, 0));
        return result;
    }

    /** A row before it is rounded, and before single rows are replaced. */
    private double[] exactRow(MergedTensor tensor, long row) {
        double[] exact = adapted(tensor, row);
        Optional<Magnitude> magnitude = tensor.magnitude();
        if (magnitude.isEmpty()) {
            return exact;
        }
        boolean byColumn = magnitude.get().byColumn();
        double[] norms = byColumn ? columnNorms.get(tensor.info().name(), () -> columnNorms(tensor)) : null;
        double rowNorm = norm(exact);
        for (int j = 0; j < exact.length; j++) {
            double norm = byColumn ? norms[j] : rowNorm;
            exact[j] = norm == 0 ? 0 : exact[j] * magnitude.get().lengths()[byColumn ? j : (int) row] / norm;
        }
        return exact;
    }

    private double[] adapted(MergedTensor tensor, long row) {
        double[] sum = before(tensor, row);
        tensor.residual().ifPresent(residual -> residual.subtract(row, 1, sum, (ElementType) tensor.origin().type()));
        for (Delta delta : tensor.deltas()) {
            delta.addRow(row, sum);
        }
        return sum;
    }

    /** The row that the deltas are added to; where adapters before this one made it, unrounded. */
    private double[] before(MergedTensor tensor, long row) {
        boolean own = tensor.source() != tensor.baseSource();
        MergedTensor below = !own && base instanceof PlainTensors plain ? plain.merged.get(tensor.origin().name()) : null;
        if (below != null && below.cols() == tensor.cols() && below.tokens().isEmpty()) {
            return ((PlainTensors) base).exactRow(below, row);
        }
        int perRow = (int) (tensor.cols() / tensor.origin().rowLength());
        float[] weights = new float[tensor.cols()];
        (own ? tensor.source() : base).read(tensor.origin(), row * perRow, perRow, weights, 0);
        double[] sum = new double[weights.length];
        for (int j = 0; j < sum.length; j++) {
            sum[j] = weights[j];
        }
        return sum;
    }

    private double[] columnNorms(MergedTensor tensor) {
        double[] squares = new double[tensor.cols()];
        for (long row = 0; row < tensor.matrixRows(); row++) {
            double[] adapted = adapted(tensor, row);
            for (int j = 0; j < squares.length; j++) {
                squares[j] += adapted[j] * adapted[j];
            }
        }
        for (int j = 0; j < squares.length; j++) {
            squares[j] = Math.sqrt(squares[j]);
        }
        return squares;
    }

    private static double norm(double[] row) {
        double squares = 0;
        for (double value : row) {
            squares += value * value;
        }
        return Math.sqrt(squares);
    }

    /** Nothing of its own. */
    @Override
    public void close() { }
}
