package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * The last two dimensions swapped. Resulting rows are source columns, and every source row must be read for any of them: so they are made
 * in bands of many rows ({@link Bands}), one walk through the source matrix for each band, and memory stays bounded.
 */
public final class Transposed implements TensorView {
    private static final int SCRATCH_VALUES = 1 << 20;

    private final TensorView source;
    private final List<Long> shape;
    private final Bands bands;

    /**
     * @param source a tensor of two or more dimensions
     * @param bands  keeps rows that were made beside those that were asked for
     */
    Transposed(TensorView source, Bands bands) {
        this.source = source;
        this.bands = bands;
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
        int length = rowLength();
        int perMatrix = source.rowLength();
        int perBand = Math.max(1, Math.min(perMatrix, Bands.VALUES / length));
        for (int done = 0; done < rows; ) {
            long row = firstRow + done;
            int within = (int) (row % perMatrix);
            int bandStart = within - within % perBand;
            int bandRows = Math.min(perBand, perMatrix - bandStart);
            int now = Math.min(rows - done, bandStart + bandRows - within);
            float[] band = bands.get(new Bands.Band(source, row - within + bandStart), () -> band(row / perMatrix, bandStart, bandRows));
            System.arraycopy(band, (within - bandStart) * length, into, offset + done * length, now * length);
            done += now;
        }
    }

    /** Columns of one source matrix as rows. */
    private float[] band(long matrix, int firstColumn, int columns) {
        int sourceRows = rowLength();
        int sourceLength = source.rowLength();
        int atOnce = Math.max(1, Math.min(sourceRows, SCRATCH_VALUES / sourceLength));
        float[] scratch = new float[atOnce * sourceLength];
        float[] made = new float[columns * sourceRows];
        for (int r = 0; r < sourceRows; r += atOnce) {
            int now = Math.min(atOnce, sourceRows - r);
            source.read(matrix * sourceRows + r, now, scratch, 0);
            for (int c = 0; c < columns; c++) {
                int to = c * sourceRows + r;
                for (int i = 0; i < now; i++) {
                    made[to + i] = scratch[i * sourceLength + firstColumn + c];
                }
            }
        }
        return made;
    }
}
