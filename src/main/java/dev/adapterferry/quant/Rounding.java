package dev.adapterferry.quant;

/**
 * The roundings of ggml's quantizers. Which bits a block gets depends on these alone, so they are spelled out: every
 * other step is plain binary32 arithmetic, one rounding per operation and no fused multiply-add.
 */
final class Rounding {
    /** Adding 1.5 * 2^23 leaves no fraction bits: the sum is rounded to an integer, ties to even. */
    static final float MAGIC = 12582912f;

    /** Groups whose largest magnitude is below this are treated as all zero. */
    static final float GROUP_EPSILON = 1e-15f;

    private Rounding() {
    }

    /**
     * To the nearest integer, ties to even. Exact for |v| &lt; 2^22; beyond that it yields the same low bits as the
     * bit trick of ggml's {@code nearest_int}.
     */
    static int nearestEven(float v) {
        return (Float.floatToRawIntBits(v + MAGIC) & 0x7fffff) - 0x400000;
    }

    /** Nearest even, then limited to {@code [low, high]}. */
    static int nearestEven(float v, int low, int high) {
        return Math.max(low, Math.min(high, nearestEven(v)));
    }

    /** To the nearest integer, halves away from zero (C's {@code roundf}); 0 when no int holds the value. */
    static int halfAwayFromZero(float v) {
        // In double neither the addition nor the floor rounds.
        return truncate((float) (v < 0 ? Math.ceil(v - 0.5) : Math.floor(v + 0.5)));
    }

    /**
     * Towards zero (a C cast). C leaves values beyond int undefined; x86 then leaves a zero in the low byte, which is
     * all that callers keep, so the result here is 0.
     */
    static int truncate(float v) {
        return Math.abs(v) < 0x1p31f ? (int) v : 0;
    }

    /** The correctly rounded square root. */
    static float sqrt(float v) {
        return (float) Math.sqrt(v);
    }

    /** binary16 bits, nearest even; overflow gives infinity, a NaN becomes the quiet one with the same sign. */
    static short half(float v) {
        if (Float.isNaN(v)) {
            return (short) (0x7e00 | (Float.floatToRawIntBits(v) >>> 16 & 0x8000));
        }
        return Float.floatToFloat16(v);
    }

    /** The value that is left of {@code v} after it was stored as binary16. */
    static float throughHalf(float v) {
        return Float.float16ToFloat(half(v));
    }

    /** bfloat16 bits, nearest even; a NaN stays a NaN. */
    static short bfloat(float v) {
        int bits = Float.floatToRawIntBits(v);
        if (Float.isNaN(v)) {
            return (short) (bits >>> 16 | 0x40);
        }
        return (short) (bits + 0x7fff + (bits >>> 16 & 1) >>> 16);
    }

    /** The value of bfloat16 bits. */
    static float fromBfloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }
}
