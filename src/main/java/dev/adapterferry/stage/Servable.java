package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What {@code ferry serve} serves and {@code ferry compare} compares: a kept release of a model, or any GGUF file.
 *
 * @param model  name, file and settings
 * @param origin where it comes from, in words: {@code release 3, Q4_K_M}
 * @param format quantization, an empty string when nothing is known of it
 */
public record Servable(ServedModel model, String origin, String format) {
    /**
     * Finds what a word on the command line means.
     *
     * @param settings the models
     * @param word     a model's name, or the path of a file that ends in {@code .gguf}
     * @param format   quantization wanted, or empty for the release's primary one
     * @param number   release wanted, or empty for the installed one
     * @throws FerryException when there is no such file, release or format
     */
    public static Servable find(Settings settings, String word, Optional<String> format, OptionalInt number) {
        if (word.toLowerCase(Locale.ROOT).endsWith(".gguf")) {
            return file(Path.of(word), format, number);
        }
        settings.model(word);
        ReleaseStore store = new ReleaseStore(settings.deploy().releases());
        OptionalInt chosen = number.isPresent() ? number : store.active(word).map(active -> OptionalInt.of(active.number())).orElse(OptionalInt.empty());
        if (chosen.isEmpty()) {
            throw new FerryException("Cannot serve " + word + ": no release of it is installed. Deploy it with 'ferry deploy " + word + "', or name a .gguf file.");
        }
        Release release = store.get(word, chosen.getAsInt());
        ModelProfile profile = Places.profile(settings, word).asOf(release);
        Release.File file = format.isEmpty() ? profile.primaryOf(release) : release.files().stream().filter(f -> f.format().equalsIgnoreCase(format.get())).findFirst().orElseThrow(() ->
                new FerryException("Cannot serve " + word + " as " + format.get() + ": release " + release.number() + " has " + String.join(", ", formats(release)) + "."));
        // The kept file: an installed one may be replaced by the next deployment.
        Path path = store.directory(word, release.number()).resolve(file.name());
        ServedModel model = EmbeddedServers.served(profile, settings.deployName(word), path);
        return new Servable(model, "release " + release.number() + (file.format().isEmpty() ? "" : ", " + file.format()), file.format());
    }

    private static Servable file(Path path, Optional<String> format, OptionalInt number) {
        if (format.isPresent() || number.isPresent()) {
            throw new SettingsException("--format and --release choose among a model's releases; " + path + " is one file.");
        }
        if (!Files.isRegularFile(path)) {
            throw new FerryException("Cannot serve " + path + ": there is no such file.");
        }
        String name = path.getFileName().toString().replaceFirst("(?i)\\.gguf$", "");
        return new Servable(ServedModel.of(name.isEmpty() ? "model" : name, path), path.toString(), "");
    }

    private static List<String> formats(Release release) {
        return release.files().stream().map(Release.File::format).toList();
    }
}
