package dev.adapterferry.source.vast;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The API key, found where the vast.ai command line keeps it.
 *
 * @param secret the key itself
 * @param origin where it was found, for messages
 */
public record VastKey(Secret secret, String origin) {
    /** Refuses what cannot be sent as a header. */
    public VastKey {
        if (!secret.reveal().chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
            throw new SettingsException("The vast.ai API key from " + origin + " holds characters that no key has; copy it again from the account page.");
        }
    }

    /**
     * Looks in this order: the configured value, {@code VAST_API_KEY}, then the files of the vast.ai command line (a
     * second-factor session key first).
     *
     * @param configured  value of {@code vast.api-key}
     * @param environment variables of the process
     * @param home        the user's home folder
     * @throws SettingsException when there is none
     */
    public static VastKey find(Optional<Secret> configured, Map<String, String> environment, Path home) {
        if (configured.isPresent()) {
            return new VastKey(configured.get(), "vast.api-key");
        }
        String variable = environment.get("VAST_API_KEY");
        if (variable != null && !variable.isBlank()) {
            return new VastKey(new Secret(variable.strip()), "VAST_API_KEY");
        }
        String xdg = environment.get("XDG_CONFIG_HOME");
        Path config = (xdg == null || xdg.isBlank() ? home.resolve(".config") : Path.of(xdg)).resolve("vastai");
        for (Path file : List.of(config.resolve("vast_tfa_key"), config.resolve("vast_api_key"), home.resolve(".vast_api_key"))) {
            try {
                if (Files.isRegularFile(file) && !Files.readString(file).isBlank()) {
                    return new VastKey(new Secret(Files.readString(file).strip()), file.toString());
                }
            } catch (IOException e) {
                throw new SettingsException("Cannot read the vast.ai API key from " + file + ": " + Durable.reason(e) + ".", e);
            }
        }
        throw new SettingsException("There is no vast.ai API key: set VAST_API_KEY, or run 'vastai set api-key', which writes " + config.resolve("vast_api_key") + ".");
    }
}
