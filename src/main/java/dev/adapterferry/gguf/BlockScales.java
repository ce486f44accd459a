package dev.adapterferry.gguf;

import dev.adapterferry.quant.GgmlType;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Looks for blocks that no computation survives: a scale, minimum or plain value that is infinite or not a number.
 * llama.cpp makes the same check after it has quantized a tensor, and when asked to while it loads one.
 */
public final class BlockScales {
    private static final VarHandle SHORT = MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private BlockScales() { }

    /**
     * Finds the first block that holds a non-finite value.
     *
     * @param type   type of the encoded blocks
     * @param bytes  encoded blocks
     * @param offset index of the first byte
     * @param length number of bytes, whole blocks
     * @return index of that block, counted from {@code offset}, or -1 when all are finite
     */
    public static long firstNonFinite(GgmlType type, byte[] bytes, int offset, int length) {
        return switch (type) {
            case F32 -> first(bytes, offset, length, 4, (b, at) -> ((int) INT.get(b, at) & 0x7F800000) == 0x7F800000);
            case F64 -> first(bytes, offset, length, 8, (b, at) -> ((long) LONG.get(b, at) & 0x7FF0000000000000L) == 0x7FF0000000000000L);
            case BF16 -> first(bytes, offset, length, 2, (b, at) -> ((short) SHORT.get(b, at) & 0x7F80) == 0x7F80);
            case MXFP4 -> first(bytes, offset, length, type.blockBytes(), (b, at) -> b[at] == -1);
            case F16, Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> halves(bytes, offset, length, type, 0, 0);
            case Q4_1, Q5_1, Q4_K, Q5_K -> halves(bytes, offset, length, type, 0, 2);
            case Q2_K -> halves(bytes, offset, length, type, 80, 82);
            case Q3_K -> halves(bytes, offset, length, type, 108, 108);
            case Q6_K -> halves(bytes, offset, length, type, 208, 208);
            case I8, I16, I32, I64 -> -1;
        };
    }

    /** Tells whether the block at an index is bad. */
    private interface BadBlock {
        boolean at(byte[] bytes, int index);
    }

    private static long halves(byte[] bytes, int offset, int length, GgmlType type, int scale, int minimum) {
        return first(bytes, offset, length, type.blockBytes(), (b, at) -> isNonFinite(b, at + scale) || isNonFinite(b, at + minimum));
    }

    private static boolean isNonFinite(byte[] bytes, int at) {
        return ((short) SHORT.get(bytes, at) & 0x7C00) == 0x7C00;
    }

    private static long first(byte[] bytes, int offset, int length, int blockBytes, BadBlock bad) {
        for (int block = 0, at = offset; at < offset + length; block++, at += blockBytes) {
            if (bad.at(bytes, at)) {
                return block;
            }
        }
        return -1;
    }
}
