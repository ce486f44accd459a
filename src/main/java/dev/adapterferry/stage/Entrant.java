package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;

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
     * @throws FerryException when the release is not kept, or has no such format
     */
    static Entrant kept(Settings settings, String model, int number, Optional<String> format) {
        ReleaseStore store = new ReleaseStore(settings.deploy().releases());
        Release release = store.get(model, number);
        ModelProfile profile = Places.profile(settings, model).asOf(release);
        Release.File file = format.isEmpty() ? profile.primaryOf(release) : release.files().stream().filter(f -> f.format().equalsIgnoreCase(format.get())).findFirst().orElseThrow(() ->
                new FerryException("Release " + number + " of " + model + " has no " + format.get() + "; it has " + release.files().stream().map(Release.File::format).collect(Collectors.joining(", ")) + "."));
        // The kept file: an installed one may be replaced by the next deployment meanwhile.
        return new Entrant(label(model, number, file.format()), file.format(), served(settings, profile, store.directory(model, number).resolve(file.name())));
    }

    /** The base that a model's release was made of, asked with the model's own settings. */
    static Entrant base(Settings settings, String model, String format, Path file) {
        return new Entrant("base " + format, format, served(settings, Places.profile(settings, model), file));
    }

    /** How reports name a release. */
    static String label(String model, int number, String format) {
        return model + " " + number + (format.isEmpty() ? "" : " " + format);
    }

    private static ServedModel served(Settings settings, ModelProfile profile, Path file) {
        return new ServedModel(settings.deployName(profile.model()), file, profile.system().isBlank() ? null : profile.system(), profile.temperature(), profile.context());
    }
}
