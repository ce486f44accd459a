package dev.adapterferry.gguf;

import dev.adapterferry.failure.MalformedFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** Reads the header's values one after the other and never past its end; every complaint carries the offset. */
final class GgufCursor {
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final Path file;
    private final MemorySegment bytes;
    private final long end;
    private long position;

    /** Starts at byte 0 of a mapped file. */
    GgufCursor(Path file, MemorySegment bytes) {
        this.file = file;
        this.bytes = bytes;
        this.end = Math.min(bytes.byteSize(), GgufFormat.MAX_HEADER_BYTES);
    }

    long position() {
        return position;
    }

    /** Bytes that a header may still take. */
    long remaining() {
        return end - position;
    }

    byte u8(String what) {
        return bytes.get(ValueLayout.JAVA_BYTE, advance(1, what));
    }

    short u16(String what) {
        return bytes.get(SHORT, advance(2, what));
    }

    int u32(String what) {
        return bytes.get(INT, advance(4, what));
    }

    long u64(String what) {
        return bytes.get(LONG, advance(8, what));
    }

    boolean bool(String what) {
        byte value = u8(what);
        if (value != 0 && value != 1) {
            throw malformed(position - 1, what + " is a BOOL of value " + (value & 0xFF) + ", not 0 or 1");
        }
        return value == 1;
    }

    String string(String what) {
        long at = position;
        long length = u64(what);
        if (length < 0 || length > remaining()) {
            throw malformed(at, what + " is a string of " + Long.toUnsignedString(length) + " bytes, but the header has only " + remaining() + " left");
        }
        ByteBuffer text = bytes.asSlice(advance(length, what), length).asByteBuffer();
        try {
            return StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).onUnmappableCharacter(CodingErrorAction.REPORT)
                    .decode(text).toString();
        } catch (CharacterCodingException e) {
            throw malformed(at + 8, what + " is not UTF-8");
        }
    }

    float[] floats(int count, String what) {
        float[] values = new float[count];
        MemorySegment.copy(bytes, ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), advance(4L * count, what), values, 0, count);
        return values;
    }

    int[] ints(int count, String what) {
        int[] values = new int[count];
        MemorySegment.copy(bytes, INT, advance(4L * count, what), values, 0, count);
        return values;
    }

    byte[] bytes(int count, String what) {
        byte[] values = new byte[count];
        MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, advance(count, what), values, 0, count);
        return values;
    }

    MalformedFile malformed(long offset, String defect) {
        return new MalformedFile(file, offset, defect);
    }

    private long advance(long count, String what) {
        if (count > remaining()) {
            throw malformed(position, end < bytes.byteSize()
                    ? what + " lies beyond the first " + end + " bytes; no real header is that large"
                    : "the file ends within " + what);
        }
        long at = position;
        position += count;
        return at;
    }
}
