package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes the weights of a checkpoint as transformers does: {@code model.safetensors} when they fit into one shard, else
 * {@code model-00001-of-0000N.safetensors} and so on, filled in the given order, with {@code model.safetensors.index.json}.
 */
public final class ShardedSafetensorsWriter implements Closeable {
    private final Path folder;
    private final List<TensorInfo> tensors;
    private final List<String> names = new ArrayList<>();
    private final List<SafetensorsWriter> shards = new ArrayList<>();
    private final Map<String, Integer> homes = new HashMap<>();

    private ShardedSafetensorsWriter(Path folder, List<TensorInfo> tensors, long shardBytes, boolean resume) {
        this.folder = folder;
        this.tensors = List.copyOf(tensors);
        List<List<TensorInfo>> groups = split(tensors, shardBytes);
        for (List<TensorInfo> group : groups) {
            int number = shards.size() + 1;
            String name = groups.size() == 1 ? "model.safetensors" : "model-%05d-of-%05d.safetensors".formatted(number, groups.size());
            try {
                Map<String, String> metadata = Map.of("format", "pt");
                shards.add(resume ? SafetensorsWriter.resume(folder.resolve(name), group, metadata) : SafetensorsWriter.create(folder.resolve(name), group, metadata));
            } catch (RuntimeException e) {
                close();
                throw e;
            }
            names.add(name);
            group.forEach(tensor -> homes.put(tensor.name(), number - 1));
        }
    }

    /**
     * Starts the files.
     *
     * @param folder     an existing folder
     * @param tensors    what to write, in order
     * @param shardBytes most bytes per shard; a tensor larger than that has a shard for itself
     * @return the writer, to be closed by the caller
     */
    public static ShardedSafetensorsWriter create(Path folder, List<TensorInfo> tensors, long shardBytes) {
        return new ShardedSafetensorsWriter(folder, tensors, shardBytes, false);
    }

    /** Takes up what a killed writer of the same tensors and shards left; see {@link SafetensorsWriter#resume}. */
    public static ShardedSafetensorsWriter resume(Path folder, List<TensorInfo> tensors, long shardBytes) {
        return new ShardedSafetensorsWriter(folder, tensors, shardBytes, true);
    }

    private static List<List<TensorInfo>> split(List<TensorInfo> tensors, long shardBytes) {
        List<List<TensorInfo>> groups = new ArrayList<>(List.of(new ArrayList<>()));
        long filled = 0;
        for (TensorInfo tensor : tensors) {
            long bytes = tensor.type().bytesFor(tensor.elements());
            if (filled + bytes > shardBytes && !groups.getLast().isEmpty()) {
                groups.add(new ArrayList<>());
                filled = 0;
            }
            groups.getLast().add(tensor);
            filled += bytes;
        }
        return groups;
    }

    /** Writes whole rows; see {@link SafetensorsWriter#write}. */
    public void write(TensorInfo tensor, long firstRow, int rows, float[] values, int offset) {
        home(tensor).write(tensor, firstRow, rows, values, offset);
    }

    /** Writes stored bytes; see {@link SafetensorsWriter#writeStored}. */
    public void writeStored(TensorInfo tensor, long firstByte, int length, byte[] bytes, int offset) {
        home(tensor).writeStored(tensor, firstByte, length, bytes, offset);
    }

    /** See {@link SafetensorsWriter#checksum}. */
    public long checksum(TensorInfo tensor) {
        return home(tensor).checksum(tensor);
    }

    /** See {@link SafetensorsWriter#keep}. */
    public void keep(TensorInfo tensor) {
        home(tensor).keep(tensor);
    }

    /** Brings the shards of some tensors to the disk, as far as they are written. */
    public void force(List<TensorInfo> written) {
        written.stream().map(this::home).distinct().forEach(SafetensorsWriter::force);
    }

    /** Finishes every shard and writes the index last, so that a folder with an index is complete. */
    public void commit() {
        shards.forEach(SafetensorsWriter::requireComplete);
        shards.forEach(SafetensorsWriter::commit);
        if (shards.size() == 1) {
            return;
        }
        JsonMapper json = new JsonMapper();
        ObjectNode index = json.createObjectNode();
        index.putObject("metadata").put("total_size", tensors.stream().mapToLong(t -> t.type().bytesFor(t.elements())).sum());
        ObjectNode weightMap = index.putObject("weight_map");
        tensors.forEach(tensor -> weightMap.put(tensor.name(), names.get(homes.get(tensor.name()))));
        Path file = folder.resolve("model.safetensors.index.json");
        try {
            Path partial = Files.write(folder.resolve(file.getFileName() + ".partial"), json.writerWithDefaultPrettyPrinter().writeValueAsBytes(index));
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new FerryException("Cannot write " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** Closes the files as they stand, for {@link #resume}. */
    public void suspend() {
        shards.forEach(SafetensorsWriter::suspend);
    }

    private SafetensorsWriter home(TensorInfo tensor) {
        Integer home = homes.get(tensor.name());
        if (home == null) {
            throw new IllegalArgumentException("not planned: " + tensor);
        }
        return shards.get(home);
    }

    @Override
    public void close() {
        shards.forEach(SafetensorsWriter::close);
    }
}
