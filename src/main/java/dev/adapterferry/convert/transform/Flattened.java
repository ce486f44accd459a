package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * All elements in one dimension; for small tensors, which are read whole.
 *
 * @param source where the elements come from
 */
public record Flattened(TensorView source) implements TensorView {
    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public List<Long> shape() {
        return List.of(source.rows() * source.rowLength());
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        source.read(0, rows == 0 ? 0 : Math.toIntExact(source.rows()), into, offset);
    }
}
