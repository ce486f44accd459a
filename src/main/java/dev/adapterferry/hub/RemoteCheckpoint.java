package dev.adapterferry.hub;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.RangedHeader;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.transfer.FileEntry;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A base of which only config.json and the headers of the weight files were read, by ranged requests of some kilobytes: names,
 * shapes and types are known, values are not. For judging a base before it is downloaded.
 */
final class RemoteCheckpoint implements Checkpoint {
    private static final int LARGEST_CONFIG = 1 << 20;

    private final String name;
    private final ObjectNode config;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();

    /**
     * Reads what is needed.
     *
     * @param tree  the commit
     * @param files what a merge needs of it
     * @throws FerryException when a file is not what it should be
     */
    RemoteCheckpoint(HubTree tree, List<FileEntry> files) {
        this.name = tree.version().repository();
        this.config = config(tree, files.stream().filter(f -> f.name().equals("config.json")).findFirst().orElseThrow());
        List<TensorInfo> found = new ArrayList<>();
        files.stream().filter(f -> f.name().endsWith(".safetensors")).sorted(Comparator.comparing(FileEntry::name)).forEach(f -> found.addAll(RangedHeader.read(f.name(), f.size(), (offset, length) -> tree.read(f, offset, length))));
        found.forEach(tensor -> tensors.put(tensor.name(), tensor));
    }

    /** Reads config.json alone. */
    static ObjectNode config(HubTree tree, FileEntry file) {
        try {
            JsonNode node = file.size() > LARGEST_CONFIG ? null : JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build().readTree(tree.read(file, 0, (int) file.size()));
            if (node instanceof ObjectNode object) {
                return object;
            }
        } catch (IOException e) {
            throw new FerryException("Cannot use " + tree.place() + " as a base: its config.json is no JSON (" + e.getMessage() + "). Name another revision (base-revision), or tell whoever uploaded it.", e);
        }
        throw new FerryException("Cannot use " + tree.place() + " as a base: its config.json is no JSON object. Name another revision (base-revision), or tell whoever uploaded it.");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ObjectNode config() {
        return config.deepCopy();
    }

    /** No file beside config.json is here. */
    @Override
    public Optional<Path> file(String fileName) {
        return Optional.empty();
    }

    @Override
    public TensorSource tensors() {
        return new TensorSource() {
            @Override
            public List<TensorInfo> tensors() {
                return List.copyOf(tensors.values());
            }

            @Override
            public Optional<TensorInfo> find(String tensor) {
                return Optional.ofNullable(tensors.get(tensor));
            }

            @Override
            public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                throw new FerryException("Cannot read tensor '" + tensor.name() + "' of " + name + ": the weights have not been downloaded.");
            }

            @Override
            public void close() {
                // nothing is open
            }
        };
    }

    @Override
    public void close() {
        // nothing is open
    }
}
