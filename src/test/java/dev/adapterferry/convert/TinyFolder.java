package dev.adapterferry.convert;

import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A tiny checkpoint of some architecture as a folder on the disk, for tests of other rooms. */
public final class TinyFolder {
    private TinyFolder() { }

    /**
     * Writes it: config.json, tokenizer files and weights in BF16.
     *
     * @param name   a name of {@link TinyModels}
     * @param folder where to; made when it is missing
     */
    public static Path write(String name, Path folder) throws IOException {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Files.createDirectories(folder);
        try (Stream<Path> files = Files.list(checkpoint.folder())) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        Files.writeString(folder.resolve("config.json"), checkpoint.rawConfig().toString());
        List<TensorInfo> tensors = checkpoint.tensors().tensors();
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve("model.safetensors"), tensors, Map.of("format", "pt"))) {
            tensors.forEach(tensor -> writer.write(tensor, 0, Math.toIntExact(tensor.rows()), checkpoint.values(tensor.name()), 0));
            writer.commit();
        }
        return folder;
    }
}
