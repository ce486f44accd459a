package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.ToLongFunction;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Known work, done by the real routes: every number that Prometheus scrapes is held against the ledger and the runs' records. */
class MeasuredRunsIT {
    @TempDir
    Path folder;

    /** One scrape; a series is named as it stands there, without its labels' order mattering. */
    private record Scrape(String text) {
        static Scrape of(StubbedDaemon daemon) throws IOException, InterruptedException {
            return new Scrape(daemon.api().send(daemon.api().to("/observe/metrics")).body());
        }

        /** The sum over all series of a metric that carry some labels; 0 without one. */
        double value(String metric, String... labels) {
            return text.lines().filter(line -> line.matches(Pattern.quote(metric) + "[ {].*") && List.of(labels).stream().allMatch(line::contains))
                    .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
        }
    }

    private static long facts(List<Run> runs, Stage stage, Class<?> type, ToLongFunction<Object> number) {
        return runs.stream().mapToLong(run -> new Records(run.folder()).find(stage, type).map(facts -> number.applyAsLong(facts)).orElse(0L)).sum();
    }

    @Test
    void whatIsScrapedIsWhatTheLedgerSays() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        CountDownLatch merging = new CountDownLatch(1);
        AtomicInteger attempts = new AtomicInteger();
        String models = "  majora: {formats: [Q8_0]}\n  nayru: {formats: [Q8_0]}\n  veran: {formats: [Q8_0]}\n  hylia: {formats: [Q8_0]}";
        try (StubbedDaemon daemon = new StubbedDaemon(folder, models, "http: {port: 0}\npipeline: {max-concurrent-runs: 1, retries: {attempts: 3, delay: 10ms}}", Map.of(Stage.DOWNLOAD, run -> {
            if (run.name().equals("nayru") && attempts.getAndIncrement() < 2) {
                throw new TransientFailure("The network is down.");
            }
        }, Stage.MERGE, run -> {
            if (run.name().equals("majora")) {
                merging.countDown();
                Waiting.behind(goOn);
            }
        }, Stage.QUANTIZE, run -> {
            if (run.name().equals("veran")) {
                throw new FerryException("The disk is full.");
            }
        }))) {
            Ledger ledger = daemon.ledger();
            Instant began = Instant.now();
            daemon.drop("majora");
            assertThat(merging.await(60, TimeUnit.SECONDS)).isTrue();
            for (String model : List.of("nayru", "veran", "hylia")) {
                daemon.api().post("/api/runs", "{\"model\":\"" + model + "\"}", 202);
            }
            Scrape during = Scrape.of(daemon);
            assertThat(during.value("ferry_queue")).isEqualTo(ledger.runs().queued()).isEqualTo(3);
            assertThat(during.value("ferry_carrying")).isEqualTo(ledger.runs().in(RunState.RUNNING).size()).isEqualTo(1);
            goOn.countDown();
            StubbedDaemon.await("the end of all runs", () -> ledger.runs().newest(10).size() == 4 && ledger.runs().newest(10).stream().allMatch(run -> run.state().isEnd())
                    && daemon.application().routes().live().inflight() == 0);

            Scrape after = Scrape.of(daemon);
            List<Run> runs = ledger.runs().newest(10);
            assertThat(after.value("ferry_queue")).isZero();
            assertThat(after.value("ferry_carrying")).isZero();
            assertThat(after.value("ferry_runs_total", "result=\"done\"")).isEqualTo(ledger.runs().in(RunState.DONE).size()).isEqualTo(3);
            assertThat(after.value("ferry_runs_total", "result=\"failed\"")).isEqualTo(ledger.runs().in(RunState.FAILED).size()).isEqualTo(1);
            assertThat(after.value("ferry_letters")).isEqualTo(ledger.letters().open().size()).isEqualTo(1);
            for (Stage stage : Stage.values()) {
                String label = "stage=\"" + stage.text() + "\"";
                List<StageEntry> entries = runs.stream().flatMap(run -> ledger.stages().find(run.id(), stage.text()).stream()).toList();
                List<StageEntry> done = entries.stream().filter(entry -> entry.state() == StageState.DONE).toList();
                int failed = (int) entries.stream().filter(entry -> entry.state() == StageState.FAILED).count();
                int retried = entries.stream().mapToInt(entry -> entry.attempt() - 1).sum();
                assertThat(after.value("ferry_stage_seconds_count", label)).as(label).isEqualTo(done.size());
                assertThat(after.value("ferry_retries_total", label)).as(label).isEqualTo(retried);
                assertThat(after.value("ferry_stage_failures_total", label)).as(label).isEqualTo(failed + retried);
                // The timer is around what the stage's record times.
                double seconds = done.stream().map(entry -> entry.record().orElseThrow()).mapToDouble(record -> Duration.between(record.started(), record.ended()).toNanos() / 1e9).sum();
                assertThat(after.value("ferry_stage_seconds_sum", label)).as(label).isBetween(seconds - 0.002 * done.size(), Duration.between(began, Instant.now()).toNanos() / 1e9);
            }
            assertThat(after.value("ferry_retries_total")).as("two further attempts of one download").isEqualTo(2);
            assertThat(after.value("ferry_stage_failures_total")).as("and what failed for good").isEqualTo(3);
            assertThat(after.value("ferry_data_bytes_total", "kind=\"pulled\"")).isEqualTo(facts(runs, Stage.DOWNLOAD, Facts.Downloaded.class, facts -> ((Facts.Downloaded) facts).bytes())).isEqualTo(4_000);
            assertThat(after.value("ferry_data_bytes_total", "kind=\"written\"")).isEqualTo(facts(runs, Stage.QUANTIZE, Facts.Quantized.class, facts -> ((Facts.Quantized) facts).bytesWritten())).isEqualTo(6_000);
            assertThat(after.value("ferry_tensors_total")).isEqualTo(facts(runs, Stage.MERGE, Facts.Merged.class, facts -> ((Facts.Merged) facts).tensors())).isEqualTo(28);
        }
    }

    @Test
    void everyProbeOfTheTimerIsTimed() throws Exception {
        try (StubbedDaemon daemon = new StubbedDaemon(folder, "  majora: {formats: [Q8_0]}", "http: {port: 0}", Map.of()) {
            @Override
            String timers() {
                return "vast: {enabled: never, poll: \"0 0 0 1 1 ?\"}\nhealth: {every: 1s, retries: 0}";
            }
        }) {
            Path file = Files.writeString(folder.resolve("m.gguf"), "GGUF");
            daemon.ledger().releases().installed("majora", 1, List.of(new ReleaseEntry.File("Q8_0", file.toString(), 4, "00")), "{}", null, null, null);
            StubbedDaemon.await("two probes", () -> probes(daemon).size() >= 2);
            List<Event> before = probes(daemon);
            Scrape scrape = Scrape.of(daemon);
            List<Event> after = probes(daemon);
            // An event is written within the time that is measured: of the last probe it may be there before the measurement.
            assertThat(scrape.value("ferry_probe_seconds_count", "model=\"majora\"")).isBetween(before.size() - 1.0, (double) after.size());
            assertThat(scrape.value("ferry_probe_seconds_count", "status=\"unhealthy\"")).as("that is no model").isEqualTo(scrape.value("ferry_probe_seconds_count"));
            assertThat(scrape.value("ferry_probe_seconds_sum")).isPositive();
            JsonNode health = daemon.api().get("/observe/health", 200);
            assertThat(health.path("status").asText()).as("the daemon is well, whatever its models are").isEqualTo("UP");
            assertThat(health.toString()).contains("ledger");
        }
    }

    private static List<Event> probes(StubbedDaemon daemon) {
        return daemon.ledger().events().after(0, 1000).stream().filter(event -> event.kind().equals("probed")).toList();
    }
}
