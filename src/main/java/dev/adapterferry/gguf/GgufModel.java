package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
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
 * A model as GGUF: one file, or all its shards seen as one. The shards of a split model are named
 * {@code PREFIX-00001-of-00009.gguf}, each with {@code split.no}, {@code split.count} and {@code split.tensors.count};
 * the first holds all other keys. The model is opened by its first shard, as llama.cpp does.
 */
public final class GgufModel implements TensorSource, StoredBytes, SourceFiles {
    private static final Pattern SHARD = Pattern.compile("(.+)-(\\d{5})-of-(\\d{5})\\.gguf");

    private final List<GgufFile> shards;
    private final GgufMetadata metadata;
    private final Map<String, GgufFile> byName = new LinkedHashMap<>();

    private GgufModel(List<GgufFile> shards) {
        this.shards = shards;
        this.metadata = shards.getFirst().metadata().copy();
        metadata.entries().keySet().stream().filter(key -> key.startsWith("split.")).toList().forEach(metadata::remove);
        for (GgufFile shard : shards) {
            for (TensorInfo tensor : shard.tensors()) {
                if (byName.put(tensor.name(), shard) != null) {
                    throw new MalformedFile(shard.files().getFirst(), -1, "tensor '" + tensor.name() + "' is in another shard too");
                }
            }
        }
    }

    /**
     * Opens a model.
     *
     * @param file the only file, or the first shard
     * @return the open model, to be closed
     * @throws MalformedFile  when a file breaks a rule of the format, or the shards do not belong together
     * @throws FerryException when a file is missing
     */
    public static GgufModel open(Path file) {
        List<GgufFile> shards = new ArrayList<>();
        try {
            shards.add(GgufFile.open(file));
            long count = split(shards.getFirst(), "split.count").orElse(1L);
            if (count > 1) {
                openOthers(file, (int) count, shards);
            }
            return new GgufModel(shards);
        } catch (RuntimeException e) {
            shards.forEach(GgufFile::close);
            throw e;
        }
    }

    private static void openOthers(Path first, int count, List<GgufFile> shards) {
        Matcher name = SHARD.matcher(first.getFileName().toString());
        if (!name.matches() || Integer.parseInt(name.group(3)) != count) {
            throw new MalformedFile(first, -1, "it is one of " + count + " shards, but is not named PREFIX-00001-of-%05d.gguf".formatted(count), "Give all shards the names that they were published with");
        }
        for (int number = 0; number < count; number++) {
            if (number > 0) {
                shards.add(GgufFile.open(first.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name.group(1), number + 1, count))));
            }
            GgufFile shard = shards.getLast();
            if (split(shard, "split.no").orElse(-1L) != number || split(shard, "split.count").orElse(-1L) != count) {
                throw new MalformedFile(shard.files().getFirst(), -1, number == 0 ? "it is not the first shard of its model" : "it does not say that it is shard " + (number + 1) + " of " + count,
                        number == 0 ? "Give the first one" : "Get all shards of one model again");
            }
        }
        long tensors = shards.stream().mapToLong(shard -> shard.tensors().size()).sum();
        long expected = split(shards.getFirst(), "split.tensors.count").orElse(tensors);
        if (tensors != expected) {
            throw new MalformedFile(first, -1, "its shards should hold " + expected + " tensors, but hold " + tensors, "Get all shards of one model again");
        }
    }

    private static Optional<Long> split(GgufFile file, String key) {
        return file.metadata().findLong(key);
    }

    /** The keys without {@code split.*}. Not to be changed. */
    public GgufMetadata metadata() {
        return metadata;
    }

    @Override
    public List<TensorInfo> tensors() {
        return shards.stream().flatMap(shard -> shard.tensors().stream()).toList();
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(byName.get(name)).flatMap(shard -> shard.find(name));
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        shard(tensor).read(tensor, firstRow, rows, into, offset);
    }

    @Override
    public boolean isStored(TensorInfo tensor) {
        return true;
    }

    @Override
    public void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
        shard(tensor).readStored(tensor, firstByte, length, into, offset);
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return shard(tensor).identity(tensor);
    }

    @Override
    public List<Path> files() {
        return shards.stream().flatMap(shard -> shard.files().stream()).toList();
    }

    @Override
    public void close() {
        shards.forEach(GgufFile::close);
    }

    private GgufFile shard(TensorInfo tensor) {
        GgufFile shard = byName.get(tensor.name());
        if (shard == null) {
            throw new IllegalArgumentException("no tensor " + tensor + " in " + files());
        }
        return shard;
    }
}
