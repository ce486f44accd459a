package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** Elements within each row in another order, or some of them: what {@link RowGather} is for biases, whose only dimension is the output. */
public final class ColumnGather implements TensorView {
    private static final int SCRATCH_VALUES = 1 << 20;

    private final TensorView source;
    private final List<Long> shape;
    private final int[] columns;

    /**
     * @param source where the elements come from
     * @param length resulting row length
     * @param column gives the source column of each resulting column
     */
    public ColumnGather(TensorView source, int length, IntUnaryOperator column) {
        this.source = source;
        List<Long> dimensions = new ArrayList<>(source.shape());
        dimensions.set(dimensions.size() - 1, (long) length);
        this.shape = List.copyOf(dimensions);
        this.columns = new int[length];
        for (int i = 0; i < length; i++) {
            columns[i] = column.applyAsInt(i);
        }
    }

    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public List<Long> shape() {
        return shape;
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        int sourceLength = source.rowLength();
        int atOnce = Math.max(1, Math.min(rows, SCRATCH_VALUES / Math.max(1, sourceLength)));
        float[] scratch = new float[atOnce * sourceLength];
        int to = offset;
        for (int done = 0; done < rows; done += atOnce) {
            int now = Math.min(atOnce, rows - done);
            source.read(firstRow + done, now, scratch, 0);
            for (int r = 0; r < now; r++) {
                for (int column : columns) {
                    into[to++] = scratch[r * sourceLength + column];
                }
            }
        }
    }
}
