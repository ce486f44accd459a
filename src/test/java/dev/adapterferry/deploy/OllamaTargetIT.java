package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.transfer.FaultProxy;
import dev.adapterferry.waiting.Stopping;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OllamaTargetIT {
    private static final ModelProfile PROFILE = new ModelProfile("majora", "acme", "Majora", "Q4_K_M", 8192, 0.2, "You are \"Majora\".\nAnswer briefly.");

    @TempDir
    Path directory;

    private OllamaDouble server;

    @BeforeEach
    void start() throws IOException {
        server = new OllamaDouble();
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void createsEveryFormatWithPromptAndParameters() throws IOException {
        target().put(release(1, "one", "Q4_K_M", "Q8_0"), directory, PROFILE);

        assertThat(server.models).containsOnlyKeys("majora:latest", "majora:q4_k_m", "majora:q8_0");
        assertThat(server.models.get("majora:latest")).isEqualTo(server.models.get("majora:q4_k_m"));
        assertThat(server.models.get("majora:q8_0").path("system").asText()).isEqualTo(PROFILE.system());
        assertThat(server.models.get("majora:q8_0").path("parameters").path("num_ctx").asInt()).isEqualTo(8192);
        assertThat(server.blobs).hasSize(2);
    }

    @Test
    void sendsNoFileTwiceAndRemovesFormatsThatAreGone() throws IOException {
        Release both = release(1, "one", "Q4_K_M", "Q8_0");
        target().put(both, directory, PROFILE);
        server.models.put("majora:mine", server.models.get("majora:q8_0"));
        server.requests.clear();
        target().put(new Release("majora", "acme", "Majora", 2, Instant.EPOCH, both.files().subList(0, 1), Map.of()), directory, PROFILE);

        assertThat(server.requests).noneMatch(request -> request.startsWith("POST /api/blobs"));
        assertThat(server.models).containsOnlyKeys("majora:latest", "majora:q4_k_m", "majora:mine");
    }

    @Test
    void believesOnlyTheLineSuccess() throws IOException {
        server.failure = "unknown type";
        assertThatThrownBy(() -> target().put(release(1, "one", "Q4_K_M"), directory, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("unknown type");
        server.failure = null;
        server.endEarly = true;
        assertThatThrownBy(() -> target().put(release(1, "one", "Q4_K_M"), directory, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("'writing manifest', not 'success'");
    }

    @Test
    void reportsADigestThatTheServerDoesNotAccept() throws IOException {
        Release release = release(1, "one", "Q4_K_M");
        Files.writeString(directory.resolve("majora-Q4_K_M.gguf"), "changed since");
        assertThatThrownBy(() -> target().put(release, directory, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("digest mismatch");
    }

    @Test
    void anotherServerIsNoOllama() throws IOException {
        Release release = release(1, "one", "Q4_K_M");
        OllamaTarget elsewhere = new OllamaTarget(server.base().resolve("/elsewhere"), new JdkHttpCaller(), Duration.ofSeconds(5), null);
        assertThatThrownBy(() -> elsewhere.put(release, directory, PROFILE)).isInstanceOf(FerryException.class).hasMessageContaining("404");
    }

    /** A server that takes the file and says nothing more, and one that is silent while it makes the model of it. */
    @ParameterizedTest
    @ValueSource(strings = {"POST /api/blobs", "POST /api/create"})
    void isStoppedWhereTheServerFallsSilentAndGoesOnAfterwards(String silent) throws Exception {
        Release release = release(1, "one", "Q4_K_M");
        try (FaultProxy proxy = new FaultProxy(server.base().getPort())) {
            OllamaTarget behind = new OllamaTarget(URI.create("http://127.0.0.1:" + proxy.port()), new JdkHttpCaller(), Duration.ofMinutes(10), null);
            proxy.silence(silent);
            assertThat(Stopping.of(cancellation -> behind.put(release, directory, PROFILE), thread -> proxy.held() > 0)).isInstanceOf(Cancelled.class);
            Waiting.until("the connection is given up", () -> proxy.held() == 0);
            proxy.silence(null);
            behind.put(release, directory, PROFILE);
            assertThat(server.models).containsKeys("majora:latest", "majora:q4_k_m");
        }
    }

    private OllamaTarget target() {
        return new OllamaTarget(server.base(), new JdkHttpCaller(), Duration.ofSeconds(10), null);
    }

    private Release release(int number, String content, String... formats) throws IOException {
        List<Release.File> files = new ArrayList<>();
        for (String format : formats) {
            Path file = Files.writeString(directory.resolve("majora-" + format + ".gguf"), content + format);
            files.add(new Release.File(file.getFileName().toString(), format, Files.size(file), Sha256.of(file)));
        }
        return new Release("majora", "acme", "Majora", number, Instant.EPOCH, files, Map.of());
    }
}
