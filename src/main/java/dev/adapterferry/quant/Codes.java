package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * The last step of the vector kernels: up to 256 codes, a byte each, and their arrangement in a block. Packing works
 * on eight bytes at a time; no code is wider than its field, so shifts do not cross from byte to byte.
 */
final class Codes {
    /** Bytes for one vector of ints; with four lanes there is room for eight, of which the upper four come as zeros. */
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 4)));
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONE = 0x0101010101010101L;

    /** Code i at index i; a few bytes more, because vectors write that far. */
    final byte[] codes = new byte[256 + 8];

    /** {@code clamp(nearest((x + offset) / step), low, high) - low} of {@code n} values, a multiple of 16. */
    void divide(float[] x, int at, int n, float offset, float step, int low, int high, int to) {
        for (int i = 0; i < n; i += COUNT) {
            store(Lanes.nearestEven(FloatVector.fromArray(FLOATS, x, at + i).add(offset).div(step), low, high).sub(low), to + i);
        }
    }

    /** Stores a vector of codes; what follows them may be overwritten with zeros, so store upwards. */
    void store(IntVector values, int to) {
        ((ByteVector) values.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(codes, to);
    }

    /** {@link CodePacking#putNibbles32} of each 32 of {@code n} codes. */
    void nibbles32(int n, byte[] out, int to) {
        for (int g = 0; g < n; g += 32) {
            set(out, to + g / 2, get(g) & 15 * ONE | (get(g + 16) & 15 * ONE) << 4);
            set(out, to + g / 2 + 8, get(g + 8) & 15 * ONE | (get(g + 24) & 15 * ONE) << 4);
        }
    }

    /** Of each {@code 2 * run} codes, the low nibbles of codes i and i + run share a byte. */
    void nibbles256(int run, byte[] out, int to) {
        for (int g = 0; g < 256; g += 2 * run) {
            for (int i = g; i < g + run; i += 8) {
                set(out, to + i - g / 2, get(i) & 15 * ONE | (get(i + run) & 15 * ONE) << 4);
            }
        }
    }

    /** {@link CodePacking#putPairs256}. */
    void pairs256(int shift, byte[] out, int to) {
        for (int half = 0; half < 256; half += 128) {
            for (int i = half; i < half + 32; i += 8) {
                set(out, to + i - 3 * half / 4, get(i) >>> shift & 3 * ONE | (get(i + 32) >>> shift & 3 * ONE) << 2
                        | (get(i + 64) >>> shift & 3 * ONE) << 4 | (get(i + 96) >>> shift & 3 * ONE) << 6);
            }
        }
    }

    /** {@link CodePacking#putBits256}. */
    void bits256(int shift, byte[] out, int to) {
        for (int i = 0; i < 32; i += 8) {
            long bits = 0;
            for (int part = 0; part < 8; part++) {
                bits |= (get(i + 32 * part) >>> shift & ONE) << part;
            }
            set(out, to + i, bits);
        }
    }

    private long get(int at) {
        return (long) LONG.get(codes, at);
    }

    private static void set(byte[] out, int at, long bytes) {
        LONG.set(out, at, bytes);
    }
}
