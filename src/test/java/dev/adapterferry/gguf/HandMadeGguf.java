package dev.adapterferry.gguf;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** GGUF bytes put together one by one, as the specification's page says, without any of the classes under test. */
public final class HandMadeGguf {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    /** Magic, version 3 and the two counts. */
    public static HandMadeGguf header(long tensors, long keys) {
        return new HandMadeGguf().ascii("GGUF").u32(3).u64(tensors).u64(keys);
    }

    /** A file with {@code general.architecture} and one F32 tensor "a.weight" of one row of four values. */
    public static HandMadeGguf tiny() {
        return header(1, 1).string("general.architecture").u32(8).string("llama").string("a.weight").u32(1).u64(4).u32(0).u64(0).pad(32)
                .f32(1).f32(-2).f32(0.5f).f32(3).pad(32);
    }

    public HandMadeGguf ascii(String text) {
        out.writeBytes(text.getBytes(StandardCharsets.US_ASCII));
        return this;
    }

    public HandMadeGguf bytes(int... values) {
        for (int value : values) {
            out.write(value);
        }
        return this;
    }

    public HandMadeGguf u16(int value) {
        return raw(ByteBuffer.allocate(2).order(ByteOrder.LITTLE_ENDIAN).putShort((short) value));
    }

    public HandMadeGguf u32(long value) {
        return raw(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt((int) value));
    }

    public HandMadeGguf u64(long value) {
        return raw(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value));
    }

    public HandMadeGguf f32(float value) {
        return u32(Float.floatToIntBits(value));
    }

    public HandMadeGguf string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        u64(utf8.length);
        out.writeBytes(utf8);
        return this;
    }

    public HandMadeGguf pad(int alignment) {
        while (out.size() % alignment != 0) {
            out.write(0);
        }
        return this;
    }

    int size() {
        return out.size();
    }

    byte[] toBytes() {
        return out.toByteArray();
    }

    public Path writeTo(Path file) {
        return write(file, toBytes());
    }

    static Path write(Path file, byte[] bytes) {
        try {
            return Files.write(file, bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private HandMadeGguf raw(ByteBuffer buffer) {
        out.writeBytes(buffer.array());
        return this;
    }
}
