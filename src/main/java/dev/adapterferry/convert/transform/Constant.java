package dev.adapterferry.convert.transform;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorType;
import java.util.List;

/** A small f32 tensor made by the converter, such as rope factors. */
public final class Constant implements TensorView {
    private final float[] values;
    private final List<Long> shape;

    /** @param values the elements; copied */
    public Constant(float[] values) {
        this(values, List.of((long) values.length));
    }

    /**
     * @param values the elements, row by row; copied
     * @param shape  dimensions, outermost first
     */
    public Constant(float[] values, List<Long> shape) {
        this.values = values.clone();
        this.shape = List.copyOf(shape);
    }

    @Override
    public TensorType type() {
        return GgmlType.F32;
    }

    @Override
    public List<Long> shape() {
        return shape;
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        System.arraycopy(values, Math.toIntExact(firstRow * rowLength()), into, offset, rows * rowLength());
    }
}
