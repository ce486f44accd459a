package dev.adapterferry.lora;

import java.util.List;

/**
 * The Frobenius norm of a sum of deltas from their factors alone: {@code ‖L·R‖² = tr(LᵀL · R·Rᵀ)}, two small matrices, however large
 * the weight. What was expected can so be told without the weight at all.
 */
final class DeltaNorm {
    private static final int BLOCK = 256;

    private DeltaNorm() { }

    /** The norm of the sum of deltas on one tensor. Deltas on different rows are orthogonal; those on the same rows are summed. */
    static double of(List<Delta> deltas) {
        double squares = 0;
        for (Delta x : deltas) {
            for (Delta y : deltas) {
                if (x.firstRow() == y.firstRow()) {
                    squares += inner(x, y);
                }
            }
        }
        return Math.sqrt(Math.max(0, squares));
    }

    /** {@code <Lx·Rx, Ly·Ry>}. */
    private static double inner(Delta x, Delta y) {
        int rx = x.shape().rank();
        int ry = y.shape().rank();
        double[] gram = new double[rx * ry];
        for (int first = 0; first < x.rows(); first += BLOCK) {
            int rows = Math.min(BLOCK, x.rows() - first);
            double[] left = x.values().left(x, x.skip() + first, rows);
            double[] other = x == y ? left : y.values().left(y, y.skip() + first, rows);
            for (int i = 0; i < rows; i++) {
                for (int k = 0; k < rx; k++) {
                    for (int l = 0; l < ry; l++) {
                        gram[k * ry + l] += left[i * rx + k] * other[i * ry + l];
                    }
                }
            }
        }
        double[] right = x.values().right(x);
        double[] other = y.values().right(y);
        double sum = 0;
        for (int k = 0; k < rx; k++) {
            for (int l = 0; l < ry; l++) {
                double product = 0;
                for (int j = 0; j < x.cols(); j++) {
                    product += right[k * x.cols() + j] * other[l * x.cols() + j];
                }
                sum += gram[k * ry + l] * product;
            }
        }
        return sum;
    }
}
