package dev.adapterferry.settings;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Reads the settings. A value is taken from the command line, else from an environment variable ({@code health.load-timeout} is
 * {@code FERRY_HEALTH_LOAD_TIMEOUT}), else from the file, else from the default. An empty file is fine.
 */
public final class SettingsLoader {
    private final Path installation;
    private final Map<String, String> environment;

    /**
     * @param installation folder that holds {@code config/} and {@code routes/}; relative paths start here
     * @param environment  environment variables
     */
    public SettingsLoader(Path installation, Map<String, String> environment) {
        this.installation = installation.toAbsolutePath().normalize();
        this.environment = environment;
    }

    /**
     * Reads the settings.
     *
     * @param file      the settings file, or empty for {@code config/ferry.yaml} of the installation, which may be missing
     * @param overrides values from the command line by dotted key
     * @return the settings and where they came from
     * @throws SettingsException naming every wrong key, with file, line, the value found and what is allowed
     */
    public LoadedSettings load(Optional<Path> file, Map<String, String> overrides) {
        Path usual = installation.resolve("config").resolve("ferry.yaml");
        Path chosen = file.orElse(usual);
        Tree.Branch root = file.isEmpty() && !Files.exists(usual) ? new Tree.Branch(Origin.DEFAULT) : YamlReader.read(chosen);
        Overrides layers = new Overrides(root);
        List<String> warnings = layers.environment(environment);
        layers.commandLine(overrides);

        Interpolation interpolation = new Interpolation(environment::get);
        Binder binder = new Binder(root, new Scalars(installation, home(root, interpolation)), interpolation);
        Settings settings = binder.bind();
        if (!binder.problems().isEmpty()) {
            throw new SettingsException(binder.problems().size() == 1 ? binder.problems().getFirst()
                    : binder.problems().size() + " settings are wrong:\n  " + String.join("\n  ", binder.problems()));
        }
        warnings.addAll(binder.warnings());
        return new LoadedSettings(settings, Map.copyOf(binder.origins()), List.copyOf(warnings));
    }

    /** Needed before all else, since other paths start from it; a wrong value is reported by the binder, which reads it again. */
    private Path home(Tree.Branch root, Interpolation interpolation) {
        Shape.Field field = Shape.ROOT.fields().get("home");
        String text = root.children().get("home") instanceof Tree.Leaf leaf && !leaf.text().isBlank() ? leaf.text() : field.setting().def();
        try {
            return (Path) new Scalars(installation, installation).parse(Path.class, field.setting(), interpolation.fill(text));
        } catch (IllegalArgumentException e) {
            return installation;
        }
    }
}
