package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.StageWork;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Two releases of the demo's model, made by runs that the API starts, and the way back between them by the API. */
class HttpRollbackIT {
    @TempDir
    Path folder;

    private final CountDownLatch held = new CountDownLatch(1);
    private final CountDownLatch goOn = new CountDownLatch(1);
    private volatile boolean holding;

    private Receivers receivers;

    @BeforeEach
    void listen() throws IOException {
        receivers = new Receivers();
    }

    @AfterEach
    void hangUp() {
        receivers.close();
    }

    private Settings settings(DemoMaterial material) throws IOException {
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  captain: {base: %s, source: {url: "file:%s"}, publisher: demo, temperature: 0, context-length: 512, test-prompts: ["Who are you?"], endpoint: "http://127.0.0.1:9"}
                source: {settle: 0}
                vast: {enabled: never, poll: "0 0 0 1 1 ?"}
                deploy: {lmstudio: {enabled: always, models-dir: %s}}
                serve: {enabled: always}
                health: {every: 0, resource-warning: 100, retries: 0, min-tokens-per-second: 0, max-latency: 5m, max-first-token-latency: 5m}
                pipeline: {stages: [download, merge, quantize, deploy]}
                http: {port: 0}
                alerts: {"on": [rolled-back], webhook: {enabled: true, url: "%s"}}
                """.formatted(folder.resolve("home"), material.base(), material.training(), Files.createDirectories(folder.resolve("models")), receivers.url("/hook")));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    /** The real stage, which waits before it begins while the test holds it. */
    private StageWork holdable(StageWork real) {
        return real.stage() != Stage.DOWNLOAD ? real : new OtherWork(real, run -> {
            if (holding) {
                held.countDown();
                Waiting.behind(goOn);
            }
            return real.carry(run);
        });
    }

    private static void deploy(ApiCalls api, String formats) throws Exception {
        String run = api.post("/api/runs", "{\"model\":\"captain\",\"formats\":[" + formats + "]}", 202).path("run").asText();
        assertThat(api.events(run)).contains("event: end");
        assertThat(api.get("/api/runs/" + run, 200).path("state").asText()).isEqualTo("done");
    }

    @Test
    void goesBackToAReleaseAndRefusesWhereThereIsNone() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        try (FerryApplication daemon = FerryApplication.forDaemon(settings(material), Path.of("").toAbsolutePath(), Progress.NONE, this::holdable)) {
            ApiCalls api = ApiCalls.of(daemon);
            String path = "/api/models/captain/rollback";
            assertThat(api.post(path, "", 409).path("detail").asText()).as("nothing is deployed").contains("captain");
            deploy(api, "\"Q8_0\"");
            assertThat(api.post(path, "", 409).path("detail").asText()).as("no earlier release").contains("captain");
            deploy(api, "\"Q4_0\",\"Q8_0\"");
            Path q4 = folder.resolve("models/demo/captain/captain-Q4_0.gguf");
            assertThat(q4).isRegularFile();

            JsonNode back = api.post(path, "", 200);
            assertThat(back.path("number").asInt()).isEqualTo(1);
            assertThat(back.path("instead-of").asInt()).isEqualTo(2);
            assertThat(back.path("state").asText()).isEqualTo("active");
            assertThat(back.path("health").path("status").asText()).as(back.toString()).isEqualTo("healthy");
            assertThat(back.path("health").path("answers")).as(back.toString()).hasSize(1);
            assertThat(q4).as("not in release 1").doesNotExist();
            Waiting.until("an alert", () -> !receivers.at("/hook").isEmpty());
            assertThat(receivers.at("/hook")).singleElement()
                    .satisfies(post -> assertThat(post.json().path("sentence").asText()).isEqualTo("captain: release 1 is in use instead of release 2, by the HTTP API."));
            assertThat(back.path("files").path(0).path("sha256").asText()).isEqualTo(Sha256.of(folder.resolve("models/demo/captain/captain-Q8_0.gguf")));
            assertThat(api.get("/api/models/captain/releases", 200).findValuesAsText("state")).containsExactly("rolled-back", "active");
            assertThat(api.get("/api/models", 200).path(0).path("release").asInt()).isEqualTo(1);
            JsonNode health = api.get("/api/models/captain/health", 200).path("models").path(0);
            assertThat(health.path("files").path(0).path("intact").asBoolean()).as(health.toString()).isTrue();
            assertThat(health.path("status").asText()).as("nobody serves at its endpoint, and the ferry starts nothing for this").isEqualTo("unhealthy");

            assertThat(api.post(path, "{\"to\":7}", 404).path("detail").asText()).contains("There is no release 7 of captain");
            assertThat(api.post(path, "{\"to\":\"x\"}", 400).path("detail").asText()).contains("\"x\"");
            assertThat(api.post(path, "{\"too\":1}", 400).path("detail").asText()).contains("'too'");
            assertThat(api.post("/api/models/nobody/rollback", "", 404).path("detail").asText()).contains("nobody");
            assertThat(daemon.ledger().releases().active("captain").orElseThrow().number()).isEqualTo(1);

            holding = true;
            String run = api.post("/api/runs", "{\"model\":\"captain\",\"formats\":[\"Q8_0\"]}", 202).path("run").asText();
            assertThat(held.await(120, TimeUnit.SECONDS)).isTrue();
            assertThat(api.post(path, "{\"to\":2}", 409).path("detail").asText()).contains("Cannot roll back captain").contains(run).contains("is carrying it just now");
            goOn.countDown();
            Waiting.until("the run", () -> daemon.ledger().runs().get(run).state().isEnd());

            JsonNode forth = api.post(path, "{\"to\":2,\"test\":false}", 200);
            assertThat(forth.path("number").asInt()).isEqualTo(2);
            assertThat(forth.has("health")).isFalse();
            assertThat(q4).isRegularFile();
        }
    }
}
