package dev.adapterferry.tensor;

import java.util.Optional;

/**
 * Element types of safetensors. Multi-byte elements are little-endian. F16 is IEEE 754 binary16, BF16 the upper half of a binary32;
 * the 8-bit floats follow the OCP specification (E4M3 without infinities, E5M2 like a short binary16, E8M0 an exponent alone) and,
 * for the FNUZ pair, the Graphcore/AMD variant (one zero, one NaN). Source: safetensors' {@code Dtype}.
 *
 * <p>The packed 4- and 6-bit types and complex numbers that the format also knows do not occur in weights that can be merged or
 * converted; a file that holds one is refused by name.
 */
public enum ElementType implements TensorType {
    BOOL(1), U8(1), I8(1),
    F8_E4M3(1), F8_E5M2(1), F8_E8M0(1), F8_E4M3FNUZ(1), F8_E5M2FNUZ(1),
    U16(2), I16(2), F16(2), BF16(2),
    U32(4), I32(4), F32(4),
    U64(8), I64(8), F64(8);

    private final int bytes;

    ElementType(int bytes) {
        this.bytes = bytes;
    }

    @Override
    public String label() {
        return name();
    }

    @Override
    public int blockElements() {
        return 1;
    }

    @Override
    public int blockBytes() {
        return bytes;
    }

    /** True for floating-point types. */
    public boolean isFloat() {
        return name().startsWith("F") || this == BF16;
    }

    /** True for the 8-bit floating-point types, whose values usually need a scale that lies in another tensor. */
    public boolean isFloat8() {
        return isFloat() && bytes == 1;
    }

    /** True for the types that {@link #encode} writes. */
    public boolean isWritable() {
        return this == F32 || this == F16 || this == BF16;
    }

    /**
     * Decodes elements to f32: exactly, but for F64 and integers beyond 24 bits, which are rounded to nearest.
     *
     * @param src       stored bytes
     * @param srcOffset index of the first byte
     * @param elements  number of elements
     * @param dst       receives the values
     * @param dstOffset index of the first value
     */
    public void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        ElementCodec.decode(this, src, srcOffset, elements, dst, dstOffset);
    }

    /**
     * Encodes f32 values, rounding to nearest even; values beyond the largest finite F16 or BF16 become infinite.
     *
     * @param src       values
     * @param srcOffset index of the first value
     * @param elements  number of values
     * @param dst       receives the bytes
     * @param dstOffset index of the first byte
     * @throws UnsupportedOperationException unless {@link #isWritable()}
     */
    public void encode(float[] src, int srcOffset, int elements, byte[] dst, int dstOffset) {
        ElementCodec.encode(this, src, srcOffset, elements, dst, dstOffset);
    }

    /**
     * One value as this type would keep it.
     *
     * @param value any value
     * @return the value after {@link #encode} and {@link #decode}
     */
    public float round(float value) {
        return switch (this) {
            case F32 -> value;
            case F16 -> Float.float16ToFloat(Float.floatToFloat16(value));
            case BF16 -> Float.intBitsToFloat(ElementCodec.toBf16(value) << 16);
            default -> throw new UnsupportedOperationException("No rounding to " + this);
        };
    }

    /**
     * The type of a name.
     *
     * @param name dtype as safetensors writes it, for example {@code BF16}
     * @return the type, or empty when this ferry does not read it
     */
    public static Optional<ElementType> fromName(String name) {
        for (ElementType type : values()) {
            if (type.name().equals(name)) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
