package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.DeadLetter;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.log.Logs;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real routes and the real ledger, with stages that fail on purpose: what is tried again, what is buried, what is sent again. */
class WhenThingsFailIT {
    private static final Path INSTALLATION = Path.of("").toAbsolutePath();

    @TempDir
    Path folder;

    private final StubStages stages = new StubStages();

    private Settings settings(String pipeline) throws IOException {
        Path file = folder.resolve("ferry.yaml");
        Files.writeString(file, """
                home: %s
                models:
                  majora: {source: {url: "file:/nowhere"}}
                  nayru: {source: {url: "file:/nowhere"}}
                  veran: {source: {url: "file:/nowhere"}}
                http: {enabled: false}
                vast: {poll: "0 0 0 1 1 ?"}
                health: {every: 0}
                pipeline: {%s}
                """.formatted(folder.resolve("home"), pipeline));
        return new SettingsLoader(INSTALLATION, Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    private FerryApplication ferry(Settings settings) {
        return FerryApplication.forCommand(settings, INSTALLATION, Progress.NONE, stages);
    }

    /** Throws so many times, then lets pass. */
    private static Consumer<RunContext> failing(int times, RuntimeException failure) {
        AtomicInteger left = new AtomicInteger(times);
        return run -> {
            if (left.getAndDecrement() > 0) {
                throw failure;
            }
        };
    }

    private static List<String> told(Ledger ledger, String run, String kind) {
        return ledger.events().of(run, 0, 1000).stream().filter(event -> event.kind().equals(kind)).map(Event::text).toList();
    }

    private Path letter(String run) {
        return folder.resolve("home/failed").resolve(run + ".json");
    }

    @Test
    void triesAgainWhatCanHealWithGrowingPauses() throws Exception {
        stages.at(Stage.DOWNLOAD, failing(3, new TransientFailure("The network is down.")));
        try (FerryApplication ferry = ferry(settings("retries: {attempts: 5, delay: 20ms, backoff: 3, max-delay: 100ms}"))) {
            FerryApplication.Outcome outcome = ferry.carry(RunRequest.of("majora", "command"));
            assertThat(outcome.state()).isEqualTo(RunState.DONE);
            assertThat(told(ferry.ledger(), outcome.id(), "stage-retried")).containsExactly("download: The network is down. Attempt 2 in 0.02s.", "download: The network is down. Attempt 3 in 0.06s.",
                    "download: The network is down. Attempt 4 in 0.1s.");
            assertThat(ferry.ledger().stages().find(outcome.id(), "download").orElseThrow().attempt()).isEqualTo(4);
            assertThat(ferry.ledger().letters().open()).isEmpty();
        }
    }

    @Test
    void buriesWhatDoesNotHealAndSendsItAgainOnce() throws Exception {
        stages.at(Stage.MERGE, failing(3, new TransientFailure("The hub is down.")));
        try (FerryApplication ferry = ferry(settings("retries: {attempts: 2, delay: 1ms}"))) {
            RunRequest request = new RunRequest("majora", null, null, null, List.of("Q8_0"), null, null, List.of("evaluate"), false, "command");
            FerryApplication.Outcome failed = ferry.carry(request);
            assertThat(failed.state()).isEqualTo(RunState.FAILED);
            assertThat(failed.sentence()).isEqualTo("The hub is down.");
            DeadLetter letter = ferry.ledger().letters().find(failed.id()).orElseThrow();
            assertThat(letter.stage()).contains("merge");
            assertThat(letter.attempts()).isEqualTo(3);
            assertThat(letter.reason()).isEqualTo("The hub is down.");
            assertThat(letter.stack().orElseThrow()).contains("TransientFailure: The hub is down.").contains("WhenThingsFailIT");
            assertThat(Files.readString(letter(failed.id()))).contains("\"Q8_0\"").contains("The hub is down.").contains("\"attempts\" : 3").contains("\"stage\" : \"merge\"");
            assertThat(ferry.failed()).containsExactly(failed.id());

            FerryApplication.Outcome again = ferry.retry(failed.id());
            assertThat(again.state()).isEqualTo(RunState.DONE);
            Run replay = ferry.ledger().runs().get(again.id());
            assertThat(replay.trigger()).isEqualTo("retry");
            assertThat(replay.request()).contains("Q8_0").contains("evaluate");
            assertThat(letter(failed.id())).doesNotExist();
            assertThat(ferry.failed()).isEmpty();
            assertThat(ferry.ledger().letters().find(failed.id()).orElseThrow().replayedAs()).contains(again.id());
            assertThatThrownBy(() -> ferry.retry(failed.id())).isInstanceOf(FerryException.class).hasMessageContaining("was sent again already").hasMessageContaining(again.id());
            assertThatThrownBy(() -> ferry.retry(again.id())).isInstanceOf(FerryException.class).hasMessageContaining("is done").hasMessageContaining("--force");
        }
    }

    @Test
    void doesNotTryAgainWhatCannotHeal() throws Exception {
        stages.at(Stage.QUANTIZE, failing(99, new IllegalStateException("a defect")));
        try (FerryApplication ferry = ferry(settings("retries: {attempts: 5, delay: 1m}"))) {
            FerryApplication.Outcome failed = ferry.carry(RunRequest.of("majora", "command"));
            assertThat(failed.state()).isEqualTo(RunState.FAILED);
            assertThat(stages.calls).containsExactly("majora download", "majora merge", "majora quantize");
            assertThat(ferry.ledger().letters().find(failed.id()).orElseThrow().attempts()).isEqualTo(1);
        }
    }

    @Test
    void goesOnAfterEveryStageThatMayFail() throws Exception {
        stages.at(Stage.HEALTH_CHECK, failing(99, new FerryException("It does not answer."))).at(Stage.EVALUATE, failing(99, new TransientFailure("It is slow.")));
        try (FerryApplication ferry = ferry(settings("retries: {attempts: 1, delay: 1ms}, continue-on-error: {health-check: true, evaluate: true}"))) {
            FerryApplication.Outcome outcome = ferry.carry(RunRequest.of("majora", "command"));
            assertThat(outcome.state()).isEqualTo(RunState.PARTLY_FAILED);
            assertThat(stages.calls).containsExactly("majora download", "majora merge", "majora quantize", "majora deploy", "majora health-check", "majora evaluate", "majora evaluate");
            assertThat(ferry.ledger().stages().find(outcome.id(), "health-check").orElseThrow().state()).isEqualTo(StageState.FAILED);
            assertThat(ferry.ledger().letters().open()).as("nothing failed for good").isEmpty();
        }
    }

    @Test
    void cancelledFromAnotherProcessItDoesNotWaitForTheNextAttempt() throws Exception {
        stages.at(Stage.DOWNLOAD, failing(99, new TransientFailure("The network is down.")));
        Settings settings = settings("retries: {attempts: 5, delay: 1h, max-delay: 1h}");
        try (FerryApplication ferry = ferry(settings); Ledger other = Ledger.open(settings.ledger().url(), Optional.empty(), Optional.empty(), settings.ledger().lease())) {
            Thread canceller = Thread.ofVirtual().start(() -> cancelOnce(other, "stage-retried"));
            FerryApplication.Outcome outcome = ferry.carry(RunRequest.of("majora", "command"));
            canceller.join();
            assertThat(outcome.state()).isEqualTo(RunState.CANCELLED);
            assertThat(stages.calls).as("no further attempt").containsExactly("majora download");
            assertThat(other.stages().find(outcome.id(), "download").orElseThrow().state()).isEqualTo(StageState.CANCELLED);
            assertThat(other.letters().open()).isEmpty();

            stages.at(Stage.DOWNLOAD, run -> { });
            assertThat(ferry.retry(outcome.id()).state()).as("what was cancelled can be sent again").isEqualTo(RunState.DONE);
        }
    }

    private static void cancelOnce(Ledger other, String kind) {
        try {
            Waiting.until(kind, () -> other.events().after(0, 1000).stream().anyMatch(event -> event.kind().equals(kind)));
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
        other.runs().cancel(other.runs().newest(1).getFirst().id());
    }

    @Test
    void carriesOneRunOfAModelAtATimeAndNoMoreThanAllowedAtOnce() throws Exception {
        AtomicInteger now = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        Map<String, AtomicInteger> models = new ConcurrentHashMap<>();
        CountDownLatch two = new CountDownLatch(2);
        stages.at(Stage.DOWNLOAD, run -> {
            most.accumulateAndGet(now.incrementAndGet(), Math::max);
            assertThat(models.computeIfAbsent(run.name(), name -> new AtomicInteger()).incrementAndGet()).as("runs of " + run.name() + " at once").isEqualTo(1);
            two.countDown();
            try {
                two.await();
            } catch (InterruptedException e) {
                throw new IllegalStateException(e);
            }
        }).at(Stage.EVALUATE, run -> {
            models.get(run.name()).decrementAndGet();
            now.decrementAndGet();
        });
        try (FerryApplication daemon = FerryApplication.forDaemon(settings("max-concurrent-runs: 2"), INSTALLATION, Progress.NONE, stages)) {
            for (String model : List.of("majora", "nayru", "veran")) {
                daemon.submit(RunRequest.of(model, "command"));
                daemon.submit(new RunRequest(model, null, null, null, List.of("Q8_0"), null, null, List.of(), false, "command"));
            }
            Waiting.until("all six runs", () -> daemon.ledger().runs().newest(10).stream().allMatch(run -> run.state().isEnd()));
            assertThat(daemon.ledger().runs().newest(10)).hasSize(6).allSatisfy(run -> assertThat(run.state()).as(run.error().orElse("")).isEqualTo(RunState.DONE));
            assertThat(most.get()).isEqualTo(2);
        }
    }

    @Test
    void aCommandWaitsForTheModelThatAnotherProcessCarries() throws Exception {
        Settings settings = settings("retries: {attempts: 0}");
        try (FerryApplication ferry = ferry(settings); Ledger other = Ledger.open(settings.ledger().url(), Optional.empty(), Optional.empty(), settings.ledger().lease())) {
            var held = other.locks().tryAcquire("model majora", null, new dev.adapterferry.progress.Cancellation()).orElseThrow();
            Thread release = Thread.ofVirtual().start(() -> {
                try {
                    Waiting.until("the run waits", () -> !other.runs().in(RunState.QUEUED).isEmpty());
                    held.close();
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            });
            assertThat(ferry.carry(RunRequest.of("majora", "command")).state()).isEqualTo(RunState.DONE);
            release.join();
        }
    }

    @Test
    void reportsWhatBecameOfARunAsJsonAndMarkdown() throws Exception {
        Settings settings = settings("retries: {attempts: 0}");
        Logs.open(settings.log(), settings.runs(), false);
        try (FerryApplication ferry = ferry(settings)) {
            FerryApplication.Outcome outcome = ferry.carry(RunRequest.of("majora", "command"));
            Path run = folder.resolve("home/runs").resolve(outcome.id());
            var report = new com.fasterxml.jackson.databind.ObjectMapper().readTree(run.resolve("report.json").toFile());
            assertThat(report.path("state").asText()).isEqualTo("done");
            assertThat(report.path("stages")).hasSize(6).allSatisfy(stage -> {
                assertThat(stage.path("state").asText()).isEqualTo("done");
                assertThat(stage.path("millis").isNumber()).isTrue();
                assertThat(stage.path("result").asText()).isNotBlank();
            });
            assertThat(report.path("stages").valueStream().filter(stage -> stage.path("stage").asText().equals("quantize")).findFirst().orElseThrow().path("result").asText())
                    .endsWith("; note: 2 tensors for images are left out");
            assertThat(report.path("files").get(0).path("bytes").asLong()).isEqualTo(4_700_000_000L);
            assertThat(report.path("files").get(0).path("sha256").asText()).hasSize(64);
            assertThat(report.path("evaluation").path("score").asDouble()).isEqualTo(0.875);
            assertThat(report.path("warnings").get(0).asText()).isEqualTo("the adapter names another base");
            assertThat(report.path("warnings").get(1).asText()).isEqualTo("2 tensors for images are left out");
            assertThat(Files.readString(run.resolve("report.md"))).contains("# majora: done").contains("| evaluate | done | 1 |").contains("4,700,000,000").contains("0.875 over 8 prompts")
                    .contains("- the adapter names another base").contains("- 2 tensors for images are left out");
            assertThat(Files.readString(run.resolve("run.log"))).contains("download: begins").contains("score 0.88").contains("done after");
            assertThat(run.resolve("evaluate.log")).content().contains("score 0.88").doesNotContain("download");
        }
    }
}
