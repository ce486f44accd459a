package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A base with some of its layers standing several times in the stack, as PEFT's {@code layer_replication} builds it before training.
 * The copies share the stored bytes; only names, and what the configuration says of layers, differ.
 */
final class ReplicatedCheckpoint implements Checkpoint, SourceFiles {
    /** The layers of the language model; towers of other kinds are not replicated. */
    private static final Pattern LAYER = Pattern.compile("(?<before>(?:(?:model|language_model|transformer)\\.)*(?:layers|h)\\.)(?<number>\\d+)(?<after>\\..*)");

    private final Checkpoint base;
    private final List<Integer> layers = new ArrayList<>();
    private final Replicas tensors;

    /**
     * @param base   the base; closed with this
     * @param ranges {@code [from, to)} of the base's layers, in the order of the new stack
     * @throws FerryException when the base does not have such layers
     */
    ReplicatedCheckpoint(Checkpoint base, List<List<Integer>> ranges) {
        this.base = base;
        ranges.forEach(range -> {
            for (int layer = range.getFirst(); layer < range.getLast(); layer++) {
                layers.add(layer);
            }
        });
        int count = count(base);
        if (layers.stream().anyMatch(layer -> layer >= count)) {
            throw new FerryException("Cannot replicate layers of " + base.name() + " as adapter_config.json asks (" + ranges + "): it has " + count + " layers. The adapter was trained on another base or architecture: name the one that it was trained on.");
        }
        this.tensors = new Replicas(base.tensors(), layers);
    }

    private static int count(Checkpoint base) {
        return base.tensors().tensors().stream().map(t -> LAYER.matcher(t.name())).filter(Matcher::matches)
                .mapToInt(m -> Integer.parseInt(m.group("number")) + 1).max().orElse(0);
    }

    @Override
    public String name() {
        return base.name();
    }

    @Override
    public ObjectNode config() {
        ObjectNode config = base.config();
        stretch(config);
        return config;
    }

    /** The number of layers, and every list with an entry per layer ({@code layer_types} and its like). */
    private void stretch(ObjectNode config) {
        int before = count(base);
        for (String key : List.of("num_hidden_layers", "n_layer")) {
            if (config.path(key).asInt(-1) == before) {
                config.put(key, layers.size());
            }
        }
        List<Map.Entry<String, JsonNode>> entries = new ArrayList<>(config.properties());
        for (Map.Entry<String, JsonNode> entry : entries) {
            if (entry.getValue() instanceof ArrayNode list && list.size() == before && before > 2) {
                ArrayNode longer = config.putArray(entry.getKey());
                layers.forEach(layer -> longer.add(list.get(layer)));
            } else if (entry.getKey().equals("text_config") && entry.getValue() instanceof ObjectNode text) {
                stretch(text);
            }
        }
    }

    @Override
    public Optional<Path> file(String fileName) {
        return base.file(fileName);
    }

    @Override
    public TensorSource tensors() {
        return tensors;
    }

    @Override
    public List<Path> files() {
        return base instanceof SourceFiles files ? files.files() : List.of();
    }

    @Override
    public void close() {
        base.close();
    }

    /** The base's tensors under the names of the new stack. */
    private static final class Replicas implements TensorSource, StoredBytes {
        private final TensorSource base;
        private final Map<String, TensorInfo> originals = new LinkedHashMap<>();
        private final List<TensorInfo> tensors = new ArrayList<>();

        Replicas(TensorSource base, List<Integer> layers) {
            this.base = base;
            for (TensorInfo tensor : base.tensors()) {
                Matcher m = LAYER.matcher(tensor.name());
                if (!m.matches()) {
                    add(tensor.name(), tensor);
                    continue;
                }
                for (int i = 0; i < layers.size(); i++) {
                    if (layers.get(i) == Integer.parseInt(m.group("number"))) {
                        add(m.group("before") + i + m.group("after"), tensor);
                    }
                }
            }
        }

        private void add(String name, TensorInfo original) {
            originals.put(name, original);
            tensors.add(new TensorInfo(name, original.type(), original.shape()));
        }

        @Override
        public List<TensorInfo> tensors() {
            return tensors;
        }

        @Override
        public Optional<TensorInfo> find(String name) {
            return Optional.ofNullable(originals.get(name)).map(original -> new TensorInfo(name, original.type(), original.shape()));
        }

        @Override
        public Optional<String> identity(TensorInfo tensor) {
            return base.identity(originals.get(tensor.name()));
        }

        @Override
        public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
            base.read(originals.get(tensor.name()), firstRow, rows, into, offset);
        }

        @Override
        public boolean isStored(TensorInfo tensor) {
            return base instanceof StoredBytes stored && stored.isStored(originals.get(tensor.name()));
        }

        @Override
        public void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
            ((StoredBytes) base).readStored(originals.get(tensor.name()), firstByte, length, into, offset);
        }

        /** Nothing of its own. */
        @Override
        public void close() { }
    }
}
