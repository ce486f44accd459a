package dev.adapterferry.tensor;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Tensors saved by {@code torch.save}, as older adapters have them in {@code adapter_model.bin}: a zip archive of a pickle, which is read by
 * {@link TensorPickle} and never run, and of one uncompressed entry of bytes per storage. Only tensors that lie row after row are read.
 */
public final class TorchFile implements TensorSource, SourceFiles {
    private static final int LARGEST_PICKLE = 64 << 20;
    private static final int CHUNK = 1 << 18;

    private final Path file;
    private final ZipFile zip;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();

    /** Where a tensor's bytes lie. */
    private record Tensor(TensorInfo info, ZipEntry entry, long firstByte) { }

    private TorchFile(Path file, ZipFile zip) throws IOException {
        this.file = file;
        this.zip = zip;
        String prefix = prefix();
        ZipEntry order = zip.getEntry(prefix + "byteorder");
        if (order != null && !new String(read(order, 16), StandardCharsets.US_ASCII).strip().equals("little")) {
            throw new MalformedFile(file, -1, "its bytes are not in little-endian order", TensorPickle.ADVICE);
        }
        Map<String, TensorPickle.Stored> stored = TensorPickle.read(file, read(zip.getEntry(prefix + "data.pkl"), LARGEST_PICKLE));
        stored.forEach((name, tensor) -> tensors.put(name, place(prefix, name, tensor)));
    }

    /**
     * Opens and checks a file.
     *
     * @param file the file
     * @return the open file, to be closed by the caller
     * @throws MalformedFile  when it holds anything but tensors, or is damaged
     * @throws FerryException when it cannot be opened
     */
    public static TorchFile open(Path file) {
        ZipFile zip = null;
        try {
            requireArchive(file);
            zip = new ZipFile(file.toFile());
            return new TorchFile(file, zip);
        } catch (IOException | IllegalArgumentException e) {
            closeQuietly(zip);
            throw new MalformedFile(file, -1, "it is no archive of torch.save, or a damaged one (" + e.getMessage() + ")");
        } catch (RuntimeException e) {
            closeQuietly(zip);
            throw e;
        }
    }

    private static void requireArchive(Path file) throws IOException {
        byte[] start = new byte[4];
        try (InputStream in = Files.newInputStream(file)) {
            if (in.readNBytes(start, 0, 4) < 4 || start[0] != 'P' || start[1] != 'K') {
                throw new MalformedFile(file, 0, "it was saved in the form of PyTorch before 1.6, or is damaged", TensorPickle.ADVICE);
            }
        }
    }

    private String prefix() {
        List<String> pickles = zip.stream().map(ZipEntry::getName).filter(name -> name.endsWith("/data.pkl")).toList();
        if (pickles.size() != 1) {
            throw new MalformedFile(file, -1, "it holds " + pickles.size() + " entries data.pkl, expected one");
        }
        return pickles.getFirst().substring(0, pickles.getFirst().length() - "data.pkl".length());
    }

    private byte[] read(ZipEntry entry, int most) throws IOException {
        try (InputStream in = zip.getInputStream(entry)) {
            byte[] bytes = in.readNBytes(most + 1);
            if (bytes.length > most) {
                throw new MalformedFile(file, -1, "its entry " + PrintableName.of(entry.getName()) + " has more than " + most + " bytes");
            }
            return bytes;
        }
    }

    private Tensor place(String prefix, String name, TensorPickle.Stored stored) {
        String tensor = "tensor '" + PrintableName.of(name) + "'";
        TensorInfo info = new TensorInfo(name, stored.storage().type(), stored.shape());
        ZipEntry entry = zip.getEntry(prefix + "data/" + stored.storage().key());
        if (entry == null) {
            throw new MalformedFile(file, -1, tensor + " lies in the entry data/" + PrintableName.of(stored.storage().key()) + ", which is missing");
        }
        try {
            long size = info.type().blockBytes();
            long needed = Math.addExact(stored.offset(), info.elements());
            if (entry.getMethod() != ZipEntry.STORED || entry.getSize() != Math.multiplyExact(stored.storage().elements(), size) || stored.offset() < 0 || needed > stored.storage().elements()) {
                throw new MalformedFile(file, -1, tensor + " of shape " + info.shape() + " needs " + needed + " elements of " + info.type().label() + ", its entry has "
                        + entry.getSize() + " bytes for " + stored.storage().elements());
            }
            long stride = 1;
            for (int i = stored.shape().size() - 1; i >= 0; i--) {
                if (stored.shape().get(i) > 1 && stored.strides().get(i) != stride) {
                    throw new MalformedFile(file, -1, tensor + " does not lie row after row (strides " + stored.strides() + ")", TensorPickle.ADVICE);
                }
                stride = Math.multiplyExact(stride, Math.max(1, stored.shape().get(i)));
            }
            return new Tensor(info, entry, stored.offset() * size);
        } catch (ArithmeticException e) {
            throw new MalformedFile(file, -1, tensor + " has the impossible shape " + stored.shape());
        }
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors.values().stream().map(Tensor::info).toList();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(tensors.get(name)).map(Tensor::info);
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        Tensor own = tensors.get(tensor.name());
        if (own == null || !own.info().equals(tensor)) {
            throw new IllegalArgumentException(file + " has no tensor " + tensor);
        }
        Objects.checkFromIndexSize(firstRow, rows, tensor.rows());
        long elements = Math.multiplyExact(rows, tensor.rowLength());
        Objects.checkFromIndexSize((long) offset, elements, into.length);
        ElementType type = (ElementType) tensor.type();
        byte[] buffer = new byte[(int) Math.min(CHUNK, elements * type.blockBytes())];
        try (InputStream in = zip.getInputStream(own.entry())) {
            in.skipNBytes(own.firstByte() + firstRow * tensor.rowLength() * type.blockBytes());
            for (long done = 0; done < elements; ) {
                int count = (int) Math.min(elements - done, buffer.length / type.blockBytes());
                if (in.readNBytes(buffer, 0, count * type.blockBytes()) < count * type.blockBytes()) {
                    throw new MalformedFile(file, -1, "the entry of tensor '" + PrintableName.of(tensor.name()) + "' ends too early");
                }
                type.decode(buffer, 0, count, into, offset + (int) done);
                done += count;
            }
        } catch (IOException e) {
            throw new FerryException("Cannot read tensor '" + PrintableName.of(tensor.name()) + "' of " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    @Override
    public List<Path> files() {
        return List.of(file);
    }

    @Override
    public void close() {
        closeQuietly(zip);
    }

    private static void closeQuietly(ZipFile zip) {
        try {
            if (zip != null) {
                zip.close();
            }
        } catch (IOException e) {
            // Closing a file that was only read cannot lose anything.
        }
    }
}
