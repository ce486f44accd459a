package dev.adapterferry.settings;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The settings together with how they came about.
 *
 * @param settings the settings
 * @param origins  where each value came from, by dotted key
 * @param warnings what is odd without being wrong, one sentence each
 */
public record LoadedSettings(Settings settings, Map<String, Origin> origins, List<String> warnings) {
    /** Where a value came from; empty for a key that has no value. */
    public Optional<Origin> origin(String key) {
        return Optional.ofNullable(origins.get(key));
    }
}
