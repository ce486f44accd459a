package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.camel.FerryApplication;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry routes} beside a daemon that took a free port, and without one. */
class RoutesCommandIT {
    private static final String TOKEN = "an-honest-token";

    @TempDir
    Path folder;

    private Path settings(String http) throws IOException {
        return Files.writeString(folder.resolve("ferry.yaml"), """
                home: %1$s
                models: {majora: {source: {url: "file:%1$s/no-such-adapter"}}}
                vast: {enabled: never, poll: "0 0 0 1 1 ?"}
                health: {every: 0}
                pipeline: {retries: {attempts: 0}}
                routes: {path: %3$s}
                http: %2$s
                """.formatted(folder.resolve("home"), http, Path.of("routes").toAbsolutePath()));
    }

    /** With the daemon's token. */
    private static FerryCall ferry(Path settings, String... options) {
        return FerryCall.of(settings, Stream.concat(Stream.of("routes", "--set", "http.token=" + TOKEN), Stream.of(options)).toArray(String[]::new));
    }

    private static JsonNode route(JsonNode routes, String id) {
        return routes.valueStream().filter(route -> route.path("id").asText().equals(id)).findFirst().orElseThrow();
    }

    @Test
    void showsWhatTheDaemonHasAndSaysWhenNoneAnswers() throws Exception {
        Path file = settings("{port: 0}");
        FerryCall before = FerryCall.of(file, "routes");
        assertThat(before.code()).as(before.err()).isZero();
        assertThat(before.out()).contains("pipeline").contains("not running").doesNotContain("started");
        assertThat(before.err()).contains("No daemon answers; these are the files' routes.");

        try (FerryApplication daemon = FerryApplication.forDaemon(new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of("http.token", TOKEN)).settings(), Path.of("").toAbsolutePath(), Progress.NONE)) {
            assertThat(daemon.address().orElseThrow().getPort()).isPositive();
            assertThat(folder.resolve("home/daemon.url")).hasContent(daemon.address().orElseThrow().toString());
            HttpRequest health = HttpRequest.newBuilder(daemon.address().orElseThrow().resolve("/observe/health")).header("Authorization", "Bearer " + TOKEN).build();
            // Down until the inbox has been looked at for the first time.
            Waiting.until("health at the same port", () -> HttpClient.newHttpClient().send(health, HttpResponse.BodyHandlers.discarding()).statusCode() == 200);
            JsonNode idle = new ObjectMapper().readTree(ferry(file, "--json").out());
            assertThat(route(idle, "pipeline").path("state").asText()).isEqualTo("started");
            assertThat(route(idle, "pipeline").path("done").asLong()).isZero();

            Files.createFile(folder.resolve("home/inbox/majora"));
            Waiting.until("the run's end in the counts", () -> {
                JsonNode now = new ObjectMapper().readTree(ferry(file, "--json").out());
                return route(now, "pipeline").path("done").asLong() == 1 && route(now, "watch-folder").path("done").asLong() == 1 && route(now, "pipeline").path("inflight").asLong() == 0;
            });
            FerryCall table = ferry(file);
            assertThat(table.out()).containsPattern("(?m)^pipeline +started +1 +0 +0 +pipeline\\.camel\\.yaml +\\S").containsPattern("(?m)^route +state +done +failed +in it +file +what it does");
            assertThat(table.err()).isEmpty();
            FerryCall stranger = FerryCall.of(file, "routes", "--set", "http.token=token-of-a-stranger");
            assertThat(stranger.code()).isEqualTo(ExitCode.FAILED);
            assertThat(stranger.err()).contains("it answered 401").contains("http.token").doesNotContain("token-of-a-stranger");
        }
        assertThat(folder.resolve("home/daemon.url")).as("gone with the daemon").doesNotExist();
        assertThat(FerryCall.of(settings("{enabled: false}"), "routes").err()).contains("http.enabled is false");
    }
}
