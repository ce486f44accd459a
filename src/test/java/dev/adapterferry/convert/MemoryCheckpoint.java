package dev.adapterferry.convert;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;

/** A checkpoint of random weights in memory, tensors sorted by name as safetensors files list them. */
final class MemoryCheckpoint implements Checkpoint {
    private static final ObjectMapper JSON = JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    private final ObjectNode config;
    private final Path folder;
    private final ElementType type;
    private final TreeMap<String, TensorInfo> infos = new TreeMap<>();
    private final TreeMap<String, float[]> values = new TreeMap<>();
    private final Random random;

    /**
     * @param config JSON of config.json
     * @param folder where the tokenizer's files lie
     */
    MemoryCheckpoint(String config, Path folder, ElementType type, long seed) {
        try {
            this.config = (ObjectNode) JSON.readTree(config);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        this.folder = folder;
        this.type = type;
        this.random = new Random(seed);
    }

    /** Adds a tensor: matrices of small normal values, vectors around {@code center}. */
    MemoryCheckpoint add(String name, double center, long... shape) {
        int count = 1;
        for (long d : shape) {
            count = Math.toIntExact(count * d);
        }
        float[] data = new float[count];
        double spread = shape.length < 2 ? 0.1 : 1.2 / Math.sqrt(shape[shape.length - 1]);
        for (int i = 0; i < count; i++) {
            data[i] = type.round((float) (center + random.nextGaussian() * spread));
        }
        infos.put(name, new TensorInfo(name, type, Arrays.stream(shape).boxed().toList()));
        values.put(name, data);
        return this;
    }

    /** Multiplies a tensor's values. */
    MemoryCheckpoint multiply(String name, float factor) {
        float[] data = values.get(name);
        for (int i = 0; i < data.length; i++) {
            data[i] = type.round(data[i] * factor);
        }
        return this;
    }

    MemoryCheckpoint remove(String name) {
        infos.remove(name);
        values.remove(name);
        return this;
    }

    /** The values of a tensor, row after row. */
    float[] values(String name) {
        return values.get(name);
    }

    ObjectNode rawConfig() {
        return config;
    }

    Path folder() {
        return folder;
    }

    @Override
    public String name() {
        return "tiny/checkpoint";
    }

    @Override
    public ObjectNode config() {
        return config.deepCopy();
    }

    @Override
    public Optional<Path> file(String fileName) {
        return Optional.of(folder.resolve(fileName)).filter(Files::isRegularFile);
    }

    @Override
    public TensorSource tensors() {
        return new TensorSource() {
            @Override
            public List<TensorInfo> tensors() {
                return List.copyOf(infos.values());
            }

            @Override
            public Optional<TensorInfo> find(String name) {
                return Optional.ofNullable(infos.get(name));
            }

            @Override
            public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                int length = (int) tensor.rowLength();
                System.arraycopy(values.get(tensor.name()), Math.toIntExact(firstRow * length), into, offset, rows * length);
            }

            @Override
            public Optional<String> identity(TensorInfo tensor) {
                return Optional.of("memory " + tensor.name());
            }

            @Override
            public void close() { }
        };
    }

    @Override
    public void close() { }
}
