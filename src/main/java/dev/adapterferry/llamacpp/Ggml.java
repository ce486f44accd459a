package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.adapterferry.quant.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;

/**
 * ggml's own block formats: the C code that every llama.cpp release quantizes and reads with, single-threaded per call
 * and safe from several threads. The measure of our kernels, in tests and in benchmarks.
 */
public final class Ggml {
    /** Offsets in {@code ggml_type_traits}: name, block size, interleave, type size, flag, to_float, from_float. */
    private static final long BLOCK_SIZE = 8;
    private static final long TYPE_SIZE = 24;
    private static final long TO_FLOAT = 40;
    private static final long TRAITS_BYTES = 56;

    private Ggml() { }

    /**
     * Quantizes rows with {@code ggml_quantize_chunk}.
     *
     * @param type       F32, F16, BF16 or a block format
     * @param values     {@code rows * rowLength} f32 values, row after row
     * @param rows       number of rows
     * @param rowLength  values per row, a multiple of the type's block
     * @param importance one weight per column ({@code rowLength} values), or null for none
     * @return {@code rows * type.bytesFor(rowLength)} bytes, little-endian
     */
    public static byte[] quantize(GgmlType type, float[] values, int rows, int rowLength, float[] importance) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocateFrom(JAVA_FLOAT, values);
            MemorySegment dst = arena.allocate(Math.max(1, rows * type.bytesFor(rowLength)), 64);
            MemorySegment weights = importance == null ? MemorySegment.NULL : arena.allocateFrom(JAVA_FLOAT, importance);
            long written = quantize(type, src, dst, rows, rowLength, weights);
            return dst.asSlice(0, written).toArray(JAVA_BYTE);
        }
    }

    /**
     * Quantizes rows between native buffers, with no copy; for benchmarks.
     *
     * @param src        native memory with {@code rows * rowLength} f32 values
     * @param dst        native memory for {@code rows * type.bytesFor(rowLength)} bytes
     * @param importance native memory with {@code rowLength} f32 values, or {@link MemorySegment#NULL}
     * @return bytes written
     */
    public static long quantize(GgmlType type, MemorySegment src, MemorySegment dst, long rows, long rowLength, MemorySegment importance) {
        LlamaLibrary.load();
        // ggml aborts the process where it disagrees; so every condition of its asserts is checked here.
        traits(type);
        if (rowLength <= 0 || rows < 0 || rowLength % type.blockElements() != 0) {
            throw new IllegalArgumentException(rows + " rows of " + rowLength + " values: a row of " + type + " is a multiple of " + type.blockElements());
        }
        if (src.byteSize() < rows * rowLength * Float.BYTES || dst.byteSize() < rows * type.bytesFor(rowLength)) {
            throw new IllegalArgumentException("buffers of " + src.byteSize() + " and " + dst.byteSize() + " bytes are too small for " + rows + " rows of " + rowLength);
        }
        if (importance.equals(MemorySegment.NULL)) {
            if (NativeCalls.REQUIRES_IMATRIX.callBoolean(type.id())) {
                throw new IllegalArgumentException(type + " needs an importance vector");
            }
        } else if (importance.byteSize() < rowLength * Float.BYTES) {
            throw new IllegalArgumentException("the importance vector has " + importance.byteSize() / Float.BYTES + " values, a row " + rowLength);
        }
        return rows == 0 ? 0 : NativeCalls.QUANTIZE_CHUNK.callLong(type.id(), src, dst, 0L, rows, rowLength, importance);
    }

    /**
     * Reads blocks back with ggml's {@code to_float}.
     *
     * @param type     F16, BF16 or a block format (F32 has no reader and is copied)
     * @param bytes    encoded values, little-endian
     * @param elements number of values, a multiple of the type's block
     * @return the values
     */
    public static float[] dequantize(GgmlType type, byte[] bytes, int elements) {
        LlamaLibrary.load();
        if (elements % type.blockElements() != 0 || bytes.length < type.bytesFor(elements)) {
            throw new IllegalArgumentException(elements + " values of " + type + " in " + bytes.length + " bytes");
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment src = arena.allocate(Math.max(1, bytes.length), 64);
            MemorySegment.copy(bytes, 0, src, JAVA_BYTE, 0, bytes.length);
            if (type == GgmlType.F32) {
                return src.asSlice(0, (long) elements * Float.BYTES).toArray(JAVA_FLOAT);
            }
            MemorySegment reader = traits(type).get(ADDRESS, TO_FLOAT);
            if (reader.equals(MemorySegment.NULL)) {
                throw new IllegalArgumentException("ggml has no reader for " + type);
            }
            MemorySegment dst = arena.allocate(Math.max(1, (long) elements * Float.BYTES), 64);
            NativeFunction.at(reader, "to_float of " + type, FunctionDescriptor.ofVoid(ADDRESS, ADDRESS, JAVA_LONG)).call(src, dst, (long) elements);
            return dst.asSlice(0, (long) elements * Float.BYTES).toArray(JAVA_FLOAT);
        }
    }

    /** Whether the embedded build knows a type. */
    static boolean knows(GgmlType type) {
        return type.id() <= GgmlType.BF16.id();
    }

    /** The library's description of a type; refuses a type that this build does not know or sizes otherwise. */
    private static MemorySegment traits(GgmlType type) {
        if (!knows(type)) {
            throw new IllegalArgumentException("llama.cpp " + LlamaLibrary.BUILD + " does not know " + type);
        }
        MemorySegment traits = NativeCalls.TYPE_TRAITS.callAddress(type.id()).reinterpret(TRAITS_BYTES);
        if (traits.get(JAVA_LONG, BLOCK_SIZE) != type.blockElements() || traits.get(JAVA_LONG, TYPE_SIZE) != type.blockBytes()) {
            throw new IllegalStateException("ggml packs " + traits.get(JAVA_LONG, BLOCK_SIZE) + " values of " + type + " into "
                    + traits.get(JAVA_LONG, TYPE_SIZE) + " bytes, we " + type.blockElements() + " into " + type.blockBytes());
        }
        return traits;
    }
}
