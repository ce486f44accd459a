package dev.adapterferry.cli;

import dev.adapterferry.log.Logs;
import dev.adapterferry.settings.LiveSettings;
import dev.adapterferry.settings.LoadedSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Option;

/** Options that every command understands, and the settings that follow from them. */
final class CommonOptions {
    @Option(names = {"-c", "--config"}, paramLabel = "FILE", description = "Settings file (default: config/ferry.yaml of the installation).")
    private Path config;

    @Option(names = "--home", paramLabel = "DIR", description = "Working directory instead of the settings' one.")
    private Path home;

    @Option(names = "--set", paramLabel = "KEY=VALUE", description = "One setting for this time, by its dotted key.")
    private Map<String, String> overrides = new LinkedHashMap<>();

    @Option(names = {"-v", "--verbose"}, description = "Show what happens inside, and where an error came from.")
    private boolean verbose;

    @Option(names = {"-q", "--quiet"}, description = "No progress, only results and errors.")
    private boolean quiet;

    boolean verbose() {
        return verbose;
    }

    boolean quiet() {
        return quiet;
    }

    /** Sets one setting as {@code --set} does: for options that have a name of their own. */
    void set(String key, String value) {
        overrides.put(key, value);
    }

    /** The models that a command line may name, for a sentence. */
    static String configured(Settings settings) {
        return "Configured: " + (settings.models().isEmpty() ? "none yet" : String.join(", ", settings.models().keySet())) + ".";
    }

    Console console() {
        return Console.system(quiet);
    }

    /** The installation: where the launcher lies, else the current folder. */
    static Path installation() {
        return Path.of(System.getProperty("ferry.dist", ".")).toAbsolutePath().normalize();
    }

    /** Reads the settings; warnings go to the console. */
    Settings settings(Console console) {
        return settings(console, Map.of());
    }

    /** Reads the settings with a command's own values by their dotted keys; what {@code --set} says goes before them. */
    Settings settings(Console console, Map<String, String> more) {
        LoadedSettings loaded = load(more, Map.of());
        openLogs(loaded.settings());
        loaded.warnings().forEach(w -> console.note("ferry: " + w));
        return loaded.settings();
    }

    /** The settings for a process that reads them again when their file changes. */
    LiveSettings liveSettings(Console console) {
        Path file = Optional.ofNullable(config).orElse(installation().resolve("config").resolve("ferry.yaml"));
        return new LiveSettings(Optional.of(file), pinned -> {
            LoadedSettings loaded = load(Map.of(), pinned);
            loaded.warnings().forEach(w -> console.note("ferry: " + w));
            return loaded;
        }, this::openLogs);
    }

    private LoadedSettings load(Map<String, String> more, Map<String, String> pinned) {
        Map<String, String> all = new LinkedHashMap<>(more);
        all.putAll(overrides);
        if (home != null) {
            all.put("home", home.toAbsolutePath().toString());
        }
        all.putAll(pinned);
        return new SettingsLoader(installation(), System.getenv()).load(Optional.ofNullable(config), all);
    }

    private void openLogs(Settings settings) {
        Logs.open(settings.log(), settings.runs(), verbose);
    }
}
