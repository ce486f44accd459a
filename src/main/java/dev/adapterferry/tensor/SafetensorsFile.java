package dev.adapterferry.tensor;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A safetensors file: eight bytes of header length, a JSON header, and the tensors' bytes, little-endian, in C order. The file is
 * checked whole when it is opened; nothing is believed because the header says so.
 *
 * <p>Rows are read by position into a small buffer per thread rather than through a mapping: the same speed as long as decoding is
 * the slower part, a resident size that does not grow with the file, and a file cut short while it is open ends in a sentence
 * instead of a fault of the machine.
 */
public final class SafetensorsFile implements TensorSource, StoredBytes, SourceFiles {
    /** Orders tensors as llama.cpp's converter visits them: by the code points of their names. */
    static final Comparator<TensorInfo> BY_NAME =
            (a, b) -> Arrays.compareUnsigned(a.name().getBytes(StandardCharsets.UTF_8), b.name().getBytes(StandardCharsets.UTF_8));

    private static final int CHUNK = 1 << 18;
    private static final ThreadLocal<byte[]> BUFFER = ThreadLocal.withInitial(() -> new byte[CHUNK]);
    private static final String LFS = "version https://git-lfs";

    private final Path file;
    private final long dataStart;
    private final Map<String, String> metadata;
    private final List<TensorInfo> tensors;
    private final Map<String, SafetensorsHeader.Entry> entries = new HashMap<>();
    private final String fingerprint;
    private volatile FileChannel channel;
    private boolean closed;

    private SafetensorsFile(Path file, FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        this.fingerprint = Fingerprint.of(file);
        long size = channel.size();
        ByteBuffer length = ByteBuffer.allocate(SafetensorsHeader.LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
        if (size < length.capacity()) {
            throw new MalformedFile(file, 0, "the file has " + size + " bytes, a safetensors file at least 8");
        }
        readFully(length, 0);
        if (StandardCharsets.US_ASCII.decode(length.flip().duplicate()).toString().equals(LFS.substring(0, 8))) {
            throw new MalformedFile(file, 0, "this is a Git LFS pointer, not the file it points to", "Run 'git lfs pull', or download the file itself");
        }
        long headerBytes = length.getLong(0);
        if (headerBytes < 0 || headerBytes > SafetensorsHeader.LARGEST) {
            throw new MalformedFile(file, 0, "the header is said to have " + Long.toUnsignedString(headerBytes) + " bytes; at most "
                    + SafetensorsHeader.LARGEST + " are allowed: this is no safetensors file, or a damaged one");
        }
        this.dataStart = length.capacity() + headerBytes;
        if (dataStart > size) {
            throw new MalformedFile(file, size, "the header is said to have " + headerBytes + " bytes, but the file ends before: it is truncated");
        }
        byte[] header = new byte[(int) headerBytes];
        readFully(ByteBuffer.wrap(header), length.capacity());
        SafetensorsHeader parsed = SafetensorsHeader.parse(file, header, size - dataStart);
        this.metadata = Map.copyOf(parsed.metadata());
        parsed.entries().forEach(entry -> entries.put(entry.info().name(), entry));
        this.tensors = parsed.entries().stream().map(SafetensorsHeader.Entry::info).sorted(BY_NAME).toList();
    }

    /**
     * Opens and checks a file.
     *
     * @param file the file; links are followed
     * @return the open file, to be closed by the caller
     * @throws MalformedFile  when it is not a sound safetensors file; the message carries offset and tensor
     * @throws FerryException when it cannot be opened
     */
    public static SafetensorsFile open(Path file) {
        FileChannel channel = null;
        try {
            channel = FileChannel.open(file, StandardOpenOption.READ);
            return new SafetensorsFile(file, channel);
        } catch (NoSuchFileException e) {
            throw new FerryException("Cannot open " + file + ": there is no such file.", e);
        } catch (IOException e) {
            closeQuietly(channel);
            throw new FerryException("Cannot open " + file + ": " + (Files.isDirectory(file) ? "it is a folder" : e.getMessage()) + ".", e);
        } catch (RuntimeException e) {
            closeQuietly(channel);
            throw e;
        }
    }

    /**
     * The tensors of a file of which only the header is here.
     *
     * @param label     for messages
     * @param header    the header's bytes, without the eight before them
     * @param dataBytes how many bytes follow the header in the file
     * @return the tensors, ordered by name
     * @throws MalformedFile when it is no sound header
     */
    public static List<TensorInfo> tensorsOf(Path label, byte[] header, long dataBytes) {
        return SafetensorsHeader.parse(label, header, dataBytes).entries().stream().map(SafetensorsHeader.Entry::info).sorted(BY_NAME).toList();
    }

    /** The {@code __metadata__} entries of the header. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /** The file that is open. */
    public Path file() {
        return file;
    }

    @Override
    public List<Path> files() {
        return List.of(file);
    }

    /** The tensors, ordered by name. */
    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(entries.get(name)).map(SafetensorsHeader.Entry::info);
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        SafetensorsHeader.Entry entry = entry(tensor);
        return Optional.of(fingerprint + "#" + (dataStart + entry.begin()) + ":" + entry.type() + tensor.shape());
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        SafetensorsHeader.Entry entry = entry(tensor);
        Objects.checkFromIndexSize(firstRow, rows, tensor.rows());
        long elements = Math.multiplyExact(rows, tensor.rowLength());
        Objects.checkFromIndexSize((long) offset, elements, into.length);
        int size = entry.type().blockBytes();
        long position = dataStart + entry.begin() + firstRow * tensor.rowLength() * size;
        byte[] buffer = BUFFER.get();
        for (long done = 0; done < elements; ) {
            int count = (int) Math.min(elements - done, CHUNK / size);
            readFully(ByteBuffer.wrap(buffer, 0, count * size), position + done * size);
            entry.type().decode(buffer, 0, count, into, offset + (int) done);
            done += count;
        }
    }

    @Override
    public boolean isStored(TensorInfo tensor) {
        entry(tensor);
        return true;
    }

    @Override
    public void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
        SafetensorsHeader.Entry entry = entry(tensor);
        Objects.checkFromIndexSize(firstByte, length, entry.end() - entry.begin());
        readFully(ByteBuffer.wrap(into, offset, length), dataStart + entry.begin() + firstByte);
    }

    private SafetensorsHeader.Entry entry(TensorInfo tensor) {
        SafetensorsHeader.Entry entry = entries.get(tensor.name());
        if (entry == null || !entry.info().equals(tensor)) {
            throw new IllegalArgumentException(file + " has no tensor " + tensor);
        }
        return entry;
    }

    private void readFully(ByteBuffer into, long position) {
        int start = into.position();
        while (into.hasRemaining()) {
            long at = position + into.position() - start;
            FileChannel current = channel;
            try {
                if (current.read(into, at) < 0) {
                    throw new MalformedFile(file, at, "the file ends here; it was longer when it was opened", "Something else writes it: run again when that has ended");
                }
            } catch (ClosedByInterruptException e) {
                throw new Cancelled("reading " + file);
            } catch (ClosedChannelException e) {
                // Interrupting one reader closes the channel under all others: they go on with a new one.
                reopen(current);
            } catch (IOException e) {
                throw new FerryException("Cannot read " + file + " at byte " + at + ": " + Durable.reason(e) + ".", e);
            }
        }
    }

    private synchronized void reopen(FileChannel broken) {
        if (closed) {
            throw new FerryException("Cannot read " + file + ": it was closed.");
        }
        if (channel == broken) {
            try {
                channel = FileChannel.open(file, StandardOpenOption.READ);
            } catch (IOException e) {
                throw new FerryException("Cannot open " + file + " again: " + Durable.reason(e) + ".", e);
            }
        }
    }

    @Override
    public synchronized void close() {
        closed = true;
        closeQuietly(channel);
    }

    private static void closeQuietly(FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            // Closing a file that was only read cannot lose anything.
        }
    }
}
