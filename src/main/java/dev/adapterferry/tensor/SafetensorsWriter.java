package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicLong;
import java.util.zip.CRC32C;

/**
 * Writes one safetensors file whose tensors are all known beforehand. The header is written first; rows then go to their places in
 * any order and from any thread. The file grows beside its final name ({@code .partial}) and takes that name in {@link #commit}, when
 * every tensor is complete; closing without a commit leaves nothing. What a kill or {@link #suspend}
 * left of a file can be taken up again: {@link #resume}.
 */
public final class SafetensorsWriter implements Closeable {
    private static final int CHUNK = 1 << 18;
    private static final ThreadLocal<byte[]> BUFFER = ThreadLocal.withInitial(() -> new byte[CHUNK]);

    private final Path file;
    private final Path partial;
    private final FileChannel channel;
    private final Map<String, Place> places = new HashMap<>();

    /** Where a tensor goes, and how much of it is there already. */
    private record Place(TensorInfo info, long position, long bytes, AtomicLong written) { }

    private SafetensorsWriter(Path file, List<TensorInfo> tensors, Map<String, String> metadata, boolean resume) throws IOException {
        this.file = file;
        this.partial = file.resolveSibling(file.getFileName() + ".partial");
        byte[] header = plan(tensors, metadata);
        if (resume && Files.exists(file) && !Files.exists(partial)) {
            // Finished, but what it belongs to was not.
            Files.move(file, partial, StandardCopyOption.ATOMIC_MOVE);
        }
        this.channel = FileChannel.open(partial, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        if (!resume) {
            channel.truncate(0);
        }
        writeFully(ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(0, header.length), 0);
        writeFully(ByteBuffer.wrap(header), SafetensorsHeader.LENGTH_BYTES);
    }

    /**
     * Starts a file.
     *
     * @param file     its final name; an existing file is replaced at the end
     * @param tensors  what it will hold, types being {@link ElementType}s; the widest come first, so that all are aligned
     * @param metadata strings for {@code __metadata__}, for example {@code format=pt}, without which transformers refuses the file
     * @return the writer, to be closed by the caller
     * @throws FerryException when the file cannot be made
     */
    public static SafetensorsWriter create(Path file, List<TensorInfo> tensors, Map<String, String> metadata) {
        return open(file, tensors, metadata, false);
    }

    /**
     * Takes up what a killed writer of the same tensors left, or starts the file where nothing is left. Of the bytes that are there none counts as
     * written until {@link #keep} says so.
     *
     * @see #create
     */
    public static SafetensorsWriter resume(Path file, List<TensorInfo> tensors, Map<String, String> metadata) {
        return open(file, tensors, metadata, true);
    }

    private static SafetensorsWriter open(Path file, List<TensorInfo> tensors, Map<String, String> metadata, boolean resume) {
        try {
            return new SafetensorsWriter(file, tensors, metadata, resume);
        } catch (IOException e) {
            throw new FerryException("Cannot write " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private byte[] plan(List<TensorInfo> tensors, Map<String, String> metadata) throws IOException {
        JsonMapper json = new JsonMapper();
        ObjectNode header = json.createObjectNode();
        if (!metadata.isEmpty()) {
            metadata.forEach(header.putObject("__metadata__")::put);
        }
        Map<String, Long> begins = new HashMap<>();
        long end = 0;
        List<TensorInfo> ordered = tensors.stream()
                .sorted(Comparator.<TensorInfo>comparingInt(t -> -t.type().blockBytes()).thenComparing(SafetensorsFile.BY_NAME)).toList();
        for (TensorInfo tensor : ordered) {
            if (!(tensor.type() instanceof ElementType)) {
                throw new IllegalArgumentException("safetensors has no type " + tensor.type().label() + " (tensor " + tensor.name() + ")");
            }
            if (tensor.name().equals("__metadata__") || begins.put(tensor.name(), end) != null) {
                throw new IllegalArgumentException("name used twice or reserved: " + tensor.name());
            }
            ObjectNode entry = header.putObject(tensor.name()).put("dtype", tensor.type().label());
            ArrayNode shape = entry.putArray("shape");
            tensor.shape().forEach(shape::add);
            long begin = end;
            end = Math.addExact(end, tensor.type().bytesFor(tensor.elements()));
            entry.putArray("data_offsets").add(begin).add(end);
        }
        byte[] text = json.writeValueAsBytes(header);
        byte[] padded = Arrays.copyOf(text, Math.ceilDiv(text.length, 8) * 8);
        Arrays.fill(padded, text.length, padded.length, (byte) ' ');
        long dataStart = SafetensorsHeader.LENGTH_BYTES + padded.length;
        for (TensorInfo tensor : ordered) {
            long bytes = tensor.type().bytesFor(tensor.elements());
            places.put(tensor.name(), new Place(tensor, dataStart + begins.get(tensor.name()), bytes, new AtomicLong()));
        }
        return padded;
    }

    /**
     * Writes whole rows, rounding to the tensor's type, ties to even. Safe for many threads; each row is written once.
     *
     * @param tensor   one of the planned tensors, of a type that {@link ElementType#isWritable()}
     * @param firstRow first row, counted over all dimensions but the last
     * @param rows     number of rows
     * @param values   the values, row after row
     * @param offset   index of the first value
     */
    public void write(TensorInfo tensor, long firstRow, int rows, float[] values, int offset) {
        Place place = place(tensor);
        ElementType type = (ElementType) tensor.type();
        Objects.checkFromIndexSize(firstRow, rows, tensor.rows());
        long elements = Math.multiplyExact(rows, tensor.rowLength());
        Objects.checkFromIndexSize((long) offset, elements, values.length);
        long position = firstRow * tensor.rowLength() * type.blockBytes();
        byte[] buffer = BUFFER.get();
        for (long done = 0; done < elements; ) {
            int count = (int) Math.min(elements - done, CHUNK / type.blockBytes());
            type.encode(values, offset + (int) done, count, buffer, 0);
            put(place, position + done * type.blockBytes(), ByteBuffer.wrap(buffer, 0, count * type.blockBytes()));
            done += count;
        }
    }

    /**
     * Writes bytes as they are to be stored.
     *
     * @param tensor    one of the planned tensors
     * @param firstByte offset from the tensor's first byte
     * @param length    number of bytes
     * @param bytes     little-endian, C order
     * @param offset    index of the first one
     */
    public void writeStored(TensorInfo tensor, long firstByte, int length, byte[] bytes, int offset) {
        Place place = place(tensor);
        Objects.checkFromIndexSize(firstByte, length, place.bytes);
        put(place, firstByte, ByteBuffer.wrap(bytes, offset, length));
    }

    /** CRC-32C of a tensor's bytes as they are in the file; what was never written counts as zeros. */
    public long checksum(TensorInfo tensor) {
        Place place = place(tensor);
        CRC32C crc = new CRC32C();
        byte[] buffer = BUFFER.get();
        try {
            for (long done = 0; done < place.bytes; ) {
                int length = (int) Math.min(buffer.length, place.bytes - done);
                int read = channel.read(ByteBuffer.wrap(buffer, 0, length), place.position + done);
                // Beyond the end of the file.
                Arrays.fill(buffer, Math.max(0, read), length, (byte) 0);
                crc.update(buffer, 0, length);
                done += length;
            }
            return crc.getValue();
        } catch (IOException e) {
            throw new FerryException("Cannot read " + partial + " back: " + Durable.reason(e) + ".", e);
        }
    }

    /** Counts a tensor as written: its bytes are those of an earlier writer. */
    public void keep(TensorInfo tensor) {
        Place place = place(tensor);
        place.written.set(place.bytes);
    }

    /** Brings what was written so far to the disk. */
    public void force() {
        try {
            channel.force(false);
        } catch (IOException e) {
            throw new FerryException("Cannot write " + partial + ": " + Durable.reason(e) + ".", e);
        }
    }

    /**
     * Finishes the file: checks that every tensor is there, brings the bytes to the disk, gives the file its name.
     *
     * @throws IllegalStateException when a tensor is incomplete: a defect of the caller
     * @throws FerryException        when the disk refuses
     */
    public void commit() {
        requireComplete();
        try {
            channel.force(true);
            channel.close();
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new FerryException("Cannot finish " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    void requireComplete() {
        for (Place place : places.values()) {
            if (place.written.get() != place.bytes) {
                throw new IllegalStateException("tensor " + place.info.name() + " has " + place.written + " of " + place.bytes + " bytes");
            }
        }
    }

    /** Closes the file as it stands, for {@link #resume}. */
    public void suspend() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new FerryException("Cannot close " + partial + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Gives up what is neither committed nor suspended. */
    @Override
    public void close() {
        try {
            if (channel.isOpen()) {
                channel.close();
                Files.deleteIfExists(partial);
            }
        } catch (IOException e) {
            throw new FerryException("Cannot remove " + partial + ": " + Durable.reason(e) + ".", e);
        }
    }

    private Place place(TensorInfo tensor) {
        Place place = places.get(tensor.name());
        if (place == null || !place.info.equals(tensor)) {
            throw new IllegalArgumentException(file + " was not planned to hold " + tensor);
        }
        return place;
    }

    private void put(Place place, long at, ByteBuffer bytes) {
        int length = bytes.remaining();
        try {
            writeFully(bytes, place.position + at);
        } catch (IOException e) {
            throw new FerryException("Cannot write " + partial + ": " + Durable.reason(e) + ".", e);
        }
        place.written.addAndGet(length);
    }

    private void writeFully(ByteBuffer bytes, long position) throws IOException {
        int start = bytes.position();
        while (bytes.hasRemaining()) {
            channel.write(bytes, position + bytes.position() - start);
        }
    }
}
