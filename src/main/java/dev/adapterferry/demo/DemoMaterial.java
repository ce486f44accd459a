package dev.adapterferry.demo;

import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.List;

/**
 * Lays out the trained base and adapter as files: the base as a checkpoint folder, the adapter as the output folder of a
 * training that has just ended. What lies there already stays as it is, so that a second demo finds the same files.
 */
public final class DemoMaterial {
    /** The model's name in the demo. */
    public static final String MODEL = "captain";
    private static final List<String> BASE = List.of("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");
    /** In the order in which a training writes them: weights, configuration, then the state that says that it has ended. */
    private static final List<String> ADAPTER = List.of("README.md", "adapter_model.safetensors", "adapter_config.json", "trainer_state.json");

    private final Path folder;

    /** @param folder the demo's folder */
    public DemoMaterial(Path folder) {
        this.folder = folder;
    }

    /** The base checkpoint, under the name that the adapter gives it. */
    public Path base() {
        return folder.resolve("demo-base");
    }

    /** Output folder of the training on the rented machine. */
    public Path training() {
        return folder.resolve("instance").resolve("workspace").resolve("output").resolve(MODEL);
    }

    /** Folder of the prompt set. */
    public Path evaluation() {
        return folder.resolve("evaluation");
    }

    /** Writes what is not there yet. */
    public void unpack() {
        BASE.forEach(name -> unpack("base/" + name, base().resolve(name)));
        ADAPTER.forEach(name -> unpack("adapter/" + name, training().resolve(name)));
        unpack("evaluation.jsonl", evaluation().resolve("demo.jsonl"));
    }

    private static void unpack(String resource, Path file) {
        try (InputStream in = DemoMaterial.class.getResourceAsStream("/demo/" + resource)) {
            if (in == null) {
                throw new FerryException("The demo's file " + resource + " is missing in this installation. Install it again.");
            }
            byte[] bytes = in.readAllBytes();
            if (Files.isRegularFile(file) && Arrays.equals(Files.readAllBytes(file), bytes)) {
                return;
            }
            Files.createDirectories(file.getParent());
            Path part = file.resolveSibling(file.getFileName() + ".part");
            Files.write(part, bytes);
            Files.move(part, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new FerryException("Cannot write the demo's file " + file + ": " + e.getMessage(), e);
        }
    }
}
