package dev.adapterferry.stage;

import dev.adapterferry.deploy.LmStudioHome;
import dev.adapterferry.deploy.ModelFolder;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Decides which models directory a release goes to: LM Studio's where there is one, else a folder of the ferry's own. */
public final class ModelsFolder {
    private ModelsFolder() { }

    /**
     * The folder of one model.
     *
     * @param settings what is configured
     * @param model    the model's name
     */
    public static ModelFolder of(Settings settings, String model) {
        ModelSettings chosen = settings.model(model);
        return new ModelFolder(directory(settings), chosen.publisher(), settings.deployName(model));
    }

    /** The same, with the ferry's own models directory made when it is missing; LM Studio's is never made for it. */
    static ModelFolder make(Settings settings, String model) {
        Path own = settings.home().resolve("models");
        if (directory(settings).equals(own)) {
            try {
                Files.createDirectories(own);
            } catch (IOException e) {
                throw new FerryException("Cannot make the models directory " + own + ": " + e.getMessage(), e);
            }
        }
        return of(settings, model);
    }

    /** Whether releases go to LM Studio's models directory, so that an LM Studio that runs is to load them. */
    static boolean isLmStudios(Settings settings) {
        return !directory(settings).equals(own(settings));
    }

    private static Path own(Settings settings) {
        return settings.deploy().folder().orElse(settings.home().resolve("models"));
    }

    /** The models directory itself: set, LM Studio's, the plain folder, or {@code models/} under the working directory. */
    public static Path directory(Settings settings) {
        var lmStudio = settings.deploy().lmstudio();
        if (lmStudio.enabled() != Use.NEVER) {
            if (lmStudio.modelsDir().isPresent()) {
                return lmStudio.modelsDir().get();
            }
            Path found = LmStudioHome.find(Path.of(System.getProperty("user.home"))).modelsDirectory();
            if (lmStudio.enabled() == Use.ALWAYS || Files.isDirectory(found)) {
                return found;
            }
        }
        return own(settings);
    }
}
