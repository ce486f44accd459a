package dev.adapterferry.quant;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Finds what must not reach a model file. A kernel's codes for a block with a NaN or an infinity are unspecified (it
 * neither fails nor harms other blocks), so whoever feeds it looks here first; and a block of huge finite values can
 * still overflow its binary16 scale, which {@link #inBlocks} finds afterwards, as llama.cpp's own validation does.
 */
public final class NonFinite {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int CHUNK = 1024;

    private NonFinite() {
    }

    /**
     * Looks for a NaN or an infinity.
     *
     * @param x      values
     * @param offset index of the first one to look at
     * @param n      how many
     * @return index of the first that is not finite, counted from {@code offset}, or -1
     */
    public static int inValues(float[] x, int offset, int n) {
        int i = offset;
        int end = offset + n;
        while (i < end) {
            int stop = Math.min(end, i + CHUNK);
            if (!Float.isFinite(largest(x, i, stop))) {
                while (Float.isFinite(x[i])) {
                    i++;
                }
                return i - offset;
            }
            i = stop;
        }
        return -1;
    }

    /**
     * The largest magnitude, NaN if there is one. The compiler makes vectors of it, no branch per value; four runs side by side, since each comparison waits
     * for the one before. Vectors by hand would be a little faster, but take a quarter of a second before they are compiled.
     *
     * @param x    values
     * @param from index of the first one
     * @param to   index behind the last one
     */
    public static float largest(float[] x, int from, int to) {
        int run = (to - from) / 4;
        float a = 0;
        float b = 0;
        float c = 0;
        float d = 0;
        for (int i = from; i < from + run; i++) {
            a = Math.max(a, Math.abs(x[i]));
            b = Math.max(b, Math.abs(x[i + run]));
            c = Math.max(c, Math.abs(x[i + 2 * run]));
            d = Math.max(d, Math.abs(x[i + 3 * run]));
        }
        for (int i = from + 4 * run; i < to; i++) {
            a = Math.max(a, Math.abs(x[i]));
        }
        return Math.max(Math.max(a, b), Math.max(c, d));
    }

    /**
     * Looks for encoded blocks that decode to something not finite: a scale or minimum that overflowed binary16, a
     * NaN exponent, or a plain element that is not finite.
     *
     * @param type     type of the blocks
     * @param encoded  their bytes
     * @param offset   index of the first byte, at a block border
     * @param elements number of values, a multiple of the type's block
     * @return index of the first value of the first such block, or -1
     */
    public static int inBlocks(GgmlType type, byte[] encoded, int offset, int elements) {
        int at = offset;
        int sound = !type.isQuantized() && elements >= 8 ? soundPrefix(type, encoded, offset, elements) : 0;
        at += sound * type.blockBytes();
        for (int i = sound; i < elements; i += type.blockElements()) {
            if (isBroken(type, encoded, at)) {
                return i;
            }
            at += type.blockBytes();
        }
        return -1;
    }

    /** Number of plain elements, in whole groups of eight bytes, before the first group with one that is not finite. */
    private static int soundPrefix(GgmlType type, byte[] encoded, int offset, int elements) {
        long exponents = switch (type) {
            case F16 -> 0x7c00_7c00_7c00_7c00L;
            case BF16 -> 0x7f80_7f80_7f80_7f80L;
            case F32 -> 0x7f80_0000_7f80_0000L;
            default -> 0;
        };
        // One more in the lowest place of an exponent of all ones carries into the sign.
        long signs = type == GgmlType.F32 ? 0x8000_0000_8000_0000L : 0x8000_8000_8000_8000L;
        long carry = exponents == 0 ? 0 : signs - exponents;
        int bytes = elements * type.blockBytes() / 8 * 8;
        int i = 0;
        while (i < bytes && (((long) LONG.get(encoded, offset + i) & exponents) + carry & signs) == 0) {
            i += 8;
        }
        return i / type.blockBytes();
    }

    private static boolean isBroken(GgmlType type, byte[] b, int at) {
        return switch (type) {
            case F32 -> isAllOnes(b, at + 2, 0x7f80);
            case BF16 -> isAllOnes(b, at, 0x7f80);
            case F16, Q4_0, Q5_0, Q8_0, IQ4_NL, IQ4_XS -> isAllOnes(b, at, 0x7c00);
            case Q4_1, Q5_1, Q4_K, Q5_K -> isAllOnes(b, at, 0x7c00) || isAllOnes(b, at + 2, 0x7c00);
            case Q2_K -> isAllOnes(b, at + 80, 0x7c00) || isAllOnes(b, at + 82, 0x7c00);
            case Q3_K -> isAllOnes(b, at + 108, 0x7c00);
            case Q6_K -> isAllOnes(b, at + 208, 0x7c00);
            case MXFP4 -> b[at] == (byte) 0xff;
            case I8, I16, I32, I64, F64 -> false;
        };
    }

    /** Whether all exponent bits of a little-endian 16-bit number are set. */
    private static boolean isAllOnes(byte[] b, int at, int exponent) {
        return ((b[at] & 0xff | b[at + 1] << 8) & exponent) == exponent;
    }
}
