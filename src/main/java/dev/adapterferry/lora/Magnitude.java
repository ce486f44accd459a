package dev.adapterferry.lora;

/**
 * DoRA's magnitudes: after the delta, each row (or each column, where a weight is stored transposed) is brought to its own length.
 * Source: Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024.
 */
final class Magnitude {
    private final float[] lengths;
    private final boolean byColumn;
    private double[] columnFactors;

    /**
     * @param lengths  one length per row or column
     * @param byColumn whether columns are scaled
     */
    Magnitude(float[] lengths, boolean byColumn) {
        this.lengths = lengths;
        this.byColumn = byColumn;
    }

    /** The lengths, for the check of what was written. */
    float[] lengths() {
        return lengths;
    }

    boolean byColumn() {
        return byColumn;
    }

    /**
     * Scales a block.
     *
     * @param tensor the tensor, whose columns are measured over all of its rows when columns are scaled
     * @param first  first row of the block
     * @param rows   rows of the block
     * @param sum    the block
     */
    void scale(MergedTensor tensor, long first, int rows, double[] sum) {
        int cols = tensor.cols();
        if (byColumn) {
            double[] factors = columnFactors(tensor);
            for (int i = 0; i < rows; i++) {
                for (int j = 0; j < cols; j++) {
                    sum[i * cols + j] *= factors[j];
                }
            }
            return;
        }
        for (int i = 0; i < rows; i++) {
            double squares = 0;
            for (int j = 0; j < cols; j++) {
                squares += sum[i * cols + j] * sum[i * cols + j];
            }
            double factor = factor(lengths[(int) first + i], squares);
            for (int j = 0; j < cols; j++) {
                sum[i * cols + j] *= factor;
            }
        }
    }

    /** A row of zeros has no direction and stays zero; PEFT would divide by zero. */
    private static double factor(double length, double squares) {
        return squares == 0 ? 0 : length / Math.sqrt(squares);
    }

    /** The first pass over the whole weight; made once, by whoever comes first. */
    private synchronized double[] columnFactors(MergedTensor tensor) {
        if (columnFactors == null) {
            int cols = tensor.cols();
            int step = Math.max(1, (1 << 18) / cols);
            double[] squares = new double[cols];
            float[] weights = new float[step * cols];
            double[] sum = new double[step * cols];
            for (long first = 0; first < tensor.matrixRows(); first += step) {
                int rows = (int) Math.min(step, tensor.matrixRows() - first);
                tensor.readOrigin(first, rows, weights);
                tensor.adapt(first, rows, weights, 0, sum);
                for (int i = 0; i < rows * cols; i++) {
                    squares[i % cols] += sum[i] * sum[i];
                }
            }
            double[] factors = new double[cols];
            for (int j = 0; j < cols; j++) {
                factors[j] = factor(lengths[j], squares[j]);
            }
            columnFactors = factors;
        }
        return columnFactors;
    }
}
