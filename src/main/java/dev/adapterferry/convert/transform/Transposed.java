package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * The last two dimensions swapped. A block of resulting rows is a block of source columns, so each call walks the
 * whole source matrix once in pieces: memory stays bounded, and callers should ask for many rows at a time.
 */
public final class Transposed implements TensorView {
    private static final int SCRATCH_VALUES = 1 << 20;

    private final TensorView source;
    private final List<Long> shape;

    /** @param source a tensor of two or more dimensions */
    public Transposed(TensorView source) {
        this.source = source;
        List<Long> dimensions = new ArrayList<>(source.shape());
        int last = dimensions.size() - 1;
        dimensions.add(last - 1, dimensions.remove(last));
        this.shape = List.copyOf(dimensions);
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
        int sourceRows = rowLength();
        int sourceLength = source.rowLength();
        int atOnce = Math.max(1, Math.min(sourceRows, SCRATCH_VALUES / sourceLength));
        float[] scratch = new float[atOnce * sourceLength];
        int done = 0;
        while (done < rows) {
            long matrix = (firstRow + done) / sourceLength;
            int firstColumn = (int) ((firstRow + done) % sourceLength);
            int columns = Math.min(rows - done, sourceLength - firstColumn);
            for (int r = 0; r < sourceRows; r += atOnce) {
                int now = Math.min(atOnce, sourceRows - r);
                source.read(matrix * sourceRows + r, now, scratch, 0);
                for (int c = 0; c < columns; c++) {
                    int to = offset + (done + c) * sourceRows + r;
                    for (int i = 0; i < now; i++) {
                        into[to + i] = scratch[i * sourceLength + firstColumn + c];
                    }
                }
            }
            done += columns;
        }
    }
}
