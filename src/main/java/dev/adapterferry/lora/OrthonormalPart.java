package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.BoundedCache;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;

/**
 * OLoRA's start: of the decomposition {@code W = Q·R} the first {@code r} columns and rows became the adapter, and {@code s} times their
 * product was taken from the base. {@code Q_r} spans the first {@code r} columns of the weight and {@code R_r = Q_rᵀ·W}, so the whole
 * decomposition is not needed. Source: Büyükakyüz, "OLoRA: Orthonormal Low-Rank Adaptation of Large Language Models", 2024.
 */
final class OrthonormalPart implements Residual {
    private final TensorSource source;
    private final TensorInfo weight;
    private final int rank;
    private final double scale;
    private final BoundedCache<TensorInfo, double[][]> kept;

    /**
     * @param source the base
     * @param weight the weight before the adapter began
     * @param rank   r
     * @param scale  s
     * @param kept   keeps the decompositions of the tensors that are being read
     */
    OrthonormalPart(TensorSource source, TensorInfo weight, int rank, double scale, BoundedCache<TensorInfo, double[][]> kept) {
        if (rank > Math.min(weight.rows(), weight.rowLength())) {
            throw new FerryException("Cannot merge: OLoRA of rank " + rank + " on tensor '" + weight.name() + "' of shape " + weight.shape() + ", which has no so many directions. The adapter was trained on another base or architecture: name the one that it was trained on.");
        }
        this.source = source;
        this.weight = weight;
        this.rank = rank;
        this.scale = scale;
        this.kept = kept;
    }

    @Override
    public void subtract(long first, int rows, double[] sum, ElementType type) {
        double[][] factors = kept.get(weight, this::decompose);
        double[] block = new double[rows * rank];
        for (int i = 0; i < block.length; i++) {
            block[i] = -scale * factors[0][(int) first * rank + i];
        }
        int cols = (int) weight.rowLength();
        new VectorProduct().add(block, rows, rank, factors[1], cols, sum, 0);
        Residual.round(sum, rows * cols, type);
    }

    private double[][] decompose() {
        Decomposition decomposition = new Decomposition(source, weight);
        double[] columns = decomposition.orthonormalColumns(rank);
        return new double[][] {columns, decomposition.project(columns, rank)};
    }
}
