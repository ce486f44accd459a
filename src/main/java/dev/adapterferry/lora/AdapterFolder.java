package dev.adapterferry.lora;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.PrintableName;
import dev.adapterferry.tensor.ShardedSafetensors;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TorchFile;
import java.io.Closeable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * An adapter as it came from training: configuration, tensors, tokenizer files. Opening it reads every tensor once: an adapter with
 * an empty tensor or a value that is not finite is not opened.
 */
public final class AdapterFolder implements Closeable, SourceFiles {
    private static final int CHUNK = 1 << 18;

    private final Path folder;
    private final AdapterConfig config;
    private final TensorSource tensors;
    private final boolean here;
    private final Set<String> zeros = new HashSet<>();

    private AdapterFolder(Path folder, AdapterConfig config, TensorSource tensors, boolean here) {
        this.folder = folder;
        this.config = config;
        this.tensors = tensors;
        this.here = here;
    }

    /**
     * Opens an adapter.
     *
     * @param folder its folder
     * @return the open adapter, to be closed by the caller
     * @throws FerryException when a file is missing or malformed, or the adapter cannot be merged; the sentence names the thing
     */
    public static AdapterFolder open(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new FerryException("Cannot open the adapter " + folder + ": it is not a folder. Name the folder that holds adapter_config.json.");
        }
        String name = folder.toAbsolutePath().normalize().getFileName().toString();
        if (name.equals("pissa_init") || name.equals("pissa_backup")) {
            throw new FerryException("Cannot merge " + folder + ": LLaMA-Factory keeps the start of a PiSSA training there, in coordinates of a base that it"
                    + " changed. Take the folder pissa_converted beside it.");
        }
        AdapterConfig config = AdapterConfig.read(folder);
        AdapterFolder opened = new AdapterFolder(folder, config, openTensors(folder, config.format()), true);
        try {
            opened.inspect();
            return opened;
        } catch (RuntimeException e) {
            opened.close();
            throw e;
        }
    }

    /**
     * Takes an adapter that is still elsewhere for one that is here: it has no files, and of its tensors only names, shapes and types mean something.
     *
     * @throws FerryException when an adapter of such tensors would not be opened
     */
    static AdapterFolder outline(AdapterOutline outline) {
        AdapterFolder folder = new AdapterFolder(Path.of(outline.name()), outline.config(), new OutlineTensors(outline.tensors()), false);
        folder.inspect();
        return folder;
    }

    private static TensorSource openTensors(Path folder, AdapterConfig.Format format) {
        String stem = format == AdapterConfig.Format.MLX ? "adapters" : "adapter_model";
        Optional<ShardedSafetensors> safetensors = ShardedSafetensors.find(folder, stem);
        if (safetensors.isPresent()) {
            return safetensors.get();
        }
        Path pickled = folder.resolve("adapter_model.bin");
        if (format == AdapterConfig.Format.PEFT && Files.isRegularFile(pickled)) {
            return TorchFile.open(pickled);
        }
        throw new FerryException("Cannot open the adapter " + folder + ": it holds no " + stem + ".safetensors. Pull the adapter again, with its weights.");
    }

    private void inspect() {
        if (tensors.tensors().isEmpty()) {
            throw new FerryException("Cannot merge " + folder + ": the adapter holds no tensors. It was saved before its parts were gathered (ZeRO-3, FSDP), or not at all.");
        }
        float[] chunk = new float[CHUNK];
        for (TensorInfo tensor : tensors.tensors()) {
            String name = "tensor '" + PrintableName.of(tensor.name()) + "'";
            if (tensor.elements() == 0) {
                throw new FerryException("Cannot merge " + folder + ": " + name + " is empty, shape " + tensor.shape()
                        + ". It was saved before its parts were gathered (ZeRO-3, FSDP): save the adapter again with gathering.");
            }
            if (!((ElementType) tensor.type()).isFloat() || ((ElementType) tensor.type()).isFloat8()) {
                throw new FerryException("Cannot merge " + folder + ": " + name + " has type " + tensor.type().label() + ", expected F32, F16 or BF16. Save the adapter again in one of these.");
            }
            if (tensor.rowLength() > Integer.MAX_VALUE / 2) {
                throw new FerryException("Cannot merge " + folder + ": " + name + " has rows of " + tensor.rowLength() + " elements, which is more than any model has. Pull the adapter again.");
            }
            if (!here) {
                continue;
            }
            chunk = chunk.length < tensor.rowLength() ? new float[(int) tensor.rowLength()] : chunk;
            inspect(tensor, name, chunk);
        }
    }

    private void inspect(TensorInfo tensor, String name, float[] chunk) {
        boolean zero = true;
        int step = (int) Math.max(1, chunk.length / tensor.rowLength());
        for (long row = 0; row < tensor.rows(); row += step) {
            int rows = (int) Math.min(step, tensor.rows() - row);
            tensors.read(tensor, row, rows, chunk, 0);
            for (int i = 0; i < rows * (int) tensor.rowLength(); i++) {
                if (!Float.isFinite(chunk[i])) {
                    throw new FerryException("Cannot merge " + folder + ": " + name + " holds " + chunk[i] + " at element "
                            + (row * tensor.rowLength() + i) + ". The training diverged or the file is damaged.");
                }
                zero &= chunk[i] == 0;
            }
        }
        if (zero) {
            zeros.add(tensor.name());
        }
    }

    /** The folder on disk. */
    public Path folder() {
        return folder;
    }

    /** What messages call it: the folder's own name. */
    public String name() {
        return folder.toAbsolutePath().normalize().getFileName().toString();
    }

    /** Its configuration. */
    public AdapterConfig config() {
        return config;
    }

    /** Its tensors, under the names of the file. */
    TensorSource tensors() {
        return tensors;
    }

    /** Whether every element of a tensor is zero. */
    boolean isZero(TensorInfo tensor) {
        return zeros.contains(tensor.name());
    }

    /**
     * A file beside the weights.
     *
     * @param fileName plain name, for example {@code tokenizer.json}
     * @return the file, or empty
     */
    public Optional<Path> file(String fileName) {
        return here ? CheckpointFolder.findFile(folder, fileName) : Optional.empty();
    }

    @Override
    public List<Path> files() {
        List<Path> weights = tensors instanceof SourceFiles source ? source.files() : List.of();
        return Stream.concat(Stream.of(config.file()), weights.stream()).toList();
    }

    @Override
    public void close() {
        tensors.close();
    }
}
