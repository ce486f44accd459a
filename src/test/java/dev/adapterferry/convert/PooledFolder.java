package dev.adapterferry.convert;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;

/** A folder of tokenizer files with what sentence-transformers puts beside them. */
final class PooledFolder {
    private PooledFolder() { }

    /**
     * Writes it.
     *
     * @param mode    {@code mean_tokens}, {@code cls_token}, {@code lasttoken}, ...
     * @param further modules behind the pooling
     */
    static Path write(Path folder, Path tokenizer, String mode, String... further) throws IOException {
        Files.createDirectories(folder.resolve("1_Pooling"));
        try (Stream<Path> files = Files.list(tokenizer)) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        StringBuilder modules = new StringBuilder("[{\"idx\":0,\"name\":\"0\",\"path\":\"\",\"type\":\"sentence_transformers.models.Transformer\"},"
                + "{\"idx\":1,\"name\":\"1\",\"path\":\"1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}");
        for (String module : further) {
            modules.append(",{\"path\":\"").append(module).append("\",\"type\":\"sentence_transformers.models.").append(module.substring(module.indexOf('_') + 1)).append("\"}");
        }
        Files.writeString(folder.resolve("modules.json"), modules.append("]"));
        StringBuilder config = new StringBuilder("{\"word_embedding_dimension\":64");
        for (String known : List.of("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")) {
            config.append(",\"pooling_mode_").append(known).append("\":").append(known.equals(mode));
        }
        Files.writeString(folder.resolve("1_Pooling").resolve("config.json"), config.append(",\"include_prompt\":true}"));
        return folder;
    }

    /**
     * Writes the folder of a layer behind the pooling.
     *
     * @param activation class of torch that it applies
     * @return its matrix, {@code out} rows of {@code in} numbers
     */
    static double[][] dense(Path folder, int in, int out, String activation) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), "{\"in_features\":" + in + ",\"out_features\":" + out + ",\"bias\":false,\"activation_function\":\"" + activation + "\"}");
        Random random = new Random(in);
        TensorInfo tensor = new TensorInfo("linear.weight", ElementType.F32, List.of((long) out, (long) in));
        float[] values = new float[out * in];
        double[][] matrix = new double[out][in];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (0.2 * random.nextGaussian());
            matrix[i / in][i % in] = values[i];
        }
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve("model.safetensors"), List.of(tensor), Map.of("format", "pt"))) {
            writer.write(tensor, 0, out, values, 0);
            writer.commit();
        }
        return matrix;
    }
}
