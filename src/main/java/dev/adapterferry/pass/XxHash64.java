package dev.adapterferry.pass;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.HexFormat;

/**
 * XXH64 with seed 0, for naming tensors by their bytes while they are written. SHA-256 would cost twice what a Q8_0 encoder does, and must
 * see a file's bytes in order, for no more safety against what happens to files.
 *
 * @see <a href="https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md">xxHash specification</a>
 */
final class XxHash64 {
    private static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle INT = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long PRIME_1 = 0x9E3779B185EBCA87L;
    private static final long PRIME_2 = 0xC2B2AE3D27D4EB4FL;
    private static final long PRIME_3 = 0x165667B19E3779F9L;
    private static final long PRIME_4 = 0x85EBCA77C2B2AE63L;
    private static final long PRIME_5 = 0x27D4EB2F165667C5L;
    private static final int STRIPE = 32;

    private final byte[] rest = new byte[STRIPE];
    private int restLength;
    private long length;
    private long lane1;
    private long lane2;
    private long lane3;
    private long lane4;

    XxHash64() {
        reset();
    }

    private void reset() {
        lane1 = PRIME_1 + PRIME_2;
        lane2 = PRIME_2;
        lane3 = 0;
        lane4 = -PRIME_1;
        restLength = 0;
        length = 0;
    }

    /** Takes more bytes. */
    void update(byte[] bytes, int offset, int count) {
        length += count;
        int at = offset;
        int end = offset + count;
        if (restLength > 0) {
            int taken = Math.min(STRIPE - restLength, count);
            System.arraycopy(bytes, at, rest, restLength, taken);
            restLength += taken;
            at += taken;
            if (restLength < STRIPE) {
                return;
            }
            stripes(rest, 0, STRIPE);
        }
        int whole = (end - at) / STRIPE * STRIPE;
        stripes(bytes, at, at + whole);
        at += whole;
        restLength = end - at;
        System.arraycopy(bytes, at, rest, 0, restLength);
    }

    private void stripes(byte[] bytes, int from, int to) {
        long a = lane1;
        long b = lane2;
        long c = lane3;
        long d = lane4;
        for (int at = from; at < to; at += STRIPE) {
            a = round(a, (long) LONG.get(bytes, at));
            b = round(b, (long) LONG.get(bytes, at + 8));
            c = round(c, (long) LONG.get(bytes, at + 16));
            d = round(d, (long) LONG.get(bytes, at + 24));
        }
        lane1 = a;
        lane2 = b;
        lane3 = c;
        lane4 = d;
    }

    /** The hash of all bytes since the start or the last call, 16 lower-case hexadecimal digits; starts anew. */
    String finish() {
        String hash = soFar();
        reset();
        return hash;
    }

    /** The hash of all bytes since the start or the last {@link #finish}; goes on. */
    String soFar() {
        long hash = length < STRIPE ? PRIME_5 : merged();
        hash += length;
        int at = 0;
        for (; at + 8 <= restLength; at += 8) {
            hash = Long.rotateLeft(hash ^ round(0, (long) LONG.get(rest, at)), 27) * PRIME_1 + PRIME_4;
        }
        if (at + 4 <= restLength) {
            hash = Long.rotateLeft(hash ^ ((int) INT.get(rest, at) & 0xFFFFFFFFL) * PRIME_1, 23) * PRIME_2 + PRIME_3;
            at += 4;
        }
        for (; at < restLength; at++) {
            hash = Long.rotateLeft(hash ^ (rest[at] & 0xFF) * PRIME_5, 11) * PRIME_1;
        }
        hash = (hash ^ hash >>> 33) * PRIME_2;
        hash = (hash ^ hash >>> 29) * PRIME_3;
        hash ^= hash >>> 32;
        return HexFormat.of().toHexDigits(hash);
    }

    private long merged() {
        long hash = Long.rotateLeft(lane1, 1) + Long.rotateLeft(lane2, 7) + Long.rotateLeft(lane3, 12) + Long.rotateLeft(lane4, 18);
        hash = (hash ^ round(0, lane1)) * PRIME_1 + PRIME_4;
        hash = (hash ^ round(0, lane2)) * PRIME_1 + PRIME_4;
        hash = (hash ^ round(0, lane3)) * PRIME_1 + PRIME_4;
        return (hash ^ round(0, lane4)) * PRIME_1 + PRIME_4;
    }

    private static long round(long lane, long input) {
        return Long.rotateLeft(lane + input * PRIME_2, 31) * PRIME_1;
    }
}
