package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.TensorType;
import java.util.List;

/**
 * Each element through one function.
 *
 * @param source   where the elements come from
 * @param function what happens to each
 */
public record Elementwise(TensorView source, Function function) implements TensorView {
    /** One value to another. */
    @FunctionalInterface
    public interface Function {
        /** The new value. */
        float apply(float x);
    }

    /** Adds one, for norms stored as offset from one (Gemma, Nemotron). An F16 checkpoint rounds to F16, as the reference converter does. */
    public static TensorView plusOne(TensorView source) {
        boolean half = source.type().label().equals("F16");
        return new Elementwise(source, half ? x -> Float.float16ToFloat(Float.floatToFloat16(x + 1)) : x -> x + 1);
    }

    @Override
    public TensorType type() {
        return source.type();
    }

    @Override
    public List<Long> shape() {
        return source.shape();
    }

    @Override
    public void read(long firstRow, int rows, float[] into, int offset) {
        source.read(firstRow, rows, into, offset);
        for (int i = offset, end = offset + rows * rowLength(); i < end; i++) {
            into[i] = function.apply(into[i]);
        }
    }
}
