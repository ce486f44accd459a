package dev.adapterferry.lora;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.DoubleBuffer;

/**
 * Decompositions of a weight that is read in row blocks, in double precision by PyTorch. Only one runs at a time, with all cores: each
 * needs memory of a few times the square of the weight's smaller side.
 */
final class Decomposition {
    private static final int BLOCK = 512;
    private static final Object ONE_AT_A_TIME = new Object();

    private final TensorSource source;
    private final TensorInfo weight;
    private final int rows;
    private final int cols;

    /**
     * @param source where the weight is
     * @param weight a matrix
     */
    Decomposition(TensorSource source, TensorInfo weight) {
        this.source = source;
        this.weight = weight;
        this.rows = Math.toIntExact(weight.rows());
        this.cols = Math.toIntExact(weight.rowLength());
    }

    /** Whether {@link #principal} spans the right singular directions (of the columns' space) or the left ones. */
    boolean bySmallerColumns() {
        return cols <= rows;
    }

    /**
     * The strongest singular directions on the weight's smaller side: right ones, {@code cols × rank}, when there are no more columns
     * than rows, else left ones, {@code rows × rank}. They are the leading eigenvectors of {@code WᵀW} or {@code W·Wᵀ}; in double
     * precision that squaring costs nothing that a single-precision SVD would have kept.
     */
    double[] principal(int rank) {
        synchronized (ONE_AT_A_TIME) {
            Torch.useAllCores(true);
            try (NDManager manager = Torch.manager()) {
                int n = Math.min(rows, cols);
                NDArray vectors = TorchScript.EIGEN.apply(bySmallerColumns() ? columnGram(manager) : rowGram(manager)).get(1);
                return copy(vectors.get(":, " + (n - rank) + ":"));
            } finally {
                Torch.useAllCores(false);
            }
        }
    }

    /** An orthonormal basis of the span of the first columns, {@code rows × rank}, by QR. */
    double[] orthonormalColumns(int rank) {
        synchronized (ONE_AT_A_TIME) {
            Torch.useAllCores(true);
            try (NDManager manager = Torch.manager()) {
                double[] first = new double[rows * rank];
                blocks((begin, count, values) -> {
                    for (int i = 0; i < count; i++) {
                        for (int k = 0; k < rank; k++) {
                            first[(begin + i) * rank + k] = values[i * cols + k];
                        }
                    }
                });
                return copy(TorchScript.QR.apply(Torch.array(manager, first, rows, rank)).get(0));
            } finally {
                Torch.useAllCores(false);
            }
        }
    }

    /**
     * {@code leftᵀ · W}, by one pass over the weight.
     *
     * @param left {@code rows × rank}
     * @return {@code rank × cols}
     */
    double[] project(double[] left, int rank) {
        BlockProduct product = new VectorProduct();
        double[] result = new double[rank * cols];
        blocks((begin, count, values) -> {
            double[] transposed = new double[rank * count];
            double[] block = new double[count * cols];
            for (int i = 0; i < count * cols; i++) {
                block[i] = values[i];
            }
            for (int i = 0; i < count; i++) {
                for (int k = 0; k < rank; k++) {
                    transposed[k * count + i] = left[(begin + i) * rank + k];
                }
            }
            product.add(transposed, rank, count, block, cols, result, 0);
        });
        return result;
    }

    private interface BlockWork {
        void accept(int begin, int count, float[] values);
    }

    private void blocks(BlockWork work) {
        float[] values = new float[Math.min(BLOCK, rows) * cols];
        for (int begin = 0; begin < rows; begin += BLOCK) {
            int count = Math.min(BLOCK, rows - begin);
            source.read(weight, begin, count, values, 0);
            work.accept(begin, count, values);
        }
    }

    private NDArray columnGram(NDManager manager) {
        NDArray gram = manager.zeros(new Shape(cols, cols), DataType.FLOAT64);
        blocks((begin, count, values) -> {
            try (NDManager inner = Torch.manager()) {
                NDArray block = doubles(inner, values, count);
                gram.addi(block.transpose().matMul(block));
            }
        });
        return gram;
    }

    /** Blocks of rows against each other, so that the whole weight is never in memory; only the lower triangle is filled. */
    private NDArray rowGram(NDManager manager) {
        ByteBuffer gram = ByteBuffer.allocateDirect(Math.multiplyExact(rows, rows) * Double.BYTES).order(ByteOrder.nativeOrder());
        DoubleBuffer values = gram.asDoubleBuffer();
        blocks((begin, count, block) -> {
            float[] other = new float[Math.min(BLOCK, rows) * cols];
            for (int first = 0; first <= begin; first += BLOCK) {
                int n = Math.min(BLOCK, rows - first);
                source.read(weight, first, n, other, 0);
                try (NDManager inner = Torch.manager()) {
                    double[] products = copy(doubles(inner, block, count).matMul(doubles(inner, other, n).transpose()));
                    for (int i = 0; i < count; i++) {
                        values.put((begin + i) * rows + first, products, i * n, n);
                    }
                }
            }
        });
        return manager.create(gram, new Shape(rows, rows), DataType.FLOAT64);
    }

    private NDArray doubles(NDManager manager, float[] values, int count) {
        return manager.create(values.length == count * cols ? values : java.util.Arrays.copyOf(values, count * cols), new Shape(count, cols)).toType(DataType.FLOAT64, true);
    }

    private static double[] copy(NDArray array) {
        double[] values = new double[Math.toIntExact(array.size())];
        array.toByteBuffer(true).order(ByteOrder.nativeOrder()).asDoubleBuffer().get(values);
        return values;
    }
}
