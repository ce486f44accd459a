package dev.adapterferry.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * Several safetensors files read as one: the shards of a checkpoint or of an adapter. With an index
 * ({@code model.safetensors.index.json}) exactly the files that it names are read, and they must hold exactly the tensors that it
 * lists; without one every file of the folder whose name starts with the stem. {@code metadata.total_size} is not believed.
 */
public final class ShardedSafetensors implements TensorSource, StoredBytes, SourceFiles {
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private final List<SafetensorsFile> shards;
    private final Optional<Path> index;
    private final List<TensorInfo> tensors;
    private final Map<String, SafetensorsFile> homes = new HashMap<>();

    private ShardedSafetensors(List<SafetensorsFile> shards, Optional<Path> index) {
        this.shards = List.copyOf(shards);
        this.index = index;
        List<TensorInfo> all = new ArrayList<>();
        for (SafetensorsFile shard : shards) {
            for (TensorInfo tensor : shard.tensors()) {
                SafetensorsFile earlier = homes.putIfAbsent(tensor.name(), shard);
                if (earlier != null) {
                    throw new MalformedFile(shard.file(), -1, "tensor '" + PrintableName.of(tensor.name()) + "' is in " + earlier.file().getFileName() + " as well");
                }
                all.add(tensor);
            }
        }
        this.tensors = List.copyOf(all);
    }

    /**
     * Opens the weights of a folder.
     *
     * @param folder the model's or adapter's folder
     * @param stem   {@code model} or {@code adapter_model}: what the names of the files start with
     * @return the open files, or empty when the folder has none of that stem
     * @throws MalformedFile  when a file is broken, or the index and the files disagree
     * @throws FerryException when a file cannot be opened
     */
    public static Optional<ShardedSafetensors> find(Path folder, String stem) {
        Path index = folder.resolve(stem + ".safetensors.index.json");
        Map<String, String> weightMap = Files.isRegularFile(index) ? readIndex(index) : Map.of();
        List<Path> files = weightMap.isEmpty() ? list(folder, stem)
                : new TreeSet<>(weightMap.values()).stream().map(name -> resolve(index, name)).toList();
        if (files.isEmpty()) {
            return Optional.empty();
        }
        List<SafetensorsFile> shards = new ArrayList<>();
        try {
            files.forEach(file -> shards.add(SafetensorsFile.open(file)));
            ShardedSafetensors opened = new ShardedSafetensors(shards, weightMap.isEmpty() ? Optional.empty() : Optional.of(index));
            if (!weightMap.isEmpty()) {
                opened.requireAgreement(index, weightMap);
            }
            return Optional.of(opened);
        } catch (RuntimeException e) {
            shards.forEach(SafetensorsFile::close);
            throw e;
        }
    }

    private static Map<String, String> readIndex(Path index) {
        JsonNode map;
        try {
            map = JSON.readTree(Files.readAllBytes(index)).path("weight_map");
        } catch (JsonProcessingException e) {
            throw new MalformedFile(index, e.getLocation() == null ? -1 : Math.max(-1, e.getLocation().getByteOffset()),
                    "it is not valid JSON (" + PrintableName.of(e.getOriginalMessage()) + ")");
        } catch (IOException e) {
            throw new FerryException("Cannot read " + index + ": " + Durable.reason(e) + ".", e);
        }
        if (!map.isObject() || map.isEmpty()) {
            throw new MalformedFile(index, -1, "it needs an object 'weight_map' from tensor names to file names");
        }
        Map<String, String> weightMap = new TreeMap<>();
        map.properties().forEach(entry -> {
            String file = entry.getValue().asText();
            if (!entry.getValue().isTextual() || file.isEmpty() || file.startsWith(".") || !file.endsWith(".safetensors")
                    || file.chars().anyMatch(c -> c == '/' || c == '\\' || c == ':' || c < ' ')) {
                throw new MalformedFile(index, -1, "tensor '" + PrintableName.of(entry.getKey()) + "' is said to lie in '" + PrintableName.of(entry.getValue().asText())
                        + "', which is not the plain name of a safetensors file");
            }
            weightMap.put(entry.getKey(), file);
        });
        return weightMap;
    }

    /** The shard beside the index. Links may lead within the folder, and to the blobs of a hub cache, which is made of links. */
    private static Path resolve(Path index, String name) {
        Path shard = index.resolveSibling(name);
        if (!Files.exists(shard)) {
            throw new MalformedFile(index, -1, "it names " + name + ", which is missing from the folder", "Get the model again, with all its files");
        }
        try {
            Path folder = shard.toAbsolutePath().getParent().toRealPath();
            Path target = shard.toRealPath().getParent();
            Path blobs = folder.resolve("../../blobs").normalize();
            if (!target.equals(folder) && !target.equals(blobs)) {
                throw new MalformedFile(index, -1, "it names " + name + ", a link that leaves the folder", "Put the file itself there");
            }
        } catch (IOException e) {
            throw new FerryException("Cannot follow " + shard + ": " + Durable.reason(e) + ".", e);
        }
        return shard;
    }

    private static List<Path> list(Path folder, String stem) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().startsWith(stem) && f.getFileName().toString().endsWith(".safetensors"))
                    .sorted().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list " + folder + ": " + (Files.isDirectory(folder) ? e.getMessage() : "it is not a folder") + ".", e);
        }
    }

    private void requireAgreement(Path index, Map<String, String> weightMap) {
        for (Map.Entry<String, String> entry : weightMap.entrySet()) {
            SafetensorsFile home = homes.get(entry.getKey());
            if (home == null || !home.file().getFileName().toString().equals(entry.getValue())) {
                throw new MalformedFile(index, -1, "it puts tensor '" + PrintableName.of(entry.getKey()) + "' in " + entry.getValue() + ", which does not hold it");
            }
        }
        for (TensorInfo tensor : tensors) {
            if (!weightMap.containsKey(tensor.name())) {
                throw new MalformedFile(homes.get(tensor.name()).file(), -1, "tensor '" + PrintableName.of(tensor.name()) + "' is not in " + index.getFileName());
            }
        }
    }

    /** The tensors, shard by shard in the order of file names, within a shard by name. */
    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(homes.get(name)).flatMap(shard -> shard.find(name));
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return home(tensor).identity(tensor);
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        home(tensor).read(tensor, firstRow, rows, into, offset);
    }

    @Override
    public boolean isStored(TensorInfo tensor) {
        return home(tensor).isStored(tensor);
    }

    @Override
    public void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
        home(tensor).readStored(tensor, firstByte, length, into, offset);
    }

    @Override
    public List<Path> files() {
        return Stream.concat(index.stream(), shards.stream().map(SafetensorsFile::file)).toList();
    }

    private SafetensorsFile home(TensorInfo tensor) {
        SafetensorsFile home = homes.get(tensor.name());
        if (home == null) {
            throw new IllegalArgumentException("no shard has a tensor " + tensor);
        }
        return home;
    }

    @Override
    public void close() {
        shards.forEach(SafetensorsFile::close);
    }
}
