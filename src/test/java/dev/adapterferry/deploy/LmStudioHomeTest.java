package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.SettingsException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LmStudioHomeTest {
    @TempDir
    Path user;

    @Test
    void prefersThePointerFile() throws IOException {
        Path moved = user.resolve("elsewhere");
        Files.createDirectories(user.resolve(".cache/lm-studio"));
        Files.writeString(user.resolve(".lmstudio-home-pointer"), moved + "\n");
        assertThat(LmStudioHome.find(user).path()).isEqualTo(moved);
    }

    @Test
    void findsOldInstallationsBeforeNewOnes() throws IOException {
        assertThat(LmStudioHome.find(user).path()).isEqualTo(user.resolve(".lmstudio"));
        Files.createDirectories(user.resolve(".cache/lm-studio"));
        assertThat(LmStudioHome.find(user).path()).isEqualTo(user.resolve(".cache/lm-studio"));
    }

    @Test
    void takesTheModelsDirectoryFromTheSettings() throws IOException {
        LmStudioHome home = LmStudioHome.find(user);
        assertThat(home.modelsDirectory()).isEqualTo(user.resolve(".lmstudio/models"));
        Files.createDirectories(home.path());
        Files.writeString(home.path().resolve("settings.json"), "{\"downloadsFolder\":\"/big/disk/models\"}");
        assertThat(home.modelsDirectory()).isEqualTo(Path.of("/big/disk/models"));
    }

    @Test
    void namesTheFileThatItCannotUnderstand() throws IOException {
        Files.writeString(user.resolve(".lmstudio-home-pointer"), "relative/path");
        assertThatThrownBy(() -> LmStudioHome.find(user)).isInstanceOf(SettingsException.class).hasMessageContaining(".lmstudio-home-pointer").hasMessageContaining("relative/path");
        Files.delete(user.resolve(".lmstudio-home-pointer"));
        Files.createDirectories(user.resolve(".lmstudio"));
        Files.writeString(user.resolve(".lmstudio/settings.json"), "{");
        assertThatThrownBy(() -> LmStudioHome.find(user).modelsDirectory()).isInstanceOf(SettingsException.class).hasMessageContaining("settings.json");
    }
}
