package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.camel.component.seda.SedaEndpoint;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP API, health and metrics of the real route files, asked over the wire. */
class HttpApiIT {
    private static final String MODELS = "  majora: {formats: [Q8_0], description: Quests}\n  nayru: {formats: [Q8_0]}";

    @TempDir
    Path folder;

    @Test
    void startsFollowsAndRetriesRuns() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch merging = new CountDownLatch(1);
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: 0}", Map.of(Stage.MERGE, run -> {
            merging.countDown();
            while (goOn.getCount() > 0 && run.name().equals("majora")) {
                run.cancellation().check("merging");
                Thread.onSpinWait();
            }
        }, Stage.QUANTIZE, run -> {
            if (run.name().equals("nayru") && !run.request().trigger().equals("retry")) {
                throw new FerryException("The disk is full.");
            }
        }))) {
            ApiCalls api = daemon.api();
            String run = api.post("/api/runs", "{\"model\":\"majora\",\"formats\":[\"Q8_0\"]}", 202).path("run").asText();
            assertThat(api.post("/api/runs", "{\"model\":\"majora\",\"formats\":[\"Q8_0\"]}", 200)).as("the same again joins").isEqualTo(ApiCalls.JSON.readTree("{\"run\":\"" + run + "\",\"joined\":true}"));
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(api.get("/api/runs/" + run, 200).path("state").asText()).isEqualTo("running");
            // A client that follows sees what was and what comes, up to the end.
            HttpResponse<java.util.stream.Stream<String>> events = api.client().send(api.to("/api/runs/" + run + "/events").build(), HttpResponse.BodyHandlers.ofLines());
            assertThat(events.headers().firstValue("content-type")).contains("text/event-stream");
            goOn.countDown();
            List<String> lines = events.body().toList();
            assertThat(lines).contains("event: started", "event: done", "event: end");
            assertThat(lines.stream().filter(line -> line.startsWith("event: stage-done"))).hasSize(6);
            // And one that comes again goes on behind what it saw.
            String seen = lines.stream().filter(line -> line.startsWith("id: ")).skip(3).findFirst().orElseThrow().substring(4);
            List<String> rest = api.events(run, "Last-Event-ID", seen);
            assertThat(rest.stream().filter(line -> line.startsWith("id: ")).map(line -> Long.parseLong(line.substring(4)))).allMatch(id -> id > Long.parseLong(seen)).isNotEmpty();

            assertThat(api.post("/api/runs/" + run + "/cancel", "", 409).path("detail").asText()).contains("ended already");
            String failed = api.post("/api/runs", "{\"model\":\"nayru\"}", 202).path("run").asText();
            // The letter lies there a moment before the run is over.
            StubbedDaemon.await("the dead letter, and the run's end", () -> daemon.ledger().letters().find(failed).isPresent() && daemon.ledger().runs().get(failed).state().isEnd());
            assertThat(api.get("/api/runs/" + failed, 200).path("error").asText()).contains("The disk is full.");
            String again = api.post("/api/runs/" + failed + "/retry", "", 202).path("run").asText();
            StubbedDaemon.await("the second attempt", () -> daemon.ledger().runs().get(again).state().isEnd());
            assertThat(api.get("/api/runs/" + again, 200).path("trigger").asText()).isEqualTo("retry");
            assertThat(api.get("/api/runs/" + again, 200).path("state").asText()).isEqualTo("done");
            assertThat(api.post("/api/runs/" + failed + "/retry", "", 409).path("detail").asText()).contains("sent again already").contains(again);
            assertThat(api.get("/api/runs?model=nayru&limit=1", 200)).hasSize(1);
        }
    }

    @Test
    void cancelsARunThatIsUnderWay() throws Exception {
        CountDownLatch merging = new CountDownLatch(1);
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: 0}", Map.of(Stage.MERGE, run -> {
            merging.countDown();
            while (true) {
                run.cancellation().check("merging");
                Thread.onSpinWait();
            }
        }))) {
            ApiCalls api = daemon.api();
            String run = api.post("/api/runs", "{\"model\":\"majora\"}", 202).path("run").asText();
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            api.post("/api/runs/" + run + "/cancel", "", 202);
            StubbedDaemon.await("the end", () -> daemon.ledger().runs().get(run).state().isEnd());
            assertThat(api.get("/api/runs/" + run, 200).path("state").asText()).isEqualTo("cancelled");
        }
    }

    @Test
    void answersWithModelsRoutesAndHealth() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: 0}", Map.of())) {
            ApiCalls api = daemon.api();
            assertThat(api.get("/api/models", 200).findValuesAsText("name")).containsExactly("majora", "nayru");
            assertThat(api.get("/api/models/majora/releases", 200)).isEmpty();
            assertThat(api.get("/api/models/majora/health", 200).path("status").asText()).as("nothing is deployed").isEqualTo("unhealthy");
            daemon.drop("majora");
            StubbedDaemon.await("the run", () -> daemon.ledger().runs().newest(1).stream().anyMatch(run -> run.state().isEnd()));
            // The exchange ends a moment after the run.
            StubbedDaemon.await("the end of the passage", () -> daemon.application().routes().live().inflight() == 0);
            JsonNode pipeline = api.get("/api/routes", 200).valueStream().filter(route -> route.path("id").asText().equals("pipeline")).findFirst().orElseThrow();
            assertThat(pipeline.path("state").asText()).isEqualTo("started");
            assertThat(pipeline.path("file").asText()).isEqualTo("pipeline.camel.yaml");
            assertThat(pipeline.path("done").asLong()).isEqualTo(1);
            assertThat(pipeline.path("description").asText()).isNotBlank();
            assertThat(api.get("/observe/health", 200).path("status").asText()).isEqualTo("UP");
            assertThat(daemon.application().routes().live().context().getEndpoints().stream().filter(SedaEndpoint.class::isInstance)).as("queues hear at once that all is to end")
                    .isNotEmpty().allSatisfy(queue -> assertThat(((SedaEndpoint) queue).getPollTimeout()).isLessThan(200));
            // After an edit the API answers on the same port, and counts go on.
            daemon.edit("housekeeping", text -> text.replace("period: 3600000", "period: 7200000"));
            RouteGeneration before = daemon.application().routes().live();
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            assertThat(api.get("/api/routes", 200).valueStream().filter(route -> route.path("id").asText().equals("pipeline")).findFirst().orElseThrow().path("done").asLong()).isEqualTo(1);
        }
    }

    @Test
    void refusesInJsonWhatItCannotDo() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: 0}", Map.of())) {
            ApiCalls api = daemon.api();
            assertThat(api.get("/api/runs/nobody", 404).path("detail").asText()).contains("nobody");
            assertThat(api.get("/api/runs/nobody/events", 404).path("detail").asText()).contains("nobody");
            assertThat(api.get("/api/models/nobody/releases", 404).path("detail").asText()).contains("nobody");
            assertThat(api.get("/api/nothing", 404).path("detail").asText()).contains("/api/nothing");
            assertThat(api.get("/api/runs?limit=many", 400).path("detail").asText()).contains("many");
            assertThat(api.post("/api/runs", "{", 400).path("detail").asText()).contains("no JSON");
            assertThat(api.post("/api/runs", "[]", 400).path("detail").asText()).contains("object");
            assertThat(api.post("/api/runs", "{}", 400).path("detail").asText()).contains("model");
            assertThat(api.post("/api/runs", "{\"model\":\"nobody\"}", 400).path("detail").asText()).contains("majora");
            assertThat(api.post("/api/runs", "{\"model\":\"majora\",\"colour\":1}", 400).path("detail").asText()).contains("colour");
            assertThat(api.post("/api/models/majora/rollback", "{\"to\":\"x\"}", 400).path("detail").asText()).contains("to");
            assertThat(api.post("/api/runs", "{\"model\":\"majora\",\"formats\":\"Q4\"}", 400).path("detail").asText()).contains("Q4");
            assertThat(ApiCalls.answer("a form", api.send(api.to("/api/runs").POST(HttpRequest.BodyPublishers.ofString("model=majora"))), 415).path("detail").asText()).contains("Content-Type: application/json");
            assertThat(ApiCalls.answer("DELETE", api.send(api.to("/api/runs").DELETE()), 405).path("detail").asText()).contains("DELETE is not for /api/runs");
            assertThat(api.post("/api/runs/nobody/cancel", "", 404).path("detail").asText()).contains("nobody");
            assertThat(api.post("/api/runs/nobody/retry", "", 404).path("detail").asText()).contains("nobody");
            assertThat(api.get("/api/models/nobody/health", 404).path("detail").asText()).contains("nobody");
            assertThat(ApiCalls.answer("an event", api.send(api.to("/api/runs/nobody/events").header("Last-Event-ID", "x")), 400).path("detail").asText()).contains("Last-Event-ID");
            HttpResponse<String> large = api.send(api.to("/api/runs").header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(" ".repeat(70_000))));
            assertThat(large.statusCode()).isEqualTo(413);
            assertThat(ApiCalls.JSON.readTree(large.body()).path("detail").asText()).contains("too large");
            // A web page in the user's browser is no program of theirs.
            assertThat(api.send(api.to("/api/runs").header("Origin", "https://example.org")).statusCode()).isEqualTo(403);
            assertThat(daemon.ledger().runs().newest(5)).isEmpty();
        }
    }

    @Test
    void wantsItsTokenForEverything() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {host: 0.0.0.0, port: 0, token: an-honest-token}", Map.of())) {
            ApiCalls api = daemon.api();
            for (String path : List.of("/api/runs", "/api/openapi.json", "/observe/health", "/observe/metrics", "/elsewhere")) {
                HttpResponse<String> response = api.send(api.to(path));
                assertThat(response.statusCode()).as(path).isEqualTo(401);
                assertThat(response.headers().firstValue("www-authenticate")).contains("Bearer");
                assertThat(ApiCalls.JSON.readTree(response.body()).path("detail").asText()).contains("token").doesNotContain("an-honest-token");
                assertThat(api.send(api.to(path).header("Authorization", "Bearer an-honest-tokem")).statusCode()).as(path).isEqualTo(401);
            }
            assertThat(api.send(api.to("/api/runs").header("Authorization", "Bearer an-honest-token")).statusCode()).isEqualTo(200);
            assertThat(api.send(api.to("/observe/metrics").header("Authorization", "bearer an-honest-token")).statusCode()).isEqualTo(200);
            assertThat(daemon.alerts).isEmpty();
        }
    }

    @Test
    void doesNotListenBeyondTheLoopbackWithoutAToken() {
        assertThatThrownBy(() -> new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.empty(), Map.of("http.host", "0.0.0.0")))
                .isInstanceOf(SettingsException.class).hasMessageContaining("token");
    }

    @Test
    void saysSoWhenThePortIsTaken() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            int port = taken.getLocalPort();
            assertThatThrownBy(() -> new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of())).isInstanceOf(FerryException.class).hasMessageContaining("" + port).hasMessageContaining("http.port");
        }
    }
}
