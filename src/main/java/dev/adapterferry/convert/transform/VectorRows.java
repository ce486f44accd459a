package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/** The elements of a vector as rows of equal length. Vectors are small: each reading takes the whole one. */
record VectorRows(TensorView source, List<Long> shape) implements TensorView {
    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        float[] all = new float[source.rowLength()];
        source.read(0, 1, all, 0);
        System.arraycopy(all, Math.toIntExact(firstRow * rowLength()), into, offset, rows * rowLength());
    }
}
