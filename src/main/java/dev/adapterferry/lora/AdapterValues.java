package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.BoundedCache;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.util.List;

/**
 * The values of an adapter's factors, read when a row block needs them. A bounded number is kept, so that the resident size does not
 * grow with the adapter.
 */
final class AdapterValues {
    /** Kept values are few, so that they die young: what is kept through collections of young objects would pile up among the old ones. */
    private static final long KEPT_BYTES = 8L << 20;
    private static final ThreadLocal<float[]> ROWS = ThreadLocal.withInitial(() -> new float[0]);

    private final TensorSource tensors;
    private final BoundedCache<String, float[]> stored;
    private final BoundedCache<Object, double[]> rights;

    AdapterValues(TensorSource tensors) {
        this.tensors = tensors;
        // Both factors of a module must fit, or they would chase each other out.
        long largest = tensors.tensors().stream().mapToLong(TensorInfo::elements).max().orElse(0);
        this.stored = new BoundedCache<>(Math.max(KEPT_BYTES, 3 * largest * Float.BYTES), values -> (long) values.length * Float.BYTES);
        this.rights = new BoundedCache<>(Math.max(KEPT_BYTES, 3 * largest * Double.BYTES), values -> (long) values.length * Double.BYTES);
    }

    TensorSource tensors() {
        return tensors;
    }

    /** All elements of a tensor, in C order. */
    float[] all(TensorInfo tensor) {
        return stored.get(tensor.name(), () -> {
            if (tensor.elements() > Integer.MAX_VALUE - 8) {
                throw new FerryException("Cannot merge: adapter tensor '" + PrintableName.of(tensor.name()) + "' has " + tensor.elements()
                        + " elements, more than a factor can have. Pull the adapter again.");
            }
            float[] values = new float[(int) tensor.elements()];
            tensors.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
            return values;
        });
    }

    /** The left factor's rows, multiplied by the scale, dense. */
    double[] left(Delta delta, int firstRow, int rows) {
        FactorLayout.Factor factor = delta.layout().left(delta.shape());
        if (factor == FactorLayout.Factor.ONE) {
            return new double[] {delta.scale()};
        }
        TensorInfo stored = factor.ofA() ? delta.a() : delta.b();
        int rank = delta.shape().rank();
        double[] dense = new double[rows * rank];
        boolean wholeRows = factor.start() == 0 && factor.colStride() == 1 && factor.rowStride() == rank && stored.rank() == 2 && stored.rowLength() == rank;
        // Whole rows are read as they are needed: nothing is kept, whatever the size of the adapter.
        float[] values = wholeRows ? rows(stored, firstRow, rows) : all(stored);
        int skipped = wholeRows ? firstRow : 0;
        for (int i = 0; i < rows; i++) {
            int row = factor.start() + (firstRow - skipped + i) * factor.rowStride();
            for (int k = 0; k < rank; k++) {
                dense[i * rank + k] = delta.scale() * values[row + k * factor.colStride()];
            }
        }
        return dense;
    }

    private float[] rows(TensorInfo tensor, int firstRow, int rows) {
        int count = Math.toIntExact(rows * tensor.rowLength());
        float[] values = ROWS.get();
        if (values.length < count) {
            values = new float[count];
            ROWS.set(values);
        }
        tensors.read(tensor, firstRow, rows, values, 0);
        return values;
    }

    /** The right factor, dense. */
    double[] right(Delta delta) {
        return rights.get(delta.rightKey(), () -> {
            FactorLayout.Factor factor = delta.layout().right(delta.shape());
            TensorInfo stored = factor.ofA() ? delta.a() : delta.b();
            int rank = delta.shape().rank();
            boolean wholeRows = factor.start() == 0 && factor.colStride() == 1 && factor.rowStride() == delta.cols() && stored.rank() == 2 && stored.shape().equals(List.of((long) rank, (long) delta.cols()));
            float[] values = wholeRows ? rows(stored, 0, rank) : all(stored);
            double[] dense = new double[rank * delta.cols()];
            for (int k = 0; k < rank; k++) {
                int row = factor.start() + k * factor.rowStride();
                for (int j = 0; j < delta.cols(); j++) {
                    dense[k * delta.cols() + j] = values[row + j * factor.colStride()];
                }
            }
            return dense;
        });
    }
}
