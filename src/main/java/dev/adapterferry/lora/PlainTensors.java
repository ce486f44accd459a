package dev.adapterferry.lora;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The merged tensors once more, element by element as the textbook has it, with no blocks, strides or kernels: the yardstick for what
 * was written. Thousands of times slower than {@link MergedTensors}; meant for a few rows of each tensor.
 */
final class PlainTensors implements TensorSource {
    private final TensorSource base;
    private final TensorSource layout;
    private final Map<String, MergedTensor> merged;

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
        int cols = tensor.cols();
        double[] adapted = adapted(tensor, row);
        float[] result = new float[cols];
        Optional<Magnitude> magnitude = tensor.magnitude();
        double norm = magnitude.isPresent() && !magnitude.get().byColumn() ? norm(adapted) : 1;
        double[] columnNorms = magnitude.isPresent() && magnitude.get().byColumn() ? columnNorms(tensor) : null;
        for (int j = 0; j < cols; j++) {
            double value = adapted[j];
            if (columnNorms != null) {
                value = columnNorms[j] == 0 ? 0 : value * magnitude.get().lengths()[j] / columnNorms[j];
            } else if (magnitude.isPresent()) {
                value = norm == 0 ? 0 : value * magnitude.get().lengths()[(int) row] / norm;
            }
            result[j] = (float) value;
        }
        tensor.tokens().ifPresent(tokens -> tokens.replace(row, 1, result, 0));
        return result;
    }

    private double[] adapted(MergedTensor tensor, long row) {
        int cols = tensor.cols();
        int perRow = (int) (cols / tensor.origin().rowLength());
        float[] weights = new float[cols];
        (tensor.source() == tensor.baseSource() ? base : tensor.source()).read(tensor.origin(), row * perRow, perRow, weights, 0);
        double[] sum = new double[cols];
        for (int j = 0; j < cols; j++) {
            sum[j] = weights[j];
        }
        tensor.residual().ifPresent(residual -> residual.subtract(row, 1, sum, (ElementType) tensor.origin().type()));
        for (Delta delta : tensor.deltas()) {
            for (int j = 0; j < cols; j++) {
                sum[j] += delta.element(row, j);
            }
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
