package dev.adapterferry.convert.transform;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorType;
import java.util.List;

/** A small f32 vector made by the converter, such as rope factors. */
public final class Constant implements TensorView {
    private final float[] values;

    /** @param values the elements; copied */
    public Constant(float[] values) {
        this.values = values.clone();
    }

    @Override
    public TensorType type() {
        return GgmlType.F32;
    }

    @Override
    public List<Long> shape() {
        return List.of((long) values.length);
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        if (rows > 0) {
            System.arraycopy(values, 0, into, offset, values.length);
        }
    }
}
