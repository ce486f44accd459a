package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * A matrix as BitNet's layers see it: each weight rounded to minus, nought or plus the mean magnitude of the whole matrix. The first read goes through the
 * matrix twice, block by block.
 */
final class Ternary implements TensorView {
    private static final int AT_ONCE = 1 << 18;
    private static final double SMALLEST = 1e-5;

    private final TensorView in;
    private volatile double magnitude;

    Ternary(TensorView in) {
        this.in = in;
    }

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
        double mean = magnitude();
        in.read(firstRow, rows, into, offset);
        for (int i = offset, end = offset + rows * in.rowLength(); i < end; i++) {
            into[i] = (float) (Math.clamp(Math.rint(into[i] / mean), -1.0, 1.0) * mean);
        }
    }

    private double magnitude() {
        if (magnitude == 0) {
            synchronized (this) {
                if (magnitude == 0) {
                    magnitude = Math.max(SMALLEST, sum() / ((double) in.rows() * in.rowLength()));
                }
            }
        }
        return magnitude;
    }

    private double sum() {
        int block = Math.max(1, AT_ONCE / in.rowLength());
        float[] values = new float[Math.toIntExact(Math.min(block, in.rows())) * in.rowLength()];
        double sum = 0;
        for (long row = 0; row < in.rows(); row += block) {
            int rows = (int) Math.min(block, in.rows() - row);
            in.read(row, rows, values, 0);
            for (int i = 0; i < rows * in.rowLength(); i++) {
                sum += Math.abs(values[i]);
            }
        }
        return sum;
    }
}
