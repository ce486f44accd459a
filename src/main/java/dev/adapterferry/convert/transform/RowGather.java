package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.function.LongUnaryOperator;

/**
 * Rows of another view in another order, or some of them: permutations, slices and splits of the output dimension.
 *
 * <p>Neighbouring source rows are read together, however the order scatters them: a merged checkpoint multiplies
 * matrices on every read, and single rows would be slow.
 */
public final class RowGather implements TensorView {
    /** Values that one read from the source may span: 4 MB of scratch per call. */
    private static final int SCRATCH_VALUES = 1 << 20;

    private final TensorView source;
    private final List<Long> shape;
    private final LongUnaryOperator sourceRow;

    /**
     * @param source    where the rows come from
     * @param shape     the resulting shape; its last dimension is the source's
     * @param sourceRow gives the source row of each resulting row
     */
    public RowGather(TensorView source, List<Long> shape, LongUnaryOperator sourceRow) {
        this.source = source;
        this.shape = List.copyOf(shape);
        this.sourceRow = sourceRow;
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
        int length = rowLength();
        // (source row, place in the block) packed into one long: sorted, neighbours in the source lie side by side.
        long[] wanted = new long[rows];
        for (int i = 0; i < rows; i++) {
            wanted[i] = sourceRow.applyAsLong(firstRow + i) << 31 | i;
        }
        Arrays.sort(wanted);
        int limit = Math.max(1, SCRATCH_VALUES / Math.max(1, length));
        float[] scratch = null;
        for (int start = 0; start < rows; ) {
            int end = start + 1;
            boolean inOrder = true;
            while (end < rows && end - start < limit && row(wanted[end]) == row(wanted[end - 1]) + 1) {
                inOrder &= place(wanted[end]) == place(wanted[end - 1]) + 1;
                end++;
            }
            int run = end - start;
            if (inOrder) {
                source.read(row(wanted[start]), run, into, offset + place(wanted[start]) * length);
            } else {
                if (scratch == null) {
                    scratch = new float[Math.min(rows, limit) * length];
                }
                source.read(row(wanted[start]), run, scratch, 0);
                for (int i = 0; i < run; i++) {
                    System.arraycopy(scratch, i * length, into, offset + place(wanted[start + i]) * length, length);
                }
            }
            start = end;
        }
    }

    private static long row(long packed) {
        return packed >>> 31;
    }

    private static int place(long packed) {
        return (int) (packed & Integer.MAX_VALUE);
    }
}
