package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/**
 * Eight 6-bit scales a and eight 6-bit minima b in 12 bytes, as Q4_K and Q5_K keep them: sub-blocks 0 to 3 use the low
 * six bits of bytes 0 to 3 (a) and 4 to 7 (b); of sub-blocks 4 to 7 the low nibbles share bytes 8 to 11 and the upper
 * two bits fill what bytes 0 to 7 left free.
 */
final class SixBitScales {
    private SixBitScales() {
    }

    /** Packs levels 0 to 63. */
    static void put(int[] a, int[] b, ByteBuffer out, int at) {
        for (int j = 0; j < 4; j++) {
            out.put(at + j, (byte) (a[j] | a[j + 4] >> 4 << 6));
            out.put(at + 4 + j, (byte) (b[j] | b[j + 4] >> 4 << 6));
            out.put(at + 8 + j, (byte) (a[j + 4] & 15 | (b[j + 4] & 15) << 4));
        }
    }

    /** Scale level of sub-block j. */
    static int scale(ByteBuffer in, int at, int j) {
        return j < 4 ? in.get(at + j) & 63 : in.get(at + 4 + j) & 15 | (in.get(at + j - 4) & 0xc0) >> 2;
    }

    /** Minimum level of sub-block j. */
    static int min(ByteBuffer in, int at, int j) {
        return j < 4 ? in.get(at + 4 + j) & 63 : in.get(at + 4 + j) >> 4 & 15 | (in.get(at + j) & 0xc0) >> 2;
    }
}
