package dev.adapterferry.quant;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vector width of this machine, fixed at start-up, and the few operations on it that all vector kernels share.
 *
 * <p>Loading this class needs the module {@code jdk.incubator.vector}. House rules for vector code: species are constants, methods stay small enough to be inlined or compiled whole, and state
 * between them travels in arrays; a vector that leaves its method is boxed and costs ten times the work.
 */
final class Lanes {
    /** Widest vectors to use, in bits; for measurements and tests of narrower machines. */
    private static final String WIDEST = "adapterferry.vector.bits";

    static final VectorSpecies<Float> FLOATS = species();
    static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);
    /** Floats in a vector: 4, 8 or 16. */
    static final int COUNT = FLOATS.length();
    /** Columns of a {@link Tile}: two vectors, worked on in turn so that the latency of one hides behind the other. */
    static final int COLUMNS = 2 * COUNT;

    /** Whether this machine has vectors of at least four floats, in the byte order that the kernels assume. */
    static final boolean ARE_WORTHWHILE = FloatVector.SPECIES_PREFERRED.vectorBitSize() >= 128
            && ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN;

    private Lanes() {
    }

    private static VectorSpecies<Float> species() {
        int bits = Math.min(Integer.getInteger(WIDEST, 512), preferredBits());
        return VectorSpecies.of(float.class, VectorShape.forBitSize(Math.max(128, bits)));
    }

    /** Width of the vectors that this machine prefers, 512 at most. */
    static int preferredBits() {
        return Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize());
    }

    /** The bits of 12582912 + 0: rounded integers are read relative to them. */
    static final int MAGIC_BITS = Float.floatToRawIntBits(Rounding.MAGIC);

    /**
     * Nearest integer, ties to even, limited to [low, high], as floats. For |v| &lt; 2^22 only.
     *
     * @param v    values
     * @param low  {@link #MAGIC_BITS} plus the smallest result
     * @param high {@link #MAGIC_BITS} plus the largest result
     */
    static FloatVector round(FloatVector v, IntVector low, IntVector high) {
        // Floats near the magic number order like their bits, so integer limits do, and they are cheap.
        return v.add(Rounding.MAGIC).reinterpretAsInts().max(low).min(high).reinterpretAsFloats().sub(Rounding.MAGIC);
    }

    /**
     * {@link Rounding#nearestEven(float, int, int)} of every lane, for any value.
     *
     * @param v    values
     * @param low  smallest result
     * @param high largest result
     */
    static IntVector nearestEven(FloatVector v, int low, int high) {
        return v.add(Rounding.MAGIC).reinterpretAsInts().and(0x7fffff).sub(0x400000).max(low).min(high);
    }

    /** |v| as integer bits, which order like the values. */
    static IntVector magnitude(FloatVector v) {
        return v.reinterpretAsInts().and(0x7fffffff);
    }

    /**
     * The largest {@link #magnitude} among values: bits of a NaN if there is one, else of the largest.
     *
     * @param x    values
     * @param from index of the first one
     * @param n    how many, a multiple of {@link #COUNT}
     */
    static int largest(float[] x, int from, int n) {
        IntVector largest = IntVector.zero(INTS);
        for (int i = from; i < from + n; i += COUNT) {
            largest = largest.max(magnitude(FloatVector.fromArray(FLOATS, x, i)));
        }
        return largest.reduceLanes(VectorOperators.MAX);
    }

    /** Lanes whose values are not below 2^22 in magnitude, NaN included: for them {@link #round} is not defined. */
    static VectorMask<Integer> beyondRounding(FloatVector v) {
        return magnitude(v).compare(VectorOperators.GE, 0x4a800000);
    }
}
