package dev.adapterferry.quant;

/**
 * Finds what must not reach a model file. A kernel's codes for a block with a NaN or an infinity are unspecified (it
 * neither fails nor harms other blocks), so whoever feeds it looks here first; and a block of huge finite values can
 * still overflow its binary16 scale, which {@link #inBlocks} finds afterwards, as llama.cpp's own validation does.
 */
public final class NonFinite {
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
        // 0 times a finite value is 0; sums of them stay 0. Whole chunks pass without a branch per value.
        int i = offset;
        int end = offset + n;
        while (i < end) {
            int stop = Math.min(end, i + 256);
            int largest = 0;
            for (int j = i; j < stop; j++) {
                largest = Math.max(largest, Float.floatToRawIntBits(x[j]) & 0x7fffffff);
            }
            if (largest >= 0x7f800000) {
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
        for (int i = 0; i < elements; i += type.blockElements()) {
            if (isBroken(type, encoded, at)) {
                return i;
            }
            at += type.blockBytes();
        }
        return -1;
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
