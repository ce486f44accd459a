package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The packaged daemon as a process of its own: killed, stopped, and started again. Its runs are real ones, of the demo's tiny model. */
class DaemonProcessIT {
    private static final Path LAUNCHER = Path.of(System.getProperty("ferry.dist", "target/ferry")).toAbsolutePath().resolve("bin/ferry");

    @TempDir
    Path folder;

    private Process process;

    @AfterEach
    void end() {
        if (process != null) {
            process.destroyForcibly();
        }
    }

    private Path settings() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Path file = folder.resolve("ferry.yaml");
        Files.createDirectories(folder.resolve("models"));
        String model = "{base: %s, source: {url: \"file:%s\"}, formats: [Q8_0], publisher: demo, temperature: 0, context-length: 512}".formatted(material.base(), material.training());
        Files.writeString(file, """
                home: %s
                models:
                  captain: %s
                  bosun: %s
                vast: {enabled: never, poll: "0 0 0 1 1 ?"}
                source: {settle: 1s}
                deploy: {lmstudio: {enabled: always, models-dir: %s}}
                serve: {enabled: always}
                evaluate: {enabled: false}
                health: {every: 0}
                pipeline: {shutdown-timeout: 1s}
                http: {port: 0}
                """.formatted(folder.resolve("home"), model, model, folder.resolve("models")));
        return file;
    }

    private void start(Path settings) throws Exception {
        Path out = folder.resolve("out");
        Files.deleteIfExists(out);
        process = new ProcessBuilder(LAUNCHER.toString(), "run", "--config", settings.toString()).redirectErrorStream(true).redirectOutput(out.toFile()).start();
        Waiting.until("the daemon", () -> {
            try {
                assertThat(process.isAlive()).as(Files.readString(out)).isTrue();
                return Files.readString(out).contains("ferry is running");
            } catch (IOException e) {
                return false;
            }
        });
        // The free port that it took, as it says; commands find the same in a file, also where a killed daemon left another.
        Matcher address = Pattern.compile("API: (http://127\\.0\\.0\\.1:[1-9]\\d*)/api/runs").matcher(Files.readString(out));
        assertThat(address.find()).as(Files.readString(out)).isTrue();
        assertThat(folder.resolve("home/daemon.url")).hasContent(address.group(1));
        HttpResponse<String> runs = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create(address.group(1) + "/api/runs")).build(), HttpResponse.BodyHandlers.ofString());
        assertThat(runs.statusCode()).isEqualTo(200);
    }

    private Ledger ledger() {
        return Ledger.open("jdbc:sqlite:" + folder.resolve("home/ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(30));
    }

    private void drop(String name) throws IOException {
        Files.createDirectories(folder.resolve("home/inbox"));
        Files.createFile(folder.resolve("home/inbox").resolve(name));
    }

    /** A run that is in the middle of its health check, which takes a second at least: the server has to load the model. */
    private static boolean isChecked(Ledger ledger) {
        return ledger.runs().in(RunState.RUNNING).stream().anyMatch(run -> ledger.stages().find(run.id(), "health-check").filter(stage -> stage.state() == StageState.RUNNING).isPresent());
    }

    @Test
    void carriesOnEveryOpenRunAfterItWasKilled() throws Exception {
        Path settings = settings();
        start(settings);
        drop("captain");
        drop("bosun");
        try (Ledger ledger = ledger()) {
            Waiting.until("both requests, one under way", () -> ledger.runs().newest(5).size() == 2 && isChecked(ledger));
            process.destroyForcibly().waitFor();
            List<Run> open = ledger.runs().newest(5);
            assertThat(open).as("nobody was there to end them").allMatch(run -> !run.state().isEnd());
            start(settings);
            Waiting.until("both runs", () -> ledger.runs().newest(5).stream().allMatch(run -> run.state().isEnd()));
            assertThat(ledger.runs().newest(5)).as("the same runs, no others").extracting(Run::id).containsExactlyElementsOf(open.stream().map(Run::id).toList());
            assertThat(ledger.runs().newest(5)).allSatisfy(run -> assertThat(run.state()).as(run.error().orElse("")).isEqualTo(RunState.DONE));
            assertThat(ledger.runs().newest(5)).extracting(Run::resumed).contains(1);
            assertThat(folder.resolve("models/demo/captain/captain-Q8_0.gguf")).isRegularFile();
            assertThat(folder.resolve("models/demo/bosun/bosun-Q8_0.gguf")).isRegularFile();
        }
    }

    @Test
    void parksWhatIsUnderWayWhenItIsStoppedAndGoesOnAfterwards() throws Exception {
        Path settings = settings();
        start(settings);
        drop("captain");
        try (Ledger ledger = ledger()) {
            Waiting.until("the run under way", () -> isChecked(ledger));
            process.destroy();
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("it ends by itself").isTrue();
            Run left = ledger.runs().newest(1).getFirst();
            assertThat(left.state()).as("parked, or done within the time").isIn(RunState.QUEUED, RunState.DONE);
            start(settings);
            Waiting.until("the run", () -> ledger.runs().newest(1).getFirst().state().isEnd());
            Run ended = ledger.runs().newest(1).getFirst();
            assertThat(ended.id()).isEqualTo(left.id());
            assertThat(ended.state()).as(ended.error().orElse("")).isEqualTo(RunState.DONE);
        }
    }
}
