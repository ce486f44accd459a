package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * LM Studio's own folder, found in the order in which LM Studio's clients find it: the pointer file
 * {@code ~/.lmstudio-home-pointer}, else {@code ~/.cache/lm-studio} when it exists (old installations), else
 * {@code ~/.lmstudio}.
 *
 * @param path the folder; it may not exist when LM Studio was never started
 */
public record LmStudioHome(Path path) {
    /**
     * Finds the folder of one user.
     *
     * @param userHome the user's home directory
     * @throws SettingsException when the pointer file cannot be read or names no absolute path
     */
    public static LmStudioHome find(Path userHome) {
        Path pointer = userHome.resolve(".lmstudio-home-pointer");
        if (Files.isRegularFile(pointer)) {
            String target = read(pointer).strip();
            if (target.isEmpty() || !Path.of(target).isAbsolute()) {
                throw new SettingsException("LM Studio's pointer file " + pointer + " should hold an absolute path, but holds '" + target
                        + "'. Start LM Studio once, or set the models directory in the settings.");
            }
            return new LmStudioHome(Path.of(target));
        }
        Path old = userHome.resolve(".cache").resolve("lm-studio");
        return new LmStudioHome(Files.isDirectory(old) ? old : userHome.resolve(".lmstudio"));
    }

    /**
     * The models directory: {@code downloadsFolder} of {@code settings.json} where the user moved it, else
     * {@code models} below the home.
     *
     * @throws SettingsException when {@code settings.json} exists and is no JSON
     */
    public Path modelsDirectory() {
        Path settings = path.resolve("settings.json");
        if (!Files.isRegularFile(settings)) {
            return path.resolve("models");
        }
        try {
            // A byte order mark is no JSON, but LM Studio's own runtime accepts one here.
            JsonNode folder = new ObjectMapper().readTree(read(settings).replaceFirst("^\uFEFF", "")).path("downloadsFolder");
            return folder.isTextual() && !folder.asText().isBlank() ? Path.of(folder.asText()) : path.resolve("models");
        } catch (IOException e) {
            throw new SettingsException("LM Studio's " + settings + " is no JSON, so its models directory is unknown. Set the models directory in the settings.", e);
        }
    }

    /** The {@code lms} command of this installation; it is often not on the PATH. */
    public Path command() {
        Path bin = path.resolve("bin");
        return Files.exists(bin.resolve("lms.exe")) ? bin.resolve("lms.exe") : bin.resolve("lms");
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new SettingsException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
    }
}
