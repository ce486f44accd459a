package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * Some rows of a matrix multiplied, the others as they are.
 *
 * @param source where the rows come from
 * @param from   first row that is multiplied
 * @param to     the one behind the last
 * @param factor what their elements are multiplied by
 */
record ScaledRows(TensorView source, long from, long to, float factor) implements TensorView {
    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public List<Long> shape() {
        return source.shape();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        source.read(firstRow, rows, into, offset);
        int length = rowLength();
        int first = offset + (int) Math.max(0, from - firstRow) * length;
        int end = offset + (int) Math.min(rows, to - firstRow) * length;
        for (int i = first; i < end; i++) {
            into[i] *= factor;
        }
    }
}
