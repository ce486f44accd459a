package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * The columns of a matrix scaled to a length of one, as {@code weight / (norm(weight, dim=0) + 1e-7)} does. All rows are read once before the first one is
 * given, for the lengths of the columns; these are all that is kept.
 */
final class UnitColumns implements TensorView {
    /** What the model's definition adds to a length. */
    private static final double LEAST = 1e-7;
    private static final int SCRATCH_VALUES = 1 << 20;

    private final TensorView in;
    private double[] lengths;

    UnitColumns(TensorView in) {
        this.in = in;
    }

    @Override
    public TensorType type() {
        return in.type();
    }

    @Override
    public List<Long> shape() {
        return in.shape();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        double[] column = lengths();
        in.read(firstRow, rows, into, offset);
        for (int row = 0, i = offset; row < rows; row++) {
            for (double length : column) {
                into[i] = (float) (into[i++] / (length + LEAST));
            }
        }
    }

    private synchronized double[] lengths() {
        if (lengths == null) {
            double[] squares = new double[rowLength()];
            int atOnce = (int) Math.max(1, Math.min(in.rows(), SCRATCH_VALUES / squares.length));
            float[] scratch = new float[atOnce * squares.length];
            for (long row = 0; row < in.rows(); row += atOnce) {
                int now = (int) Math.min(atOnce, in.rows() - row);
                in.read(row, now, scratch, 0);
                for (int r = 0, i = 0; r < now; r++) {
                    for (int c = 0; c < squares.length; c++, i++) {
                        squares[c] += (double) scratch[i] * scratch[i];
                    }
                }
            }
            for (int i = 0; i < squares.length; i++) {
                squares[i] = Math.sqrt(squares[i]);
            }
            lengths = squares;
        }
        return lengths;
    }
}
