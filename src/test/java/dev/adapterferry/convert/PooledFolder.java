package dev.adapterferry.convert;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
}
