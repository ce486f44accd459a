package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COUNT;
import static dev.adapterferry.quant.Lanes.FLOATS;
import static dev.adapterferry.quant.Lanes.INTS;

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
 * Up to 256 codes of a block, a byte each: between values and codes the vector kernels use lanes, between codes and
 * their arrangement in a block they move eight bytes at a time. One thread's scratch.
 */
final class Codes {
    /** Bytes for one vector of ints; with four lanes there is room for eight, of which the upper four do not count. */
    private static final VectorSpecies<Byte> BYTES =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, FLOATS.vectorBitSize() / 4)));
    /** Whether codes that are stored overwrite nothing behind them: with four lanes they do. */
    static final boolean FIT = BYTES.length() == COUNT;
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long ONE = 0x0101010101010101L;

    /** Code i at index i, and a few bytes more, because vectors reach that far. */
    final byte[] codes = new byte[256 + 8];

    /** {@code clamp(nearest((x + offset) / step), low, high) - low} of {@code n} values, a multiple of 16. */
    void divide(float[] x, int at, int n, float offset, float step, int low, int high, int to) {
        for (int i = 0; i < n; i += COUNT) {
            store(Lanes.nearestEven(FloatVector.fromArray(FLOATS, x, at + i).add(offset).div(step), low, high).sub(low), to + i);
        }
    }

    /** {@link CodebookSearch#nearest} of {@code k * x} for {@code n} values, a multiple of 16. */
    void nearestLevels(float[] x, int at, int n, float k, int to) {
        for (int i = 0; i < n; i += COUNT) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, at + i).mul(k);
            IntVector code = IntVector.broadcast(INTS, 15);
            for (int c = 15; c > 0; c--) {
                code = code.blend(c - 1, v.compare(VectorOperators.LT, CodebookSearch.midpoint(c)).cast(INTS));
            }
            store(code, to + i);
        }
    }

    /** {@code min(high, trunc((x - base) * k + offset))} of {@code n} values, a multiple of 16. */
    void truncate(float[] x, int at, int n, float base, float k, float offset, int high, int to) {
        for (int i = 0; i < n; i += COUNT) {
            FloatVector v = FloatVector.fromArray(FLOATS, x, at + i).sub(base).mul(k).add(offset);
            store(((IntVector) v.convert(VectorOperators.F2I, 0)).min(high), to + i);
        }
    }

    /** Stores a vector of codes; unless they {@link #FIT}, what follows them is overwritten, so store upwards. */
    void store(IntVector values, int to) {
        store(values, codes, to);
    }

    /** The same into any array, which without {@link #FIT} needs room behind the codes. */
    static void store(IntVector values, byte[] out, int to) {
        ((ByteVector) values.convertShape(VectorOperators.I2B, BYTES, 0)).intoArray(out, to);
    }

    /**
     * Values of {@code n} codes, a multiple of 16: {@code step * (code - zero) - min}.
     *
     * @param y receives them from index {@code at}
     */
    void multiply(int from, int n, float step, int zero, float min, float[] y, int at) {
        for (int i = 0; i < n; i += COUNT) {
            IntVector code = (IntVector) ByteVector.fromArray(BYTES, codes, from + i).convertShape(VectorOperators.B2I, INTS, 0);
            ((FloatVector) code.sub(zero).convert(VectorOperators.I2F, 0)).mul(step).sub(min).intoArray(y, at + i);
        }
    }

    /** {@link CodePacking#putNibbles32} of each 32 of {@code n} codes. */
    void nibbles32(int n, byte[] out, int to) {
        for (int g = 0; g < n; g += 32) {
            set(out, to + g / 2, get(g) & 15 * ONE | (get(g + 16) & 15 * ONE) << 4);
            set(out, to + g / 2 + 8, get(g + 8) & 15 * ONE | (get(g + 24) & 15 * ONE) << 4);
        }
    }

    /** {@link CodePacking#getNibbles32} for each 32 of {@code n} codes. */
    void readNibbles32(byte[] in, int at, int n, int to) {
        for (int g = 0; g < n; g += 32) {
            for (int i = 0; i < 16; i += 8) {
                long bytes = (long) LONG.get(in, at + g / 2 + i);
                set(codes, to + g + i, bytes & 15 * ONE);
                set(codes, to + g + 16 + i, bytes >>> 4 & 15 * ONE);
            }
        }
    }

    /** Of each {@code 2 * run} of 256 codes, the low nibbles of codes i and i + run share a byte. */
    void nibbles256(int run, byte[] out, int to) {
        for (int g = 0; g < 256; g += 2 * run) {
            for (int i = g; i < g + run; i += 8) {
                set(out, to + i - g / 2, get(i) & 15 * ONE | (get(i + run) & 15 * ONE) << 4);
            }
        }
    }

    /** Inverse of {@link #nibbles256}. */
    void readNibbles256(byte[] in, int at, int run) {
        for (int g = 0; g < 256; g += 2 * run) {
            for (int i = g; i < g + run; i += 8) {
                long bytes = (long) LONG.get(in, at + i - g / 2);
                set(codes, i, bytes & 15 * ONE);
                set(codes, i + run, bytes >>> 4 & 15 * ONE);
            }
        }
    }

    /** {@link CodePacking#fifthBits} of 32 codes from index {@code from}. */
    int fifthBits(int from) {
        int bits = 0;
        for (int i = 0; i < 4; i++) {
            // The multiplication gathers bit 0 of each byte in the topmost byte.
            bits |= (int) ((get(from + 8 * i) >>> 4 & ONE) * 0x0102040810204080L >>> 56) << 8 * i;
        }
        return bits;
    }

    /** {@link CodePacking#addFifthBits} for 32 codes from index {@code to}. */
    void addFifthBits(int bits, int to) {
        for (int i = 0; i < 32; i++) {
            codes[to + i] |= (byte) ((bits >>> i & 1) << 4);
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

    /** Adds the two bits that {@link #pairs256} took off. */
    void addPairs256(byte[] in, int at, int shift) {
        for (int half = 0; half < 256; half += 128) {
            for (int i = half; i < half + 32; i += 8) {
                long bytes = (long) LONG.get(in, at + i - 3 * half / 4);
                for (int part = 0; part < 4; part++) {
                    set(codes, i + 32 * part, get(i + 32 * part) | (bytes >>> 2 * part & 3 * ONE) << shift);
                }
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

    /** Adds the bit that {@link #bits256} took off. */
    void addBits256(byte[] in, int at, int shift) {
        for (int i = 0; i < 32; i += 8) {
            long bytes = (long) LONG.get(in, at + i);
            for (int part = 0; part < 8; part++) {
                set(codes, i + 32 * part, get(i + 32 * part) | (bytes >>> part & ONE) << shift);
            }
        }
    }

    private long get(int at) {
        return (long) LONG.get(codes, at);
    }

    private static void set(byte[] out, int at, long bytes) {
        LONG.set(out, at, bytes);
    }

    /** The binary16 value at an index. */
    static float half(byte[] in, int at) {
        return Float.float16ToFloat((short) SHORT.get(in, at));
    }

    /** Stores binary16 bits. */
    static void putHalf(short half, byte[] out, int at) {
        SHORT.set(out, at, half);
    }

    /** The 32-bit number at an index. */
    static int integer(byte[] in, int at) {
        return (int) INT.get(in, at);
    }

    /** Stores a 32-bit number. */
    static void putInteger(int value, byte[] out, int at) {
        INT.set(out, at, value);
    }
}
