package dev.adapterferry.quant;

import java.nio.ByteBuffer;

/** How small codes share bytes; the arrangements that several formats have in common. */
final class CodePacking {
    private CodePacking() {
    }

    /** Codes i and i + 16 of 32 share byte i: low and high nibble. */
    static void putNibbles32(int[] codes, int from, ByteBuffer out, int at) {
        for (int i = 0; i < 16; i++) {
            out.put(at + i, (byte) (codes[from + i] & 15 | (codes[from + 16 + i] & 15) << 4));
        }
    }

    /** Inverse of {@link #putNibbles32}. */
    static void getNibbles32(ByteBuffer in, int at, int[] codes, int to) {
        for (int i = 0; i < 16; i++) {
            codes[to + i] = in.get(at + i) & 15;
            codes[to + 16 + i] = in.get(at + i) >> 4 & 15;
        }
    }

    /** Bit 4 of code i of 32 is bit i of the result. */
    static int fifthBits(int[] codes) {
        int bits = 0;
        for (int i = 0; i < 32; i++) {
            bits |= (codes[i] >> 4 & 1) << i;
        }
        return bits;
    }

    /** Sets bit 4 of code i of 32 where bit i is set. */
    static void addFifthBits(int bits, int[] codes) {
        for (int i = 0; i < 32; i++) {
            codes[i] |= (bits >> i & 1) << 4;
        }
    }

    /** Of each 64 codes of 256, codes i and i + 32 share a byte: low and high nibble. 128 bytes. */
    static void putNibbles256(int[] codes, ByteBuffer out, int at) {
        for (int g = 0; g < 4; g++) {
            for (int i = 0; i < 32; i++) {
                out.put(at + 32 * g + i, (byte) (codes[64 * g + i] & 15 | (codes[64 * g + 32 + i] & 15) << 4));
            }
        }
    }

    /** Code i of {@link #putNibbles256}. */
    static int nibble256(ByteBuffer in, int at, int i) {
        return in.get(at + i / 64 * 32 + i % 32) >> 4 * (i / 32 % 2) & 15;
    }

    /** Of each 128 codes of 256, codes i, i + 32, i + 64 and i + 96 share a byte, two bits each, lowest first. 64 bytes. */
    static void putPairs256(int[] codes, int shift, ByteBuffer out, int at) {
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 32; i++) {
                int bits = 0;
                for (int part = 0; part < 4; part++) {
                    bits |= (codes[128 * half + 32 * part + i] >> shift & 3) << 2 * part;
                }
                out.put(at + 32 * half + i, (byte) bits);
            }
        }
    }

    /** The two bits of code i of {@link #putPairs256}. */
    static int pair256(ByteBuffer in, int at, int i) {
        return in.get(at + i / 128 * 32 + i % 32) >> 2 * (i % 128 / 32) & 3;
    }

    /** Bit {@code shift} of code i of 256 becomes bit i / 32 of byte i % 32. 32 bytes. */
    static void putBits256(int[] codes, int shift, ByteBuffer out, int at) {
        for (int i = 0; i < 32; i++) {
            int bits = 0;
            for (int part = 0; part < 8; part++) {
                bits |= (codes[32 * part + i] >> shift & 1) << part;
            }
            out.put(at + i, (byte) bits);
        }
    }

    /** The bit of code i of {@link #putBits256}. */
    static int bit256(ByteBuffer in, int at, int i) {
        return in.get(at + i % 32) >> i / 32 & 1;
    }
}
