package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.RowKernel;
import dev.adapterferry.tensor.Fingerprint;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One GGUF file, mapped and strictly read: metadata, tensor table, and rows as f32. A shard of a split model is such a
 * file too, but {@link GgufModel} is what opens a model. Safe for many threads; memory is one row block per reading thread.
 */
public final class GgufFile implements TensorSource, StoredBytes, SourceFiles {
    /** Decoding goes through a buffer of about this size, so that a large read stays bounded. */
    private static final int DECODE_BYTES = 1 << 16;

    private final Path file;
    private final GgufHeader header;
    private final Map<String, GgufHeader.Place> byName = new HashMap<>();
    private final Arena arena;
    private final MemorySegment bytes;
    private final String fingerprint;

    private GgufFile(Path file, Arena arena, MemorySegment bytes) {
        this.file = file;
        this.arena = arena;
        this.bytes = bytes;
        this.fingerprint = Fingerprint.of(file);
        this.header = GgufHeader.read(new GgufCursor(file, bytes), bytes.byteSize());
        header.tensors().forEach(place -> byName.put(place.info().name(), place));
    }

    /**
     * Maps a file and reads its header.
     *
     * @param file the file
     * @return the open file, to be closed
     * @throws MalformedFile  when the file breaks a rule of the format
     * @throws FerryException when it cannot be opened
     */
    public static GgufFile open(Path file) {
        Arena arena = Arena.ofShared();
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            return new GgufFile(file, arena, channel.map(MapMode.READ_ONLY, 0, channel.size(), arena));
        } catch (IOException e) {
            arena.close();
            throw new FerryException("Cannot open " + file + ": " + Durable.reason(e) + ".", e);
        } catch (RuntimeException e) {
            arena.close();
            throw e;
        } catch (InternalError e) {
            arena.close();
            throw shrank(file, e);
        }
    }

    /** Byte at which a tensor's data begin, counted from the start of the file. */
    public long position(TensorInfo tensor) {
        return place(tensor).offset();
    }

    /** The keys, in file order. Not to be changed. */
    public GgufMetadata metadata() {
        return header.metadata();
    }

    /** 2 or 3. */
    public int version() {
        return header.version();
    }

    /** Byte offset of the data section. */
    public long dataOffset() {
        return header.dataOffset();
    }

    /** Size of the file in bytes. */
    public long size() {
        return bytes.byteSize();
    }

    @Override
    public List<TensorInfo> tensors() {
        return header.tensors().stream().map(GgufHeader.Place::info).toList();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(byName.get(name)).map(GgufHeader.Place::info);
    }

    /**
     * {@inheritDoc}
     *
     * <p>Quantized types are dequantized exactly as llama.cpp does.
     */
    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        if (!(tensor.type() instanceof GgmlType type)) {
            throw new FerryException("Cannot decode tensor '" + tensor.name() + "' of " + file + ": type " + tensor.type().label()
                    + " is not supported. Use a file of another type as the source.");
        }
        if (firstRow < 0 || rows < 0 || firstRow + rows > tensor.rows()) {
            throw new IndexOutOfBoundsException("rows " + firstRow + " to " + (firstRow + rows) + " of tensor '" + tensor.name() + "', which has " + tensor.rows());
        }
        RowKernel kernel = Kernels.forType(type);
        long blocks = rows * tensor.rowLength() / type.blockElements();
        int step = Math.max(1, DECODE_BYTES / type.blockBytes());
        byte[] encoded = new byte[(int) Math.min(step, blocks) * type.blockBytes()];
        long start = firstRow * type.bytesFor(tensor.rowLength());
        for (long done = 0; done < blocks; done += step) {
            int count = (int) Math.min(step, blocks - done);
            readStored(tensor, start + done * type.blockBytes(), count * type.blockBytes(), encoded, 0);
            kernel.decode(encoded, 0, count * type.blockElements(), into, Math.toIntExact(offset + done * type.blockElements()));
        }
    }

    @Override
    public boolean isStored(TensorInfo tensor) {
        return true;
    }

    @Override
    public void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
        GgufHeader.Place place = place(tensor);
        if (firstByte < 0 || length < 0 || firstByte > place.bytes() - length) {
            throw new IndexOutOfBoundsException(length + " bytes from byte " + firstByte + " of tensor '" + tensor.name() + "', which has " + place.bytes());
        }
        try {
            MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, place.offset() + firstByte, into, offset, length);
        } catch (InternalError e) {
            throw shrank(file, e);
        }
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return Optional.of("gguf:" + fingerprint + ":" + place(tensor).offset() + ":" + tensor.type().label() + ":" + tensor.shape());
    }

    @Override
    public List<Path> files() {
        return List.of(file);
    }

    @Override
    public void close() {
        arena.close();
    }

    /** Where the tensors lie, in file order. */
    List<GgufHeader.Place> places() {
        return header.tensors();
    }

    /** Byte after the last tensor's data, without padding. */
    long dataEnd() {
        return header.dataEnd();
    }

    int alignment() {
        return header.alignment();
    }

    private GgufHeader.Place place(TensorInfo tensor) {
        GgufHeader.Place place = byName.get(tensor.name());
        if (place == null || !place.info().equals(tensor)) {
            throw new IllegalArgumentException("no tensor " + tensor + " in " + file);
        }
        return place;
    }

    private static FerryException shrank(Path file, InternalError cause) {
        // Touching a mapped page behind the end of a file that was cut short surfaces as InternalError.
        return new FerryException("Cannot read " + file + ": it became shorter while it was being read. Restore the file and run again.", cause);
    }
}
