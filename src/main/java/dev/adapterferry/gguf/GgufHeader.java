package dev.adapterferry.gguf;

import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The parsed header of one file: every rule that llama.cpp enforces when it loads a file is enforced here too.
 *
 * @param version    2 or 3
 * @param metadata   all keys in file order
 * @param tensors    the table in file order
 * @param alignment  a power of two
 * @param dataOffset byte offset of the first tensor
 * @param dataEnd    byte offset after the last tensor, without its padding
 */
record GgufHeader(int version, GgufMetadata metadata, List<Place> tensors, int alignment, long dataOffset, long dataEnd) {
    /**
     * One tensor and where its bytes lie.
     *
     * @param info   name, type, shape in PyTorch order
     * @param offset byte offset in the file
     * @param bytes  its bytes, without padding
     */
    record Place(TensorInfo info, long offset, long bytes) { }

    /** A row of the tensor table, before the start of the data is known. */
    private record Row(TensorInfo info, long relativeOffset, long bytes, long at) { }

    static GgufHeader read(GgufCursor cursor, long fileSize) {
        int version = readVersion(cursor);
        long tensorCount = readCount(cursor, "number of tensors", GgufFormat.MAX_TENSORS, GgufFormat.LEAST_TENSOR_BYTES);
        long keyCount = readCount(cursor, "number of keys", GgufFormat.MAX_KEYS, GgufFormat.LEAST_KEY_BYTES);
        GgufMetadata metadata = readMetadata(cursor, keyCount);
        int alignment = alignment(cursor, metadata);
        List<Row> rows = readTable(cursor, tensorCount);
        long dataOffset = GgufFormat.align(cursor.position(), alignment);
        List<Place> places = new ArrayList<>(rows.size());
        long running = 0;
        long end = cursor.position();
        for (Row row : rows) {
            String name = PrintableName.of(row.info.name());
            if (row.relativeOffset != running) {
                throw cursor.malformed(row.at, "tensor '" + name + "' starts at " + Long.toUnsignedString(row.relativeOffset)
                        + " of the data, but the tensors before it end at " + running);
            }
            long start = dataOffset + running;
            if (start > fileSize || row.bytes > fileSize - start) {
                throw cursor.malformed(row.at, "tensor '" + name + "' takes " + row.bytes + " bytes from byte " + start + ", but the file has only " + fileSize);
            }
            end = start + row.bytes;
            places.add(new Place(row.info, start, row.bytes));
            running += GgufFormat.align(row.bytes, alignment);
        }
        return new GgufHeader(version, metadata, List.copyOf(places), alignment, dataOffset, end);
    }

    private static int readVersion(GgufCursor cursor) {
        int magic = cursor.u32("the magic number");
        if (magic != GgufFormat.MAGIC) {
            throw cursor.malformed(0, "it starts with %08x, not with the bytes GGUF".formatted(Integer.reverseBytes(magic)));
        }
        int version = cursor.u32("the version");
        if ((version & 0xFFFF) == 0) {
            throw cursor.malformed(4, "it is a big-endian GGUF file; only little-endian ones are read");
        }
        if (version < GgufFormat.OLDEST_VERSION || version > GgufFormat.VERSION) {
            throw cursor.malformed(4, "it is GGUF version " + Integer.toUnsignedString(version) + "; versions 2 and 3 are read");
        }
        return version;
    }

    private static long readCount(GgufCursor cursor, String what, long limit, int leastBytes) {
        long at = cursor.position();
        long count = cursor.u64("the " + what);
        if (count < 0 || count > limit || count > cursor.remaining() / leastBytes) {
            throw cursor.malformed(at, "the " + what + " is " + Long.toUnsignedString(count) + ", more than the file can hold or any model has");
        }
        return count;
    }

    private static GgufMetadata readMetadata(GgufCursor cursor, long count) {
        GgufMetadata metadata = new GgufMetadata();
        for (long i = 0; i < count; i++) {
            long at = cursor.position();
            String key = cursor.string("key " + i);
            String name = "key '" + PrintableName.of(key) + "'";
            if (key.isEmpty()) {
                throw cursor.malformed(at, "key " + i + " is empty");
            }
            if (metadata.find(key).isPresent()) {
                throw cursor.malformed(at, name + " appears twice");
            }
            metadata.put(key, readValue(cursor, name));
        }
        return metadata;
    }

    private static Value readValue(GgufCursor cursor, String key) {
        ValueType type = readType(cursor, key);
        if (type != ValueType.ARRAY) {
            return new Value(type, null, readScalar(cursor, type, key));
        }
        long at = cursor.position();
        ValueType element = readType(cursor, key);
        if (element == ValueType.ARRAY) {
            throw cursor.malformed(at, key + " is an array of arrays, which llama.cpp refuses");
        }
        long count = cursor.u64(key);
        if (count < 0 || count > cursor.remaining() / element.bytes()) {
            throw cursor.malformed(at + 4, key + " is an array of " + Long.toUnsignedString(count) + " values, more than the header can hold");
        }
        return new Value(ValueType.ARRAY, element, readArray(cursor, element, (int) count, key));
    }

    private static ValueType readType(GgufCursor cursor, String key) {
        long at = cursor.position();
        long id = Integer.toUnsignedLong(cursor.u32(key));
        return ValueType.fromId(id).orElseThrow(() -> cursor.malformed(at, key + " has the unknown value type " + id));
    }

    private static Object readScalar(GgufCursor cursor, ValueType type, String key) {
        return switch (type) {
            case FLOAT32 -> Float.intBitsToFloat(cursor.u32(key));
            case FLOAT64 -> Double.longBitsToDouble(cursor.u64(key));
            case BOOL -> cursor.bool(key);
            case STRING -> cursor.string(key);
            default -> readInteger(cursor, type, key);
        };
    }

    private static long readInteger(GgufCursor cursor, ValueType type, String key) {
        return switch (type) {
            case UINT8 -> cursor.u8(key) & 0xFF;
            case INT8 -> cursor.u8(key);
            case UINT16 -> cursor.u16(key) & 0xFFFF;
            case INT16 -> cursor.u16(key);
            case UINT32 -> Integer.toUnsignedLong(cursor.u32(key));
            case INT32 -> cursor.u32(key);
            case UINT64, INT64 -> cursor.u64(key);
            default -> throw new IllegalArgumentException(type + " is no integer type");
        };
    }

    private static Object readArray(GgufCursor cursor, ValueType element, int count, String key) {
        switch (element) {
            case FLOAT32: return cursor.floats(count, key);
            case INT32: return cursor.ints(count, key);
            case UINT8, INT8: return cursor.bytes(count, key);
            case STRING, BOOL, FLOAT64:
                Object[] values = new Object[count];
                Arrays.setAll(values, i -> readScalar(cursor, element, key));
                return List.of(values);
            default:
                long[] integers = new long[count];
                Arrays.setAll(integers, i -> readInteger(cursor, element, key));
                return integers;
        }
    }

    private static int alignment(GgufCursor cursor, GgufMetadata metadata) {
        Optional<Value> value = metadata.find(GgufFormat.ALIGNMENT_KEY);
        if (value.isEmpty()) {
            return GgufFormat.DEFAULT_ALIGNMENT;
        }
        if (value.get().type() != ValueType.UINT32 || Long.bitCount((Long) value.get().value()) != 1 || (Long) value.get().value() > 1 << 30) {
            throw cursor.malformed(-1, GgufFormat.ALIGNMENT_KEY + " is not a UINT32 power of two");
        }
        return ((Long) value.get().value()).intValue();
    }

    private static List<Row> readTable(GgufCursor cursor, long count) {
        List<Row> rows = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (long i = 0; i < count; i++) {
            Row row = readRow(cursor, "tensor " + i);
            if (!names.add(row.info.name())) {
                throw cursor.malformed(row.at, "tensor '" + PrintableName.of(row.info.name()) + "' appears twice");
            }
            rows.add(row);
        }
        return rows;
    }

    private static Row readRow(GgufCursor cursor, String number) {
        long at = cursor.position();
        String name = cursor.string("the name of " + number);
        if (name.isEmpty() || name.getBytes(StandardCharsets.UTF_8).length > GgufFormat.MAX_NAME_BYTES) {
            throw cursor.malformed(at, "the name of " + number + " is empty or longer than " + GgufFormat.MAX_NAME_BYTES + " bytes: '" + PrintableName.of(name) + "'");
        }
        String tensor = "tensor '" + PrintableName.of(name) + "'";
        int rank = cursor.u32(tensor);
        if (rank < 0 || rank > GgufFormat.MAX_DIMENSIONS) {
            throw cursor.malformed(at, tensor + " has " + Integer.toUnsignedString(rank) + " dimensions, more than " + GgufFormat.MAX_DIMENSIONS);
        }
        List<Long> shape = new ArrayList<>(rank);
        for (int d = 0; d < rank; d++) {
            long size = cursor.u64(tensor);
            if (size < 0) {
                throw cursor.malformed(at, tensor + " has a dimension of " + Long.toUnsignedString(size));
            }
            shape.add(size);
        }
        Collections.reverse(shape);
        int id = cursor.u32(tensor);
        TensorType type = GgmlType.fromId(id).<TensorType>map(t -> t).or(() -> UndecodedType.fromId(id))
                .orElseThrow(() -> cursor.malformed(at, tensor + " has the unknown type " + Integer.toUnsignedString(id)));
        TensorInfo info = new TensorInfo(name, type, shape);
        return new Row(info, cursor.u64(tensor), bytesOf(cursor, at, info), at);
    }

    private static long bytesOf(GgufCursor cursor, long at, TensorInfo info) {
        if (info.rowLength() % info.type().blockElements() != 0) {
            throw cursor.malformed(at, "tensor '" + PrintableName.of(info.name()) + "' has rows of " + info.rowLength() + " values, not whole "
                    + info.type().label() + " blocks of " + info.type().blockElements());
        }
        try {
            Math.multiplyExact(info.rowLength(), info.rows());
            return Math.multiplyExact(info.type().bytesFor(info.rowLength()), info.rows());
        } catch (ArithmeticException e) {
            throw cursor.malformed(at, "tensor '" + PrintableName.of(info.name()) + "' has more elements than 64 bits count: " + info.shape());
        }
    }
}
