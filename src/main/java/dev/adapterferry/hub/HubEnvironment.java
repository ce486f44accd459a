package dev.adapterferry.hub;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * What the Python tools read from the environment, read the same way, so that both share one cache and one login.
 *
 * @param variables variables of the process
 * @param home      the user's home folder
 */
public record HubEnvironment(Map<String, String> variables, Path home) {
    /** {@code HF_ENDPOINT}, else the public hub. */
    public URI endpoint() {
        return URI.create(first("HF_ENDPOINT").orElse("https://huggingface.co"));
    }

    /** {@code HF_HUB_OFFLINE} or {@code TRANSFORMERS_OFFLINE} is 1, ON, YES or TRUE. */
    public boolean offline() {
        return Arrays.asList("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE").stream().map(variables::get)
                .anyMatch(v -> v != null && List.of("1", "ON", "YES", "TRUE").contains(v.strip().toUpperCase(Locale.ROOT)));
    }

    /** {@code HF_HUB_CACHE}, else {@code hub} in the home of the Python tools. */
    public Path cache() {
        return first("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE").map(this::path).orElseGet(() -> toolsHome().resolve("hub"));
    }

    /** {@code HF_TOKEN}, else the file that {@code hf auth login} writes; none when {@code HF_HUB_DISABLE_IMPLICIT_TOKEN} says so. */
    public Optional<Secret> token() {
        Optional<String> variable = first("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN");
        if (variable.isPresent()) {
            return variable.map(Secret::new);
        }
        if (first("HF_HUB_DISABLE_IMPLICIT_TOKEN").filter(v -> List.of("1", "ON", "YES", "TRUE").contains(v.toUpperCase(Locale.ROOT))).isPresent()) {
            return Optional.empty();
        }
        Path file = first("HF_TOKEN_PATH").map(this::path).orElseGet(() -> toolsHome().resolve("token"));
        try {
            return Files.isRegularFile(file) ? Optional.of(Files.readString(file).strip()).filter(t -> !t.isEmpty()).map(Secret::new) : Optional.empty();
        } catch (IOException e) {
            throw new SettingsException("Cannot read the Hugging Face token from " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private Path toolsHome() {
        return first("HF_HOME").map(this::path).orElseGet(() -> first("XDG_CACHE_HOME").map(this::path).orElse(home.resolve(".cache")).resolve("huggingface"));
    }

    private Path path(String text) {
        return text.equals("~") ? home : text.startsWith("~/") ? home.resolve(text.substring(2)) : Path.of(text);
    }

    private Optional<String> first(String... names) {
        return Arrays.stream(names).map(variables::get).filter(v -> v != null && !v.isBlank()).map(String::strip).findFirst();
    }
}
