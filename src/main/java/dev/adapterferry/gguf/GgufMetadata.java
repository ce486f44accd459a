package dev.adapterferry.gguf;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The key-value part of a GGUF file: typed, in insertion order. Setting a key again keeps its place, as llama.cpp's own
 * writer does. Not thread-safe while being filled.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">GGUF specification</a>
 */
public final class GgufMetadata {
    /** Value types with their ids in the file. */
    public enum ValueType {
        UINT8(0, 1), INT8(1, 1), UINT16(2, 2), INT16(3, 2), UINT32(4, 4), INT32(5, 4), FLOAT32(6, 4), BOOL(7, 1), STRING(8, 8), ARRAY(9, 12),
        UINT64(10, 8), INT64(11, 8), FLOAT64(12, 8);

        private final int id;
        private final int bytes;

        ValueType(int id, int bytes) {
            this.id = id;
            this.bytes = bytes;
        }

        /** Id in the file. */
        public int id() {
            return id;
        }

        /** Bytes of one value; the least that a STRING (its length) and an ARRAY (element type and count) can take. */
        public int bytes() {
            return bytes;
        }

        /** The type of an id, or empty when the format has none of that id. */
        static Optional<ValueType> fromId(long id) {
            return id < 0 || id >= values().length ? Optional.empty() : Optional.of(values()[(int) id]);
        }
    }

    /**
     * One value.
     *
     * @param type    its type; ARRAY for arrays
     * @param element type of the elements of an array, null otherwise
     * @param value   Long for every integer type (UINT64 as its bits), Float, Double, Boolean, String; for arrays a
     *                {@code List} of those, or a primitive {@code float[]} / {@code int[]} for FLOAT32 / INT32,
     *                {@code byte[]} for UINT8 / INT8, {@code long[]} for any integer type. A reader gives the primitive
     *                forms for FLOAT32, INT32, UINT8 and INT8, {@code long[]} for the other integers, lists for the rest
     */
    public record Value(ValueType type, ValueType element, Object value) { }

    private final Map<String, Value> entries = new LinkedHashMap<>();

    /** Stores any value; replaces an existing one in place. */
    public GgufMetadata put(String key, Value value) {
        entries.put(key, value);
        return this;
    }

    /** Stores a UINT32. */
    public GgufMetadata putUint32(String key, long value) {
        if (value < 0 || value > 0xFFFFFFFFL) {
            throw new IllegalArgumentException(key + " = " + value + " does not fit UINT32");
        }
        return put(key, new Value(ValueType.UINT32, null, value));
    }

    /** Stores an INT32. */
    public GgufMetadata putInt32(String key, int value) {
        return put(key, new Value(ValueType.INT32, null, (long) value));
    }

    /** Stores a FLOAT32. */
    public GgufMetadata putFloat32(String key, float value) {
        return put(key, new Value(ValueType.FLOAT32, null, value));
    }

    /** Stores a BOOL. */
    public GgufMetadata putBool(String key, boolean value) {
        return put(key, new Value(ValueType.BOOL, null, value));
    }

    /** Stores a STRING; an empty one is not written, as the official writer does. */
    public GgufMetadata putString(String key, String value) {
        return value == null || value.isEmpty() ? this : put(key, new Value(ValueType.STRING, null, value));
    }

    /** Stores an ARRAY of STRING; an empty one is not written. */
    public GgufMetadata putStrings(String key, List<String> values) {
        return values.isEmpty() ? this : put(key, new Value(ValueType.ARRAY, ValueType.STRING, List.copyOf(values)));
    }

    /** Stores an ARRAY of FLOAT32; an empty one is not written. */
    public GgufMetadata putFloats(String key, float[] values) {
        return values.length == 0 ? this : put(key, new Value(ValueType.ARRAY, ValueType.FLOAT32, values.clone()));
    }

    /** Stores an ARRAY of INT32; an empty one is not written. */
    public GgufMetadata putInts(String key, int[] values) {
        return values.length == 0 ? this : put(key, new Value(ValueType.ARRAY, ValueType.INT32, values.clone()));
    }

    /** Stores an ARRAY of BOOL; an empty one is not written. */
    public GgufMetadata putBools(String key, List<Boolean> values) {
        return values.isEmpty() ? this : put(key, new Value(ValueType.ARRAY, ValueType.BOOL, List.copyOf(values)));
    }

    /** The value of a key. */
    public Optional<Value> find(String key) {
        return Optional.ofNullable(entries.get(key));
    }

    /** The string of a key, or empty when it is missing or no string. */
    public Optional<String> findString(String key) {
        return find(key).filter(v -> v.type() == ValueType.STRING).map(v -> (String) v.value());
    }

    /** The integer of a key, or empty when it is missing or no integer. */
    public Optional<Long> findLong(String key) {
        return find(key).filter(v -> v.value() instanceof Long).map(v -> (Long) v.value());
    }

    /** The strings of a key, or empty when it is missing or no array of strings. */
    public Optional<List<String>> findStrings(String key) {
        return find(key).filter(v -> v.element() == ValueType.STRING).map(v -> ((List<?>) v.value()).stream().map(String.class::cast).toList());
    }

    /** Removes a key. */
    public void remove(String key) {
        entries.remove(key);
    }

    /** All entries in order; read-only. */
    public Map<String, Value> entries() {
        return Collections.unmodifiableMap(entries);
    }

    /** An independent copy. */
    public GgufMetadata copy() {
        GgufMetadata copy = new GgufMetadata();
        copy.entries.putAll(entries);
        return copy;
    }
}
