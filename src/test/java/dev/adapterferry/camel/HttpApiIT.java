package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP API, health and metrics of the real route files, asked over the wire. */
class HttpApiIT {
    private static final String MODELS = "  majora: {formats: [Q8_0], description: Quests}\n  nayru: {formats: [Q8_0]}";
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private final HttpClient client = HttpClient.newHttpClient();
    private final int port = freePort();

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
    }

    private HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    private JsonNode get(String path, int status) throws IOException, InterruptedException {
        HttpResponse<String> response = send(to(path));
        assertThat(response.statusCode()).as(path + ": " + response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("content-type").orElse("")).as(path).contains("application/json");
        return JSON.readTree(response.body());
    }

    private JsonNode post(String path, String body, int status) throws IOException, InterruptedException {
        HttpResponse<String> response = send(to(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)));
        assertThat(response.statusCode()).as(path + ": " + response.body()).isEqualTo(status);
        return JSON.readTree(response.body());
    }

    @Test
    void startsFollowsAndRetriesRuns() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch merging = new CountDownLatch(1);
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of(Stage.MERGE, run -> {
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
            String run = post("/api/runs", "{\"model\":\"majora\",\"formats\":[\"Q8_0\"]}", 202).path("run").asText();
            assertThat(post("/api/runs", "{\"model\":\"majora\",\"formats\":[\"Q8_0\"]}", 200)).as("the same again joins").isEqualTo(JSON.readTree("{\"run\":\"" + run + "\",\"joined\":true}"));
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            assertThat(get("/api/runs/" + run, 200).path("state").asText()).isEqualTo("running");
            // A client that follows sees what was and what comes, up to the end.
            HttpResponse<java.util.stream.Stream<String>> events = client.send(to("/api/runs/" + run + "/events").build(), HttpResponse.BodyHandlers.ofLines());
            assertThat(events.headers().firstValue("content-type")).contains("text/event-stream");
            goOn.countDown();
            List<String> lines = events.body().toList();
            assertThat(lines).contains("event: started", "event: done", "event: end");
            assertThat(lines.stream().filter(line -> line.startsWith("event: stage-done"))).hasSize(6);
            // And one that comes again goes on behind what it saw.
            String seen = lines.stream().filter(line -> line.startsWith("id: ")).skip(3).findFirst().orElseThrow().substring(4);
            List<String> rest = client.send(to("/api/runs/" + run + "/events").header("Last-Event-ID", seen).build(), HttpResponse.BodyHandlers.ofLines()).body().toList();
            assertThat(rest.stream().filter(line -> line.startsWith("id: ")).map(line -> Long.parseLong(line.substring(4)))).allMatch(id -> id > Long.parseLong(seen)).isNotEmpty();

            assertThat(post("/api/runs/" + run + "/cancel", "", 409).path("error").asText()).contains("ended already");
            String failed = post("/api/runs", "{\"model\":\"nayru\"}", 202).path("run").asText();
            StubbedDaemon.await("the dead letter", () -> daemon.ledger().letters().find(failed).isPresent());
            assertThat(get("/api/runs/" + failed, 200).path("error").asText()).contains("The disk is full.");
            String again = post("/api/runs/" + failed + "/retry", "", 202).path("run").asText();
            StubbedDaemon.await("the second attempt", () -> daemon.ledger().runs().get(again).state().isEnd());
            assertThat(get("/api/runs/" + again, 200).path("trigger").asText()).isEqualTo("retry");
            assertThat(get("/api/runs/" + again, 200).path("state").asText()).isEqualTo("done");
            assertThat(post("/api/runs/" + failed + "/retry", "", 409).path("error").asText()).contains("sent again already").contains(again);
            assertThat(get("/api/runs?model=nayru&limit=1", 200)).hasSize(1);
        }
    }

    @Test
    void cancelsARunThatIsUnderWay() throws Exception {
        CountDownLatch merging = new CountDownLatch(1);
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of(Stage.MERGE, run -> {
            merging.countDown();
            while (true) {
                run.cancellation().check("merging");
                Thread.onSpinWait();
            }
        }))) {
            String run = post("/api/runs", "{\"model\":\"majora\"}", 202).path("run").asText();
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            post("/api/runs/" + run + "/cancel", "", 202);
            StubbedDaemon.await("the end", () -> daemon.ledger().runs().get(run).state().isEnd());
            assertThat(get("/api/runs/" + run, 200).path("state").asText()).isEqualTo("cancelled");
        }
    }

    @Test
    void answersWithModelsRoutesHealthAndItsOwnDescription() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of())) {
            assertThat(get("/api/models", 200).findValuesAsText("name")).containsExactly("majora", "nayru");
            assertThat(get("/api/models/majora/releases", 200)).isEmpty();
            assertThat(get("/api/models/majora/health", 200).path("status").asText()).as("nothing is deployed").isEqualTo("unhealthy");
            daemon.drop("majora");
            StubbedDaemon.await("the run", () -> daemon.ledger().runs().newest(1).stream().anyMatch(run -> run.state().isEnd()));
            // The exchange ends a moment after the run.
            StubbedDaemon.await("the end of the passage", () -> daemon.application().routes().live().inflight() == 0);
            JsonNode pipeline = get("/api/routes", 200).valueStream().filter(route -> route.path("id").asText().equals("pipeline")).findFirst().orElseThrow();
            assertThat(pipeline.path("state").asText()).isEqualTo("started");
            assertThat(pipeline.path("file").asText()).isEqualTo("pipeline.camel.yaml");
            assertThat(pipeline.path("done").asLong()).isEqualTo(1);
            assertThat(pipeline.path("description").asText()).isNotBlank();
            JsonNode openapi = get("/api/openapi.json", 200);
            assertThat(openapi.path("paths").fieldNames()).toIterable().contains("/api/runs", "/api/runs/{run}/cancel", "/api/models/{model}/rollback", "/api/routes");
            assertThat(get("/observe/health", 200).path("status").asText()).isEqualTo("UP");
            // After an edit the API answers on the same port, and counts go on.
            daemon.edit("housekeeping", text -> text.replace("period: 3600000", "period: 7200000"));
            RouteGeneration before = daemon.application().routes().live();
            StubbedDaemon.await("the next generation", () -> daemon.application().routes().live() != before);
            assertThat(get("/api/routes", 200).valueStream().filter(route -> route.path("id").asText().equals("pipeline")).findFirst().orElseThrow().path("done").asLong()).isEqualTo(1);
        }
    }

    @Test
    void refusesInJsonWhatItCannotDo() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of())) {
            assertThat(get("/api/runs/nobody", 404).path("error").asText()).contains("nobody");
            assertThat(get("/api/runs/nobody/events", 404).path("error").asText()).contains("nobody");
            assertThat(get("/api/models/nobody/releases", 404).path("error").asText()).contains("nobody");
            assertThat(get("/api/nothing", 404).path("error").asText()).contains("/api/nothing");
            assertThat(get("/api/runs?limit=many", 400).path("error").asText()).contains("many");
            assertThat(post("/api/runs", "{", 400).path("error").asText()).contains("no JSON");
            assertThat(post("/api/runs", "[]", 400).path("error").asText()).contains("object");
            assertThat(post("/api/runs", "{}", 400).path("error").asText()).contains("model");
            assertThat(post("/api/runs", "{\"model\":\"nobody\"}", 400).path("error").asText()).contains("majora");
            assertThat(post("/api/runs", "{\"model\":\"majora\",\"colour\":1}", 400).path("error").asText()).contains("colour");
            assertThat(post("/api/models/majora/rollback", "{\"to\":\"x\"}", 400).path("error").asText()).contains("to");
            HttpResponse<String> large = send(to("/api/runs").header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(" ".repeat(70_000))));
            assertThat(large.statusCode()).isEqualTo(413);
            assertThat(JSON.readTree(large.body()).path("error").asText()).contains("too large");
            // A web page in the user's browser is no program of theirs.
            assertThat(send(to("/api/runs").header("Origin", "https://example.org")).statusCode()).isEqualTo(403);
            assertThat(daemon.ledger().runs().newest(5)).isEmpty();
        }
    }

    @Test
    void wantsItsTokenForEverything() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, MODELS, "http: {host: 0.0.0.0, port: " + port + ", token: an-honest-token}", Map.of())) {
            for (String path : List.of("/api/runs", "/api/openapi.json", "/observe/health", "/observe/metrics", "/elsewhere")) {
                HttpResponse<String> response = send(to(path));
                assertThat(response.statusCode()).as(path).isEqualTo(401);
                assertThat(response.headers().firstValue("www-authenticate")).contains("Bearer");
                assertThat(JSON.readTree(response.body()).path("error").asText()).contains("token").doesNotContain("an-honest-token");
                assertThat(send(to(path).header("Authorization", "Bearer an-honest-tokem")).statusCode()).as(path).isEqualTo(401);
            }
            assertThat(send(to("/api/runs").header("Authorization", "Bearer an-honest-token")).statusCode()).isEqualTo(200);
            assertThat(send(to("/observe/metrics").header("Authorization", "bearer an-honest-token")).statusCode()).isEqualTo(200);
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
        try (ServerSocket taken = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
            assertThat(taken.isBound()).isTrue();
            assertThatThrownBy(() -> new StubbedDaemon(folder, MODELS, "http: {port: " + port + "}", Map.of())).isInstanceOf(FerryException.class).hasMessageContaining("" + port).hasMessageContaining("http.port");
        }
    }
}
