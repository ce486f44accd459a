package dev.adapterferry.tensor;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** The loops behind {@link ElementType}: bytes to f32 and back. Only BF16, in which most bases come, has a vector body. */
final class ElementCodec {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle DOUBLE = MethodHandles.byteArrayViewVarHandle(double[].class, ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    private static final VectorSpecies<Float> FLOATS = INTS.withLanes(float.class);
    private static final VectorSpecies<Short> SHORTS = VectorSpecies.of(short.class, VectorShape.forBitSize(INTS.length() * Short.SIZE));
    private static final VectorSpecies<Byte> BYTES = SHORTS.withLanes(byte.class);

    /** Every byte decoded, one table per 8-bit type, indexed by ordinal. */
    private static final float[][] TABLES = tables();

    private ElementCodec() { }

    static void decode(ElementType type, byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        switch (type) {
            case BF16 -> decodeBf16(src, srcOffset, elements, dst, dstOffset);
            case F16 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = Float.float16ToFloat((short) SHORT.get(src, srcOffset + 2 * i));
                }
            }
            case F32 -> MemorySegment.copy(MemorySegment.ofArray(src), FLOAT, srcOffset, dst, dstOffset, elements);
            case F64 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (float) (double) DOUBLE.get(src, srcOffset + 8 * i);
                }
            }
            case I16 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (short) SHORT.get(src, srcOffset + 2 * i);
                }
            }
            case U16 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (short) SHORT.get(src, srcOffset + 2 * i) & 0xFFFF;
                }
            }
            case I32 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (int) INT.get(src, srcOffset + 4 * i);
                }
            }
            case U32 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (int) INT.get(src, srcOffset + 4 * i) & 0xFFFFFFFFL;
                }
            }
            case I64 -> {
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = (long) LONG.get(src, srcOffset + 8 * i);
                }
            }
            case U64 -> {
                for (int i = 0; i < elements; i++) {
                    long value = (long) LONG.get(src, srcOffset + 8 * i);
                    // Halving with the lost bit kept sticky rounds an unsigned value as one conversion would.
                    dst[dstOffset + i] = value >= 0 ? value : (float) (value >>> 1 | value & 1) * 2f;
                }
            }
            default -> {
                float[] table = TABLES[type.ordinal()];
                for (int i = 0; i < elements; i++) {
                    dst[dstOffset + i] = table[src[srcOffset + i] & 0xFF];
                }
            }
        }
    }

    private static void decodeBf16(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        int i = 0;
        for (int bound = INTS.loopBound(elements); i < bound; i += INTS.length()) {
            ShortVector halves = ByteVector.fromArray(BYTES, src, srcOffset + 2 * i).reinterpretAsShorts();
            IntVector words = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0);
            words.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats().intoArray(dst, dstOffset + i);
        }
        for (; i < elements; i++) {
            dst[dstOffset + i] = Float.intBitsToFloat((short) SHORT.get(src, srcOffset + 2 * i) << 16);
        }
    }

    static void encode(ElementType type, float[] src, int srcOffset, int elements, byte[] dst, int dstOffset) {
        switch (type) {
            case F32 -> MemorySegment.copy(src, srcOffset, MemorySegment.ofArray(dst), FLOAT, dstOffset, elements);
            case F16 -> {
                for (int i = 0; i < elements; i++) {
                    SHORT.set(dst, dstOffset + 2 * i, Float.floatToFloat16(src[srcOffset + i]));
                }
            }
            case BF16 -> encodeBf16(src, srcOffset, elements, dst, dstOffset);
            default -> throw new UnsupportedOperationException("No writing of " + type);
        }
    }

    private static void encodeBf16(float[] src, int srcOffset, int elements, byte[] dst, int dstOffset) {
        int i = 0;
        for (int bound = INTS.loopBound(elements); i < bound; i += INTS.length()) {
            IntVector bits = FloatVector.fromArray(FLOATS, src, srcOffset + i).reinterpretAsInts();
            VectorMask<Integer> nan = bits.and(0x7FFFFFFF).compare(VectorOperators.GT, 0x7F800000);
            IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
            IntVector rounded = bits.add(0x7FFF).add(odd).blend(bits.or(0x400000), nan).lanewise(VectorOperators.LSHR, 16);
            ((ShortVector) rounded.convertShape(VectorOperators.I2S, SHORTS, 0)).reinterpretAsBytes().intoArray(dst, dstOffset + 2 * i);
        }
        for (; i < elements; i++) {
            SHORT.set(dst, dstOffset + 2 * i, (short) toBf16(src[srcOffset + i]));
        }
    }

    /** The upper half of the nearest binary32 that has a zero lower half, ties to even; NaN stays NaN (quiet). */
    static int toBf16(float value) {
        int bits = Float.floatToRawIntBits(value);
        if (value != value) {
            return bits >>> 16 | 0x40;
        }
        return bits + 0x7FFF + (bits >>> 16 & 1) >>> 16;
    }

    private static float[][] tables() {
        float[][] tables = new float[ElementType.values().length][];
        for (ElementType type : ElementType.values()) {
            if (type.blockBytes() == 1) {
                float[] table = new float[256];
                for (int b = 0; b < 256; b++) {
                    table[b] = decodeByte(type, b);
                }
                tables[type.ordinal()] = table;
            }
        }
        return tables;
    }

    private static float decodeByte(ElementType type, int b) {
        return switch (type) {
            case BOOL -> b == 0 ? 0 : 1;
            case U8 -> b;
            case I8 -> (byte) b;
            case F8_E4M3 -> (b & 0x7F) == 0x7F ? Float.NaN : minifloat(b, 3, 7);
            case F8_E5M2 -> Float.float16ToFloat((short) (b << 8));
            case F8_E8M0 -> b == 255 ? Float.NaN : (float) Math.scalb(1.0, b - 127);
            case F8_E4M3FNUZ -> b == 0x80 ? Float.NaN : minifloat(b, 3, 8);
            case F8_E5M2FNUZ -> b == 0x80 ? Float.NaN : minifloat(b, 2, 16);
            default -> throw new IllegalArgumentException(type + " has no table");
        };
    }

    /** Sign, exponent, mantissa; exponent 0 is subnormal; no value is reserved. */
    private static float minifloat(int b, int mantissaBits, int bias) {
        int mantissa = b & (1 << mantissaBits) - 1;
        int exponent = (b & 0x7F) >> mantissaBits;
        float magnitude = exponent == 0
                ? Math.scalb((float) mantissa, 1 - bias - mantissaBits)
                : Math.scalb((float) (mantissa + (1 << mantissaBits)), exponent - bias - mantissaBits);
        return (b & 0x80) == 0 ? magnitude : -magnitude;
    }
}
