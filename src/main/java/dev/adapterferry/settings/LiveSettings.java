package dev.adapterferry.settings;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The settings in force, and how they are read again when their file has changed. What holds paths and connections open
 * (the keys marked "restart") stays as it was at the start. Safe for many threads.
 */
public final class LiveSettings implements Supplier<Settings> {
    private final Optional<Path> file;
    private final Function<Map<String, String>, LoadedSettings> reading;
    private final Consumer<Settings> adopted;
    private volatile Settings current;

    /**
     * The settings as they would be from now on.
     *
     * @param settings the settings to adopt
     * @param changes  what differs from those in force
     */
    public record Next(Settings settings, Changes changes) { }

    /**
     * Reads the settings for the first time.
     *
     * @param file    the file that is read, for whoever watches it
     * @param reading reads the settings; takes values that go before the file's, by dotted key
     * @param adopted hears of settings that have come into force, the first time included
     */
    public LiveSettings(Optional<Path> file, Function<Map<String, String>, LoadedSettings> reading, Consumer<Settings> adopted) {
        this.file = file;
        this.reading = reading;
        this.adopted = adopted;
        adopt(reading.apply(Map.of()).settings());
    }

    /** Settings that never change. */
    public static LiveSettings fixed(Settings settings) {
        return new LiveSettings(Optional.empty(), pinned -> new LoadedSettings(settings, Map.of(), List.of()), ignored -> { });
    }

    @Override
    public Settings get() {
        return current;
    }

    /** The file to watch. */
    public Optional<Path> file() {
        return file;
    }

    /**
     * Reads the settings again, without adopting them.
     *
     * @throws dev.adapterferry.failure.SettingsException when they are wrong; those in force stay
     */
    public Next read() {
        Settings read = reading.apply(Map.of()).settings();
        Changes changes = read.changesSince(current);
        if (changes.restart().isEmpty()) {
            return new Next(read, changes);
        }
        // Every other path starts from home, so the old one goes before the file until the daemon is started again.
        Settings settings = reading.apply(Map.of("home", current.home().toString(), "log.path", current.log().path().toString())).settings();
        return new Next(settings, changes);
    }

    /** Puts settings in force. */
    public void adopt(Settings settings) {
        current = settings;
        adopted.accept(settings);
    }
}
