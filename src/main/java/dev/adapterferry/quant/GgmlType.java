package dev.adapterferry.quant;

import dev.adapterferry.tensor.TensorType;
import java.util.Optional;

/**
 * Tensor types of GGUF: id in the file, elements and bytes per block. Source: ggml's {@code ggml_type} and
 * {@code type_traits}.
 */
public enum GgmlType implements TensorType {
    F32(0, 1, 4),
    F16(1, 1, 2),
    Q4_0(2, 32, 18),
    Q4_1(3, 32, 20),
    Q5_0(6, 32, 22),
    Q5_1(7, 32, 24),
    Q8_0(8, 32, 34),
    Q2_K(10, 256, 84),
    Q3_K(11, 256, 110),
    Q4_K(12, 256, 144),
    Q5_K(13, 256, 176),
    Q6_K(14, 256, 210),
    IQ4_NL(20, 32, 18),
    IQ4_XS(23, 256, 136),
    I8(24, 1, 1),
    I16(25, 1, 2),
    I32(26, 1, 4),
    I64(27, 1, 8),
    F64(28, 1, 8),
    BF16(30, 1, 2),
    MXFP4(39, 32, 17);

    private final int id;
    private final int blockElements;
    private final int blockBytes;

    GgmlType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
    }

    /** The number written in a GGUF tensor table. */
    public int id() {
        return id;
    }

    @Override
    public String label() {
        return name();
    }

    @Override
    public int blockElements() {
        return blockElements;
    }

    @Override
    public int blockBytes() {
        return blockBytes;
    }

    /** True for block formats, false for plain element types. */
    public boolean isQuantized() {
        return blockElements > 1;
    }

    /**
     * The type of an id.
     *
     * @param id number from a GGUF tensor table
     * @return the type, or empty when this ferry does not know it
     */
    public static Optional<GgmlType> fromId(int id) {
        for (GgmlType type : values()) {
            if (type.id == id) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
