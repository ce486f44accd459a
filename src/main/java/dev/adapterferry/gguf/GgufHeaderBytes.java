package dev.adapterferry.gguf;

import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Encodes a header: the reverse of {@link GgufHeader}. The same input gives the same bytes. */
final class GgufHeaderBytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream(1 << 16);
    private final ByteBuffer eight = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    private GgufHeaderBytes() { }

    /**
     * The header, padded to the alignment.
     *
     * @param tensors with offsets relative to the start of the data
     */
    static byte[] of(GgufMetadata metadata, List<GgufPlan.Tensor> tensors, long alignment) {
        GgufHeaderBytes bytes = new GgufHeaderBytes();
        bytes.u32(GgufFormat.MAGIC);
        bytes.u32(GgufFormat.VERSION);
        bytes.u64(tensors.size());
        bytes.u64(metadata.entries().size());
        metadata.entries().forEach(bytes::entry);
        tensors.forEach(bytes::tensor);
        bytes.out.writeBytes(new byte[(int) (GgufFormat.align(bytes.out.size(), alignment) - bytes.out.size())]);
        return bytes.out.toByteArray();
    }

    private void tensor(GgufPlan.Tensor tensor) {
        string(tensor.name());
        List<Long> shape = tensor.source().shape();
        u32(Math.max(1, shape.size()));
        if (shape.isEmpty()) {
            u64(1);
        }
        shape.reversed().forEach(this::u64);
        u32(tensor.type().id());
        u64(tensor.offset());
    }

    private void entry(String key, Value value) {
        if (key.isEmpty()) {
            throw new IllegalArgumentException("a key is empty");
        }
        string(key);
        u32(value.type().id());
        if (value.type() == ValueType.ARRAY) {
            array(key, value.element(), value.value());
        } else {
            scalar(key, value.type(), value.value());
        }
    }

    private void array(String key, ValueType element, Object values) {
        if (element == null || element == ValueType.ARRAY) {
            throw new IllegalArgumentException(key + " is an array of " + element);
        }
        u32(element.id());
        switch (values) {
            case float[] floats when element == ValueType.FLOAT32 -> {
                u64(floats.length);
                for (float f : floats) {
                    u32(Float.floatToRawIntBits(f));
                }
            }
            case int[] ints when element == ValueType.INT32 -> {
                u64(ints.length);
                for (int i : ints) {
                    u32(i);
                }
            }
            case byte[] bytes when element == ValueType.UINT8 || element == ValueType.INT8 -> {
                u64(bytes.length);
                out.writeBytes(bytes);
            }
            case long[] longs -> {
                u64(longs.length);
                for (long l : longs) {
                    scalar(key, element, l);
                }
            }
            case List<?> list -> {
                u64(list.size());
                list.forEach(v -> scalar(key, element, v));
            }
            case null, default -> throw new IllegalArgumentException(key + " is no array of " + element + ": " + values);
        }
    }

    private void scalar(String key, ValueType type, Object value) {
        switch (value) {
            case Float f when type == ValueType.FLOAT32 -> u32(Float.floatToRawIntBits(f));
            case Double d when type == ValueType.FLOAT64 -> u64(Double.doubleToRawLongBits(d));
            case Boolean b when type == ValueType.BOOL -> out.write(b ? 1 : 0);
            case String s when type == ValueType.STRING -> string(s);
            case Long l -> integer(key, type, l);
            case null, default -> throw new IllegalArgumentException(key + " is no " + type + ": " + value);
        }
    }

    private void integer(String key, ValueType type, long value) {
        boolean fits = switch (type) {
            case UINT8 -> value == (value & 0xFF);
            case INT8 -> value == (byte) value;
            case UINT16 -> value == (value & 0xFFFF);
            case INT16 -> value == (short) value;
            case UINT32 -> value == (value & 0xFFFFFFFFL);
            case INT32 -> value == (int) value;
            case UINT64, INT64 -> true;
            default -> false;
        };
        if (!fits) {
            throw new IllegalArgumentException(key + " = " + value + " does not fit " + type);
        }
        put(value, type.bytes());
    }

    private void string(String text) {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        u64(utf8.length);
        out.writeBytes(utf8);
    }

    private void u32(int value) {
        put(value, 4);
    }

    private void u64(long value) {
        put(value, 8);
    }

    private void put(long value, int bytes) {
        out.write(eight.putLong(0, value).array(), 0, bytes);
    }
}
