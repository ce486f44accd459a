package dev.adapterferry.hub;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HubEnvironmentTest {
    @TempDir
    Path home;

    private HubEnvironment with(String... pairs) {
        Map<String, String> variables = new java.util.HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            variables.put(pairs[i], pairs[i + 1]);
        }
        return new HubEnvironment(variables, home);
    }

    @Test
    void findsTheCacheWhereThePythonToolsHaveIt() {
        assertThat(with().cache()).isEqualTo(home.resolve(".cache/huggingface/hub"));
        assertThat(with("XDG_CACHE_HOME", "/x").cache()).isEqualTo(Path.of("/x/huggingface/hub"));
        assertThat(with("XDG_CACHE_HOME", "/x", "HF_HOME", "~/h").cache()).isEqualTo(home.resolve("h/hub"));
        assertThat(with("HF_HOME", "/h", "HUGGINGFACE_HUB_CACHE", "/old").cache()).isEqualTo(Path.of("/old"));
        assertThat(with("HF_HUB_CACHE", "/new", "HUGGINGFACE_HUB_CACHE", "/old").cache()).isEqualTo(Path.of("/new"));
    }

    @Test
    void findsTheTokenInTheVariablesThenInTheFile() throws Exception {
        assertThat(with().token()).isEmpty();
        Files.createDirectories(home.resolve(".cache/huggingface"));
        Files.writeString(home.resolve(".cache/huggingface/token"), " hf_fromfile \n");
        assertThat(with().token()).contains(new Secret("hf_fromfile"));
        assertThat(with("HF_TOKEN", "hf_variable\n").token()).contains(new Secret("hf_variable"));
        assertThat(with("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1").token()).isEmpty();
        assertThat(with("HF_TOKEN_PATH", home.resolve("none").toString()).token()).isEmpty();
    }

    @Test
    void readsTruthAsThePythonToolsDo() {
        assertThat(with("HF_HUB_OFFLINE", "yes").offline()).isTrue();
        assertThat(with("TRANSFORMERS_OFFLINE", "1").offline()).isTrue();
        assertThat(with("HF_HUB_OFFLINE", "0").offline()).isFalse();
        assertThat(with("HF_ENDPOINT", "https://mirror.example/").endpoint()).isEqualTo(URI.create("https://mirror.example/"));
    }

    @Test
    void followsRedirectsOnlyToAddressesThatAreAsSafe() {
        URI https = URI.create("https://hub.example/a");
        assertThat(HubApi.redirect(https, Optional.of("/b"))).contains(URI.create("https://hub.example/b"));
        assertThat(HubApi.redirect(https, Optional.of("https://cdn.example/c?x=1"))).contains(URI.create("https://cdn.example/c?x=1"));
        assertThat(HubApi.redirect(https, Optional.of("http://cdn.example/c"))).isEmpty();
        assertThat(HubApi.redirect(https, Optional.of("file:///etc/passwd"))).isEmpty();
        assertThat(HubApi.redirect(https, Optional.of("javascript:alert(1)"))).isEmpty();
        assertThat(HubApi.redirect(https, Optional.of("not a uri"))).isEmpty();
        assertThat(HubApi.redirect(https, Optional.empty())).isEmpty();
    }
}
