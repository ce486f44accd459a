package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * The same rows under other leading dimensions, for example a convolution {@code [C, 1, K]} as {@code [C, K]}.
 *
 * @param source where the rows come from
 * @param shape  the new shape: same last dimension, same number of elements
 */
public record Reshaped(TensorView source, List<Long> shape) implements TensorView {
    /** Drops every dimension of size one but the last. */
    public static TensorView squeezed(TensorView source) {
        List<Long> all = source.shape();
        List<Long> kept = new java.util.ArrayList<>(all.subList(0, all.size() - 1).stream().filter(d -> d != 1).toList());
        kept.add(all.getLast());
        return new Reshaped(source, List.copyOf(kept));
    }

    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        source.read(firstRow, rows, into, offset);
    }
}
