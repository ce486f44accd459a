package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A file that is scored by the ferry's own server, with the settings that it is asked with.
 *
 * @param label  how reports name it
 * @param format quantization
 * @param served file and settings
 */
record Entrant(String label, String format, ServedModel served) {
    /**
     * A kept release.
     *
     * @param settings name the model
     * @param model    the model
     * @param number   release
     * @param format   its format, or empty for the release's primary one
     * @throws dev.adapterferry.failure.FerryException when the release is not kept, or has no such format
     */
    static Entrant kept(Settings settings, String model, int number, Optional<String> format) {
        Servable file = Servable.find(settings, model, format, OptionalInt.of(number));
        return new Entrant(label(model, number, file.format()), file.format(), file.model());
    }

    /** The base that a model's release was made of, asked with the model's own settings. */
    static Entrant base(Settings settings, String model, String format, Path file) {
        ModelProfile profile = Places.profile(settings, model);
        return new Entrant("base " + format, format, new ServedModel(settings.deployName(model), file, profile.system().isBlank() ? null : profile.system(), profile.temperature(), profile.context()));
    }

    /** How reports name a release. */
    static String label(String model, int number, String format) {
        return model + " " + number + (format.isEmpty() ? "" : " " + format);
    }
}
