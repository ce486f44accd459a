package dev.adapterferry.gguf;

import dev.adapterferry.tensor.TensorType;
import java.util.Optional;

/**
 * Types of ggml that this ferry can place in a file, check and copy, but not decode: they need large code books, or
 * nobody ships checkpoints that need them. Ids, elements and bytes per block from ggml's {@code type_traits}.
 */
public enum UndecodedType implements TensorType {
    Q8_1(9, 32, 36),
    Q8_K(15, 256, 292),
    IQ2_XXS(16, 256, 66),
    IQ2_XS(17, 256, 74),
    IQ3_XXS(18, 256, 98),
    IQ1_S(19, 256, 50),
    IQ3_S(21, 256, 110),
    IQ2_S(22, 256, 82),
    IQ1_M(29, 256, 56),
    TQ1_0(34, 256, 54),
    TQ2_0(35, 256, 66),
    NVFP4(40, 64, 36),
    Q1_0(41, 128, 18),
    Q2_0(42, 64, 18);

    private final int id;
    private final int blockElements;
    private final int blockBytes;

    UndecodedType(int id, int blockElements, int blockBytes) {
        this.id = id;
        this.blockElements = blockElements;
        this.blockBytes = blockBytes;
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

    /** The type of an id in a tensor table, or empty. */
    static Optional<UndecodedType> fromId(int id) {
        for (UndecodedType type : values()) {
            if (type.id == id) {
                return Optional.of(type);
            }
        }
        return Optional.empty();
    }
}
