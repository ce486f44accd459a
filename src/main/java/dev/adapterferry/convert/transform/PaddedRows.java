package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.Arrays;
import java.util.List;

/** A matrix with rows of zeros behind its own: ids that have no embedding of their own, such as those of images and sound. */
public final class PaddedRows implements TensorView {
    private final TensorView source;
    private final long rows;

    /**
     * @param source a matrix
     * @param rows   rows of the result, not fewer than the source has
     */
    public PaddedRows(TensorView source, long rows) {
        if (source.rank() != 2 || rows < source.rows()) {
            throw new IllegalArgumentException("a tensor of " + source.shape() + " cannot be padded to " + rows + " rows");
        }
        this.source = source;
        this.rows = rows;
    }

    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public List<Long> shape() {
        return List.of(rows, (long) source.rowLength());
    }

    @Override
    public void read(long firstRow, int count, float[] into, int offset) {
        int own = (int) Math.clamp(source.rows() - firstRow, 0L, (long) count);
        if (own > 0) {
            source.read(firstRow, own, into, offset);
        }
        Arrays.fill(into, offset + own * rowLength(), offset + count * rowLength(), 0);
    }
}
