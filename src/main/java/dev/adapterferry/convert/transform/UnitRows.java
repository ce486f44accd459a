package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/** Rows scaled to a length of one; a row of zeros stays. */
record UnitRows(TensorView in) implements TensorView {
    @Override
    public TensorType type() {
        return in.type();
    }

    @Override
    public List<Long> shape() {
        return in.shape();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        in.read(firstRow, rows, into, offset);
        int length = in.rowLength();
        for (int row = offset; row < offset + rows * length; row += length) {
            double square = 0;
            for (int i = row; i < row + length; i++) {
                square += (double) into[i] * into[i];
            }
            double scale = square == 0 ? 1 : 1 / Math.sqrt(square);
            for (int i = row; i < row + length; i++) {
                into[i] = (float) (into[i] * scale);
            }
        }
    }
}
