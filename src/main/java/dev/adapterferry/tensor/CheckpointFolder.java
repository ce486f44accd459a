package dev.adapterferry.tensor;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** A Hugging Face model folder on disk: {@code config.json}, the tokenizer's files, and the weights as safetensors. */
public final class CheckpointFolder implements Checkpoint, SourceFiles {
    /** Python writes a time step without bounds, as Mamba 2 has it, as {@code Infinity}. */
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    private final Path folder;
    private final String name;
    private final ObjectNode config;
    private final ShardedSafetensors tensors;

    private CheckpointFolder(Path folder, String name, ObjectNode config, ShardedSafetensors tensors) {
        this.folder = folder;
        this.name = name;
        this.config = config;
        this.tensors = tensors;
    }

    /**
     * Opens a model folder under the name that its place gives it: the repository in a hub cache, else the folder's own.
     *
     * @param folder the folder
     * @return the open checkpoint, to be closed by the caller
     */
    public static CheckpointFolder open(Path folder) {
        Path path = folder.toAbsolutePath().normalize();
        for (Path part : path) {
            String[] repository = part.toString().split("--");
            if (repository.length == 3 && repository[0].equals("models")) {
                return open(folder, repository[1] + "/" + repository[2]);
            }
        }
        return open(folder, path.getFileName() == null ? path.toString() : path.getFileName().toString());
    }

    /**
     * Opens a model folder.
     *
     * @param folder the folder
     * @param name   what messages call it, for example {@code Qwen/Qwen2.5-7B-Instruct}
     * @return the open checkpoint, to be closed by the caller
     * @throws FerryException when a file is missing, cannot be read or is not what it should be
     */
    public static CheckpointFolder open(Path folder, String name) {
        if (!Files.isDirectory(folder)) {
            throw new FerryException("Cannot open the checkpoint " + name + ": " + folder + " is not a folder. Name the folder that holds config.json and the weights.");
        }
        if (!Files.isRegularFile(folder.resolve("config.json"))) {
            throw new FerryException("Cannot open the checkpoint " + name + ": " + folder + " holds no config.json." + hint(folder));
        }
        ObjectNode config = readObject(folder.resolve("config.json"));
        ShardedSafetensors tensors = ShardedSafetensors.find(folder, "model").orElseThrow(() -> new FerryException(
                "Cannot open the checkpoint " + name + ": " + folder + " holds no model*.safetensors." + hint(folder)));
        return new CheckpointFolder(folder, name, config, tensors);
    }

    private static String hint(Path folder) {
        if (Files.exists(folder.resolve("pytorch_model.bin")) || Files.exists(folder.resolve("pytorch_model.bin.index.json"))) {
            return " It has pickled weights (pytorch_model.bin); use the safetensors version of the model.";
        }
        if (Files.exists(folder.resolve("params.json"))) {
            return " It has Mistral's own layout (params.json, consolidated*.safetensors); use the Hugging Face version of the model.";
        }
        return Files.exists(folder.resolve("adapter_config.json")) ? " It is an adapter, not a base." : "";
    }

    /**
     * Reads a JSON file that must hold one object, refusing duplicate keys.
     *
     * @param file the file
     * @return its content
     * @throws FerryException when it is missing or not such a file
     */
    public static ObjectNode readObject(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new FerryException("Cannot read " + file + ": there is no such file. Get the model again, with all its files.");
        }
        try {
            return parseObject(file, Files.readAllBytes(file));
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /**
     * The same for a file that was read already, or came over a wire.
     *
     * @param file  its name, for messages
     * @param bytes its content
     * @throws MalformedFile when it does not hold one JSON object
     */
    public static ObjectNode parseObject(Path file, byte[] bytes) {
        try {
            JsonNode node = JSON.readTree(bytes);
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new MalformedFile(file, 0, "expected a JSON object, found " + node.getNodeType());
        } catch (JsonProcessingException e) {
            throw new MalformedFile(file, e.getLocation() == null ? -1 : Math.max(-1, e.getLocation().getByteOffset()),
                    "it is not valid JSON (" + PrintableName.of(e.getOriginalMessage().replaceFirst("(?s)\\s*\\(start marker at.*", "")) + ")");
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /** The folder on disk. */
    public Path folder() {
        return folder;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ObjectNode config() {
        return config.deepCopy();
    }

    @Override
    public Optional<Path> file(String fileName) {
        return findFile(folder, fileName);
    }

    /**
     * The file of a folder, by plain name.
     *
     * @param folder   where to look
     * @param fileName a name without separators
     * @return the file, or empty when there is none
     */
    public static Optional<Path> findFile(Path folder, String fileName) {
        if (fileName.isEmpty() || fileName.startsWith(".") || fileName.contains("/") || fileName.contains("\\")) {
            throw new IllegalArgumentException("not a plain file name: " + fileName);
        }
        return Optional.of(folder.resolve(fileName)).filter(Files::isRegularFile);
    }

    @Override
    public TensorSource tensors() {
        return tensors;
    }

    /** {@code config.json}, the weight files, and what stands behind the pooling. */
    @Override
    public List<Path> files() {
        Stream<Path> modules = file(SentenceModules.NAME).stream().flatMap(file -> Stream.concat(Stream.of(file), SentenceModules.read(file).files().stream()));
        return Stream.of(Stream.of(folder.resolve("config.json")), tensors.files().stream(), modules).flatMap(files -> files).toList();
    }

    @Override
    public void close() {
        tensors.close();
    }
}
