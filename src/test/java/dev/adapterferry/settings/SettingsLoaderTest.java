package dev.adapterferry.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.SettingsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SettingsLoaderTest {
    @TempDir
    Path folder;

    @Test
    void readsTheShippedFile() {
        Settings settings = new SettingsLoader(Path.of(""), Map.of()).load(Optional.of(Path.of("config/ferry.yaml")), Map.of()).settings();

        assertThat(settings.models()).containsOnlyKeys("majora", "nayru", "veran", "agahnim", "hylia");
        assertThat(settings.models().values()).allSatisfy(model -> assertThat(model.base()).contains("Qwen/Qwen2.5-7B-Instruct"));
        assertThat(settings.model("veran").formats()).containsExactly(Format.Q5_K_M, Format.Q8_0);
        assertThat(settings.model("majora").formats()).containsExactly(Format.Q4_K_M, Format.Q5_K_M, Format.Q8_0);
        assertThat(settings.home()).isEqualTo(Path.of(System.getProperty("user.home"), ".adapter-ferry"));
        assertThat(settings.vast().apiKey()).isEmpty();
    }

    @Test
    void takesDefaultsFromAnEmptyFile() throws IOException {
        Settings settings = load("").settings();
        assertThat(settings.models()).isEmpty();
        assertThat(settings.health().timeout()).isEqualTo(Duration.ofSeconds(30));
        assertThat(settings.ledger().url()).isEqualTo("jdbc:sqlite:" + settings.home() + "/ledger.db");
        assertThat(settings.pipeline().stages()).containsExactly(Stage.values());
    }

    @Test
    void refusesUnknownKeyWithLineAndNearestName() {
        assertThatThrownBy(() -> load("health:\n  timeout: 3s\n  load-timout: 5m\n")).isInstanceOf(SettingsException.class)
                .hasMessage("Unknown setting health.load-timout in " + folder.resolve("ferry.yaml") + ", line 3; did you mean health.load-timeout?");
    }

    private LoadedSettings load(String yaml) throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), yaml);
        return new SettingsLoader(folder, Map.of()).load(Optional.of(file), Map.of());
    }
}
