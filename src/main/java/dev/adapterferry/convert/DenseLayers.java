package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.transform.Constant;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.SafetensorsFile;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The two matrices behind the pooling of EmbeddingGemma ({@code 2_Dense}, {@code 3_Dense}): the vector of a text is {@code second · first · pooled}. llama.cpp
 * has them as {@code dense_2} and {@code dense_3}, without bias and without a function between, from the model's width back to it.
 */
final class DenseLayers {
    private static final String GENERATED = "dense-layers";
    private static final String NOTHING_BETWEEN = "torch.nn.modules.linear.Identity";

    private final List<Matrix> matrices;

    /** One of them, with rows of {@code in} numbers. */
    private record Matrix(int out, int in, float[] values) { }

    private DenseLayers(List<Matrix> matrices) {
        this.matrices = matrices;
    }

    /**
     * The layers of a checkpoint.
     *
     * @return empty where it has none, or such that llama.cpp does not compute
     * @throws FerryException when their weights are missing or of another shape than their config.json says
     */
    static Optional<DenseLayers> of(Checkpoint checkpoint, Architecture architecture, ModelConfig config) {
        Optional<SentenceModules> modules = SentenceModules.of(checkpoint);
        if (modules.isEmpty() || modules.get().of("Dense").isEmpty() || !fit(modules.get(), architecture, config)) {
            return Optional.empty();
        }
        return Optional.of(new DenseLayers(modules.get().of("Dense").stream().map(module -> matrix(checkpoint.name(), modules.get().folder(module))).toList()));
    }

    /** What the run says of layers that the file lacks. */
    static Optional<String> leftOut(Checkpoint checkpoint, Architecture architecture, ModelConfig config) {
        Optional<SentenceModules> modules = SentenceModules.of(checkpoint);
        if (modules.isEmpty() || modules.get().of("Dense").isEmpty() || fit(modules.get(), architecture, config)) {
            return Optional.empty();
        }
        return Optional.of("The layers behind the pooling (" + String.join(", ", modules.get().of("Dense").stream().map(SentenceModules.Module::path).toList())
                + ") are left out, llama.cpp does not compute them: the file's vectors are those before them.");
    }

    private static boolean fit(SentenceModules modules, Architecture architecture, ModelConfig config) {
        if (!architecture.generated().contains(GENERATED)) {
            // Nobody needs to know what they are, nor that their folders are here.
            return false;
        }
        List<ObjectNode> layers = modules.of("Dense").stream().map(module -> CheckpointFolder.readObject(modules.folder(module).resolve("config.json"))).toList();
        long width = config.findLong("hidden_size").orElse(-1L);
        return layers.size() == 2 && layers.stream().allMatch(DenseLayers::isPlain) && layers.getFirst().path("in_features").asLong() == width
                && layers.getLast().path("out_features").asLong() == width && layers.getFirst().path("out_features").asLong() == layers.getLast().path("in_features").asLong();
    }

    /** A layer that does not say which function it applies applies tanh; one that does not say whether it has a bias has one. */
    private static boolean isPlain(ObjectNode layer) {
        return !layer.path("bias").asBoolean(true) && layer.path("activation_function").asText().equals(NOTHING_BETWEEN) && !layer.path("use_residual").asBoolean()
                && isPooled(layer.path("module_input_name")) && isPooled(layer.path("module_output_name"));
    }

    private static boolean isPooled(JsonNode name) {
        return !name.isTextual() || name.asText().equals("sentence_embedding");
    }

    private static Matrix matrix(String model, Path folder) {
        ObjectNode layer = CheckpointFolder.readObject(folder.resolve("config.json"));
        Path weights = folder.resolve("model.safetensors");
        if (!Files.isRegularFile(weights)) {
            throw new FerryException("Cannot convert " + model + ": modules.json names a layer behind the pooling, and " + weights + " is not there. Get the model again, with its folders.");
        }
        try (SafetensorsFile file = SafetensorsFile.open(weights)) {
            List<Long> shape = List.of(layer.path("out_features").asLong(), layer.path("in_features").asLong());
            TensorInfo tensor = file.find("linear.weight").filter(found -> found.shape().equals(shape)).orElseThrow(() -> new FerryException("Cannot convert " + model + ": " + weights
                    + " holds no 'linear.weight' of shape " + shape + ", as the config.json beside it says. Get the model again, with its folders."));
            float[] values = new float[Math.toIntExact(tensor.elements())];
            file.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
            return new Matrix(Math.toIntExact(tensor.rows()), Math.toIntExact(tensor.rowLength()), values);
        }
    }

    /** Puts tensors and keys where the file has them. */
    void write(String arch, Map<String, TensorView> tensors, GgufMetadata keys) {
        List<String> names = new ArrayList<>(List.of("dense_2", "dense_3"));
        for (Matrix matrix : matrices) {
            String name = names.removeFirst();
            tensors.put(name + ".weight", new Constant(matrix.values(), List.of((long) matrix.out(), (long) matrix.in())));
            keys.putUint32(arch + "." + name + "_feat_in", matrix.in()).putUint32(arch + "." + name + "_feat_out", matrix.out());
        }
    }
}
