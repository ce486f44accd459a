package dev.adapterferry.convert.transform;

import dev.adapterferry.tensor.BoundedCache;
import java.util.function.Supplier;

/**
 * Rows of transposed matrices, many at a time: whoever asks for a few of them gets the next few from here, instead of walking through
 * the whole matrix again. Holds 128 MB at most, for all matrices of a model together.
 */
final class Bands {
    /** Values of one band: 32 MB. */
    static final int VALUES = 1 << 23;
    private static final long MOST_BYTES = 4L * VALUES * Float.BYTES;

    private final BoundedCache<Band, float[]> kept = new BoundedCache<>(MOST_BYTES, values -> (long) values.length * Float.BYTES);

    /**
     * Which rows.
     *
     * @param of       what is transposed
     * @param firstRow first resulting row
     */
    record Band(TensorView of, long firstRow) { }

    /** The rows of a band, made now if they are not here. */
    float[] get(Band band, Supplier<float[]> make) {
        return kept.get(band, make);
    }
}
