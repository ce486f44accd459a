package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.BoundedCache;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;

/**
 * PiSSA's start: the strongest {@code r} singular directions of a weight became the adapter, and the rest the base, rounded to its
 * type. The part is a projection, {@code W·V·Vᵀ} or {@code U·Uᵀ·W}, so the signs that an SVD is free to choose do not matter. Source:
 * Meng et al., "PiSSA: Principal Singular Values and Singular Vectors Adaptation", 2024.
 */
final class PrincipalPart implements Residual {
    private final TensorSource source;
    private final TensorInfo weight;
    private final int rank;
    private final BoundedCache<TensorInfo, double[][]> kept;

    /**
     * @param source the base
     * @param weight the weight before the adapter began
     * @param rank   r
     * @param kept   keeps the decompositions of the tensors that are being read
     */
    PrincipalPart(TensorSource source, TensorInfo weight, int rank, BoundedCache<TensorInfo, double[][]> kept) {
        if (rank > Math.min(weight.rows(), weight.rowLength())) {
            throw new FerryException("Cannot merge: PiSSA of rank " + rank + " on tensor '" + weight.name() + "' of shape " + weight.shape() + ", which has no so many directions. The adapter was trained on another base or architecture: name the one that it was trained on.");
        }
        this.source = source;
        this.weight = weight;
        this.rank = rank;
        this.kept = kept;
    }

    @Override
    public void subtract(long first, int rows, double[] sum, ElementType type) {
        double[][] basis = kept.get(weight, this::decompose);
        boolean right = weight.rowLength() <= weight.rows();
        int cols = (int) weight.rowLength();
        BlockProduct product = new VectorProduct();
        double[] left = new double[rows * rank];
        if (right) {
            product.add(sum, rows, cols, basis[0], rank, left, 0);
        } else {
            System.arraycopy(basis[0], (int) first * rank, left, 0, left.length);
        }
        for (int i = 0; i < left.length; i++) {
            left[i] = -left[i];
        }
        product.add(left, rows, rank, basis[1], cols, sum, 0);
        Residual.round(sum, rows * cols, type);
    }

    /** The directions, and what they are multiplied with: right ones with their transpose, left ones with their projection of the weight. */
    private double[][] decompose() {
        Decomposition decomposition = new Decomposition(source, weight);
        double[] directions = decomposition.principal(rank);
        return new double[][] {directions, decomposition.bySmallerColumns() ? transpose(directions) : decomposition.project(directions, rank)};
    }

    private double[] transpose(double[] directions) {
        int n = directions.length / rank;
        double[] transposed = new double[directions.length];
        for (int i = 0; i < n; i++) {
            for (int k = 0; k < rank; k++) {
                transposed[k * n + i] = directions[i * rank + k];
            }
        }
        return transposed;
    }
}
