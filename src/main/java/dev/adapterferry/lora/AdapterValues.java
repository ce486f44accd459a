package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;

/**
 * The values of an adapter's factors, read when a row block needs them. A bounded number is kept, so that the resident size does not
 * grow with the adapter.
 */
final class AdapterValues {
    /** Bound on kept values, as stored factors and as right factors made ready. */
    private static final long KEPT_BYTES = 24L << 20;

    private final TensorSource tensors;
    private final BoundedCache<String, float[]> stored = new BoundedCache<>(KEPT_BYTES, values -> (long) values.length * Float.BYTES);
    private final BoundedCache<Object, double[]> rights = new BoundedCache<>(KEPT_BYTES, values -> (long) values.length * Double.BYTES);

    AdapterValues(TensorSource tensors) {
        this.tensors = tensors;
    }

    TensorSource tensors() {
        return tensors;
    }

    /** All elements of a tensor, in C order. */
    float[] all(TensorInfo tensor) {
        return stored.get(tensor.name(), () -> {
            if (tensor.elements() > Integer.MAX_VALUE - 8) {
                throw new FerryException("Cannot merge: adapter tensor '" + PrintableName.of(tensor.name()) + "' has " + tensor.elements()
                        + " elements, more than a factor can have.");
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
        float[] values = all(factor.ofA() ? delta.a() : delta.b());
        int rank = delta.shape().rank();
        double[] dense = new double[rows * rank];
        for (int i = 0; i < rows; i++) {
            int row = factor.start() + (firstRow + i) * factor.rowStride();
            for (int k = 0; k < rank; k++) {
                dense[i * rank + k] = delta.scale() * values[row + k * factor.colStride()];
            }
        }
        return dense;
    }

    /** The right factor, dense. */
    double[] right(Delta delta) {
        return rights.get(delta.rightKey(), () -> {
            FactorLayout.Factor factor = delta.layout().right(delta.shape());
            float[] values = all(factor.ofA() ? delta.a() : delta.b());
            int rank = delta.shape().rank();
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
