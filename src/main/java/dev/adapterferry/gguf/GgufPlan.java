package dev.adapterferry.gguf;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * A file of which everything but the weights is known: the header's bytes, every tensor's type, place and size, and
 * the size of the whole. Row blocks can therefore be written in any order by any number of threads. Immutable.
 */
public final class GgufPlan {
    /**
     * One tensor to be written.
     *
     * @param source what the weights come from: name, shape, and the type in the source
     * @param type   the type in the file
     * @param offset byte offset in the file
     * @param bytes  its bytes, without padding
     */
    public record Tensor(TensorInfo source, GgmlType type, long offset, long bytes) {
        /** Its name in the file. */
        public String name() {
            return source.name();
        }

        /** Bytes of one encoded row. */
        public long rowBytes() {
            return type.bytesFor(source.rowLength());
        }
    }

    private final byte[] header;
    private final List<Tensor> tensors;
    private final long size;

    private GgufPlan(byte[] header, List<Tensor> tensors, long size) {
        this.header = header;
        this.tensors = List.copyOf(tensors);
        this.size = size;
    }

    /**
     * Plans a file.
     *
     * @param metadata its keys, written in their order
     * @param tensors  the tensors in the order of the file
     * @param types    the type of each in the file
     * @return the plan
     * @throws IllegalArgumentException when a name, shape, type or key breaks a rule of the format: llama.cpp would refuse the file
     */
    public static GgufPlan of(GgufMetadata metadata, List<TensorInfo> tensors, Function<TensorInfo, GgmlType> types) {
        long alignment = alignment(metadata);
        List<Tensor> relative = new ArrayList<>(tensors.size());
        Set<String> names = new HashSet<>();
        long running = 0;
        for (TensorInfo tensor : tensors) {
            GgmlType type = types.apply(tensor);
            check(tensor, type, names);
            long bytes = Math.multiplyExact(type.bytesFor(tensor.rowLength()), tensor.rows());
            relative.add(new Tensor(tensor, type, running, bytes));
            running = Math.addExact(running, GgufFormat.align(bytes, alignment));
        }
        byte[] header = GgufHeaderBytes.of(metadata, relative, alignment);
        List<Tensor> placed = relative.stream().map(t -> new Tensor(t.source, t.type, t.offset + header.length, t.bytes)).toList();
        return new GgufPlan(header, placed, Math.addExact(running, header.length));
    }

    /** Everything before the data, padding included. A copy. */
    public byte[] header() {
        return header.clone();
    }

    /** The tensors in file order. */
    public List<Tensor> tensors() {
        return tensors;
    }

    /** Size of the file in bytes. */
    public long size() {
        return size;
    }

    /** Byte at which the next tensor, or the end of the file, comes after this one's padding. */
    public long endOf(int tensor) {
        return tensor + 1 < tensors.size() ? tensors.get(tensor + 1).offset() : size;
    }

    private static long alignment(GgufMetadata metadata) {
        long alignment = metadata.findLong(GgufFormat.ALIGNMENT_KEY).orElse((long) GgufFormat.DEFAULT_ALIGNMENT);
        if (Long.bitCount(alignment) != 1 || alignment > 1 << 20) {
            throw new IllegalArgumentException(GgufFormat.ALIGNMENT_KEY + " = " + alignment + " is not a sensible power of two");
        }
        return alignment;
    }

    private static void check(TensorInfo tensor, GgmlType type, Set<String> names) {
        String name = tensor.name();
        if (!names.add(name)) {
            throw new IllegalArgumentException("tensor '" + name + "' appears twice");
        }
        if (name.isEmpty() || name.getBytes(StandardCharsets.UTF_8).length > GgufFormat.MAX_NAME_BYTES) {
            throw new IllegalArgumentException("tensor name '" + name + "' is empty or longer than " + GgufFormat.MAX_NAME_BYTES + " bytes");
        }
        if (tensor.rank() > GgufFormat.MAX_DIMENSIONS) {
            throw new IllegalArgumentException("tensor '" + name + "' has " + tensor.rank() + " dimensions, more than " + GgufFormat.MAX_DIMENSIONS);
        }
        if (tensor.rowLength() % type.blockElements() != 0) {
            throw new IllegalArgumentException("tensor '" + name + "' has rows of " + tensor.rowLength() + " values, not whole " + type + " blocks of " + type.blockElements());
        }
    }
}
