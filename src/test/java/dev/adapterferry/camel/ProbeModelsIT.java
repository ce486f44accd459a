package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.probe.Status;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.ModelProbe;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon's own probes with the real route files: what they write down, whom they tell, what they measure. */
class ProbeModelsIT {
    private static final Duration PATIENCE = Duration.ofSeconds(60);
    private static final Path HERE = Path.of("").toAbsolutePath();

    @TempDir
    Path folder;

    private final List<JsonNode> alerts = new CopyOnWriteArrayList<>();
    private HttpServer receiver;
    private LmStudioDouble lmStudio;
    private int port;

    @BeforeEach
    void start() throws IOException {
        receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        receiver.createContext("/", exchange -> {
            alerts.add(new ObjectMapper().readTree(exchange.getRequestBody().readAllBytes()));
            exchange.sendResponseHeaders(204, -1);
            exchange.close();
        });
        receiver.start();
        lmStudio = new LmStudioDouble(Files.createDirectories(folder.resolve("models")));
        lmStudio.brain = (file, prompt) -> "I am the captain of this ship.";
        port = Ports.free();
    }

    @AfterEach
    void stop() {
        receiver.stop(0);
        lmStudio.close();
    }

    private Settings settings() throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  captain: {publisher: demo, formats: [Q8_0], temperature: 0, context-length: 4096, test-prompts: ["Who are you?"]}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "%s"}}
                health: {every: 1s, retries: 0, resource-warning: 100}
                evaluate: {enabled: false}
                http: {port: %d}
                inbox: {enabled: false}
                vast: {enabled: never, poll: "0 0 0 1 1 ?"}
                alerts: {on: [unhealthy, recovered], webhook: {enabled: true, url: "http://127.0.0.1:%d/"}}
                """.formatted(folder.resolve("home"), folder.resolve("models"), lmStudio.base(), port, receiver.getAddress().getPort()));
        return new SettingsLoader(HERE, Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    @Test
    void tellsWhenHealthChangesAndRemembersIt() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Settings settings = settings();
        try (FerryApplication command = FerryApplication.forCommand(settings, HERE, Progress.NONE)) {
            FerryApplication.Outcome deployed = command.carry(new RunRequest("captain", null, material.training().toString(), material.base().toString(), List.of(), null, null, List.of(), false, "test"));
            assertThat(deployed.done()).as(deployed.sentence()).isTrue();
        }
        try (FerryApplication daemon = FerryApplication.forDaemon(settings, HERE, Progress.NONE)) {
            await("a healthy probe", () -> last(daemon).filter(event -> event.text().equals("healthy")).isPresent());
            assertThat(alerts).as("that all is well is no news").isEmpty();

            lmStudio.brain = (file, prompt) -> "ĠIĠamĠtheĠcaptain";
            await("the alert", () -> alerts.size() == 1);
            assertThat(alerts.getFirst().path("kind").asText()).isEqualTo("unhealthy");
            assertThat(alerts.getFirst().path("sentence").asText()).startsWith("captain: does not answer as it should: unhealthy: ").contains("tokenizer is garbled");

            lmStudio.brain = (file, prompt) -> "I am the captain of this ship.";
            await("the word that it is well again", () -> alerts.size() == 2);
            assertThat(alerts.getLast().path("kind").asText()).isEqualTo("recovered");
            assertThat(alerts.getLast().path("sentence").asText()).isEqualTo("captain: answers better again: healthy.");

            lmStudio.close();
            await("the alert that the server is gone", () -> alerts.size() == 3);
            assertThat(alerts.getLast().path("sentence").asText()).contains(lmStudio.base().toString());
            long seen = last(daemon).orElseThrow().id();
            await("two more probes", () -> daemon.ledger().events().after(seen, 10).size() >= 2);
            assertThat(alerts).as("what is known is not told again").hasSize(3);

            ModelProbe restarted = new ModelProbe(settings, daemon.ledger(), new JdkHttpCaller(), new EmbeddedServers(new JdkHttpCaller()));
            assertThat(restarted.probe("captain")).satisfies(result -> {
                assertThat(result.status()).isEqualTo(Status.UNHEALTHY);
                assertThat(result.change()).as("a daemon that starts again knows it from the ledger").isEqualTo(ModelProbe.Change.NONE);
            });
            String metrics = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/observe/metrics")).build(), HttpResponse.BodyHandlers.ofString()).body();
            assertThat(metrics.lines().filter(line -> line.startsWith("ferry_probe_seconds_count"))).anyMatch(line -> line.contains("model=\"captain\"") && line.contains("status=\"healthy\""))
                    .anyMatch(line -> line.contains("status=\"unhealthy\""));
        }
    }

    private static Optional<Event> last(FerryApplication ferry) {
        return ferry.ledger().events().last("captain", "probed");
    }

    private static void await(String what, Callable<Boolean> condition) throws Exception {
        Instant end = Instant.now().plus(PATIENCE);
        while (!condition.call()) {
            assertThat(Instant.now()).as("waiting for " + what).isBefore(end);
            Thread.sleep(50);
        }
    }
}
