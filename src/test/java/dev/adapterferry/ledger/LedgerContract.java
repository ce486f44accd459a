package dev.adapterferry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.waiting.Stopping;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What a ledger does, whatever database it stands on. */
abstract class LedgerContract extends LedgerFixture {
    @Test
    void opensRunsUnderIdsThatSortByTime() {
        Run run = request("majora", "a").run();
        assertThat(run.id()).matches("\\d{8}-\\d{6}-majora-[0-9a-f]{4}");
        assertThat(run).returns(RunState.QUEUED, Run::state).returns("command", Run::trigger).returns("{\"model\":\"majora\"}", Run::request)
                .returns(folder.resolve(run.id()), Run::folder).returns(Optional.empty(), Run::started).returns(0, Run::resumed);
        assertThat(run.created()).isBetween(Instant.now().minusSeconds(60), Instant.now().plusSeconds(1));
        assertThat(ledger.runs().get(run.id())).isEqualTo(run);
    }

    @Test
    void joinsAnOpenRunThatAsksForTheSame() {
        Runs.Opened first = request("majora", "a");
        assertThat(first.joined()).isFalse();
        assertThat(request("majora", "a")).isEqualTo(new Runs.Opened(first.run(), true));
        assertThat(request("majora", "b").joined()).isFalse();
        assertThat(request("nayru", "a").joined()).isFalse();
        ledger.runs().end(first.run().id(), RunState.DONE, null);
        assertThat(request("majora", "a").joined()).isFalse();
    }

    @Test
    void findsARunByAPartOfItsIdWhenThatIsUnmistakable() {
        Run a = request("majora", "a").run();
        Run b = request("majora", "b").run();
        String end = a.id().substring(a.id().length() - 4);
        if (!b.id().endsWith(end)) {
            assertThat(ledger.runs().get(end)).isEqualTo(a);
        }
        assertThatThrownBy(() -> ledger.runs().get(a.id().substring(0, 8))).isInstanceOf(FerryException.class).hasMessageContaining("could be 2 runs").hasMessageContaining(b.id());
        assertThatThrownBy(() -> ledger.runs().get("%")).hasMessage("There is no run '%' in the ledger. 'ferry runs' lists them.");
        assertThatThrownBy(() -> ledger.runs().get("")).hasMessageContaining("There is no run");
    }

    @Test
    void claimsRunsInTheOrderInWhichTheyCameOneRunPerModel() {
        List<String> ids = new ArrayList<>();
        for (String asked : List.of("1", "2", "3")) {
            ids.add(request("majora", asked).run().id());
            ids.add(request("nayru", asked).run().id());
        }
        List<String> carried = new ArrayList<>();
        List<Runs.Claimed> running = new ArrayList<>();
        while (carried.size() < ids.size()) {
            Optional<Runs.Claimed> next = ledger.runs().next(new Cancellation());
            if (next.isPresent()) {
                running.add(next.get());
                carried.add(next.get().run().id());
                assertThat(next.get().run().state()).isEqualTo(RunState.RUNNING);
                assertThat(next.get().run().started()).isPresent();
            } else {
                assertThat(running).hasSize(2);
                running.forEach(claimed -> {
                    assertThat(ledger.runs().end(claimed.run().id(), RunState.DONE, null)).isTrue();
                    claimed.lease().close();
                });
                running.clear();
            }
        }
        assertThat(carried).isEqualTo(ids);
    }

    @Test
    void aRunIsClaimedOnceHoweverManyAsk() throws Exception {
        int runs = 40;
        for (int i = 0; i < runs; i++) {
            request("model-" + i, "a");
        }
        List<String> claimed = Collections.synchronizedList(new ArrayList<>());
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> work = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                Ledger mine = another(LEASE);
                work.add(threads.submit(() -> {
                    for (Optional<Runs.Claimed> next = mine.runs().next(new Cancellation()); next.isPresent(); next = mine.runs().next(new Cancellation())) {
                        claimed.add(next.get().run().id());
                        mine.runs().end(next.get().run().id(), RunState.DONE, null);
                        next.get().lease().close();
                    }
                }));
            }
            for (Future<?> one : work) {
                one.get(60, TimeUnit.SECONDS);
            }
        }
        // A thread may stop early when another holds the last models; whoever holds them carries them.
        assertThat(claimed).doesNotHaveDuplicates();
        assertThat(ledger.runs().in(RunState.DONE)).extracting(Run::id).containsExactlyInAnyOrderElementsOf(claimed);
        assertThat(ledger.runs().queued()).isEqualTo(runs - claimed.size()).isZero();
    }

    @Test
    void endsARunOnce() {
        Run run = request("majora", "a").run();
        assertThat(ledger.runs().end(run.id(), RunState.FAILED, "Disk full.")).isTrue();
        assertThat(ledger.runs().end(run.id(), RunState.DONE, null)).isFalse();
        assertThat(ledger.runs().get(run.id())).returns(RunState.FAILED, Run::state).returns(Optional.of("Disk full."), Run::error);
        assertThatThrownBy(() -> ledger.runs().end(run.id(), RunState.RUNNING, null)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void cancelsAWaitingRunAtOnceAndTellsARunningOne() throws Exception {
        Run waiting = request("majora", "a").run();
        assertThat(ledger.runs().cancel(waiting.id())).isTrue();
        assertThat(ledger.runs().get(waiting.id()).state()).isEqualTo(RunState.CANCELLED);

        Run run = request("majora", "b").run();
        Cancellation cancellation = new Cancellation();
        try (Lease lease = ledger.runs().claim(run.id(), cancellation).orElseThrow().lease()) {
            assertThat(another(LEASE).runs().cancel(run.id())).isTrue();
            await("cancellation", cancellation::isRequested);
            assertThat(lease.isHeld()).isTrue();
            assertThat(ledger.runs().get(run.id())).returns(RunState.RUNNING, Run::state).returns(true, Run::cancelRequested);
        }
        ledger.runs().end(run.id(), RunState.CANCELLED, null);
        assertThat(ledger.runs().cancel(run.id())).isFalse();
    }

    @Test
    void parkedRunsWaitAgain() {
        Run run = request("majora", "a").run();
        try (Lease lease = ledger.runs().claim(run.id(), new Cancellation()).orElseThrow().lease()) {
            assertThat(ledger.runs().claim(run.id(), new Cancellation())).isEmpty();
            assertThat(ledger.runs().park(run.id())).isTrue();
            assertThat(lease.isHeld()).isTrue();
        }
        assertThat(ledger.runs().next(new Cancellation()).orElseThrow().run().id()).isEqualTo(run.id());
    }

    @Test
    void waitingForALockCanBeCancelled() throws Exception {
        ledger.locks().tryAcquire("x", null, new Cancellation()).orElseThrow();
        assertThat(Stopping.of(cancellation -> ledger.locks().acquire("x", null, Duration.ofMinutes(10), cancellation), Stopping::sleeps)).isInstanceOf(dev.adapterferry.failure.Cancelled.class)
                .hasMessageContaining("wait for the lock on 'x'");
    }

    @Test
    void remembersStagesAndFindsWhatWasDoneByItsKey() throws Exception {
        Path file = Files.writeString(folder.resolve("out.gguf"), "weights");
        Run run = request("majora", "a").run();
        String key = new StageKey("quantize", 1).with("adapter", "abc").with("formats", List.of("Q4_K_M")).hex();
        StageRecord record = new StageRecord("quantize", key, run.id(), Instant.parse("2026-11-23T20:00:00Z"), Instant.parse("2026-11-23T20:03:00Z"), List.of(StageFile.of(file)),
                Map.of("tensors", 196, "note", "über"));

        assertThat(ledger.stages().begin(run.id(), "quantize")).isEqualTo(1);
        ledger.stages().failed(run.id(), "quantize", "No space.");
        assertThat(ledger.stages().find(run.id(), "quantize").orElseThrow()).returns(StageState.FAILED, StageEntry::state).returns(Optional.of("No space."), StageEntry::error);
        assertThat(ledger.stages().begin(run.id(), "quantize")).isEqualTo(2);
        assertThat(ledger.stages().known("quantize", key)).isEmpty();
        ledger.stages().done(run.id(), run.folder(), record);

        assertThat(ledger.stages().known("quantize", key)).contains(record);
        assertThat(ledger.stages().known("merge", key)).isEmpty();
        assertThat(StageRecord.readFrom(run.folder(), "quantize")).contains(record);
        assertThat(StageRecord.readFrom(run.folder(), "merge")).isEmpty();
        assertThat(ledger.stages().of(run.id()).getFirst()).returns(StageState.DONE, StageEntry::state).returns(2, StageEntry::attempt)
                .returns(Optional.empty(), StageEntry::error).returns(Optional.of(record), StageEntry::record);
        assertThat(record.duration()).isEqualTo(Duration.ofMinutes(3));
        assertThat(record.fact("tensors")).contains("196");

        Run again = request("majora", "b").run();
        ledger.stages().skipped(again.id(), again.folder(), record);
        ledger.stages().leftOut(again.id(), "evaluate");
        assertThat(ledger.stages().of(again.id())).extracting(StageEntry::state).containsOnly(StageState.SKIPPED);
        assertThat(StageRecord.readFrom(again.folder(), "quantize")).contains(record);

        Files.writeString(file, "WEIGHTS");
        assertThat(ledger.stages().known("quantize", key)).as("same size, other content").isEmpty();
    }

    @Test
    void followsReleasesThroughTheirStates() {
        Releases releases = ledger.releases();
        List<ReleaseEntry.File> files = List.of(new ReleaseEntry.File("Q4_K_M", "/models/a/b/b-Q4_K_M.gguf", 4_000_000_000L, "ab".repeat(32)),
                new ReleaseEntry.File("Q8_0", "/models/a/b/b-Q8_0.gguf", 8_000_000_000L, "cd".repeat(32)));
        for (int number = 1; number <= 3; number++) {
            releases.installed("majora", number, files, "{}", "adapter-" + number, "Qwen/x@abc", "run-" + number);
        }
        releases.installed("nayru", 1, files, "{}", null, null, null);
        assertThat(releases.of("majora")).extracting(ReleaseEntry::number).containsExactly(3, 2, 1);
        assertThat(releases.of("majora")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.ACTIVE, ReleaseState.RETIRED, ReleaseState.RETIRED);
        assertThat(releases.active("majora").orElseThrow()).returns(files, ReleaseEntry::files).returns(12_000_000_000L, ReleaseEntry::bytes)
                .returns(Optional.of("adapter-3"), ReleaseEntry::adapter);

        releases.scored("majora", 3, "{\"score\":0.2}");
        releases.tookBack("majora", 3, ReleaseState.FAILED, 2);
        assertThat(releases.of("majora")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.FAILED, ReleaseState.ACTIVE, ReleaseState.RETIRED);
        assertThat(releases.get("majora", 3).scores()).contains("{\"score\":0.2}");
        releases.tookBack("majora", 2, ReleaseState.ROLLED_BACK, 1);
        assertThat(releases.of("majora")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.FAILED, ReleaseState.ROLLED_BACK, ReleaseState.ACTIVE);
        releases.tookBack("majora", 1, ReleaseState.ROLLED_BACK, 0);
        assertThat(releases.active("majora")).isEmpty();
        assertThat(releases.active()).extracting(ReleaseEntry::model).containsExactly("nayru");
        assertThatThrownBy(() -> releases.get("majora", 9)).hasMessageContaining("no release 9 of majora");
    }

    @Test
    void readersFollowEventsByTheLastIdTheySaw() {
        ledger.events().add("r1", "majora", "started", "Run r1 started.", null);
        ledger.events().add("r2", "nayru", "started", "Run r2 started.", "{\"a\":1}");
        ledger.events().add("r1", "majora", "finished", "Run r1 finished.", null);
        List<Event> all = ledger.events().after(0, 10);
        assertThat(all).extracting(Event::text).containsExactly("Run r1 started.", "Run r2 started.", "Run r1 finished.");
        assertThat(all.get(1).data()).contains("{\"a\":1}");
        assertThat(ledger.events().of("r1", all.getFirst().id(), 10)).containsExactly(all.get(2));
        assertThat(ledger.events().after(0, 1)).containsExactly(all.getFirst());
        assertThat(ledger.events().last()).isEqualTo(all.getLast().id());
    }

    @Test
    void knowsAdaptersByContentAndTellsOneProcessThatTheyAreNew() throws Exception {
        assertThat(ledger.adapters().add("hash-1", "majora", "77", "/workspace/output", "r1")).isTrue();
        assertThat(another(LEASE).adapters().add("hash-1", "majora", "78", "/elsewhere", "r2")).isFalse();
        assertThat(ledger.adapters().add("hash-1", "nayru", null, null, null)).isTrue();
        assertThat(ledger.adapters().find("hash-1", "majora").orElseThrow().instance()).contains("77");
        assertThat(ledger.adapters().of("majora")).hasSize(1);
        assertThat(ledger.adapters().forget("hash-1", "majora")).isTrue();
        assertThat(ledger.adapters().find("hash-1", "majora")).isEmpty();
    }

    @Test
    void keepsDeadLettersUntilOneIsSentAgain() {
        assertThat(ledger.letters().add("r1", "majora", "download", "{}", "No answer.", 6, "java.io.IOException\n\tat x")).isTrue();
        assertThat(ledger.letters().add("r1", "majora", "download", "{}", "No answer.", 6, null)).isFalse();
        assertThat(ledger.letters().open()).hasSize(1).first().returns(6, DeadLetter::attempts).returns("No answer.", DeadLetter::reason);
        assertThat(ledger.letters().replay("r1")).isTrue();
        assertThat(ledger.letters().replay("r1")).isFalse();
        ledger.letters().replayedAs("r1", "r2");
        assertThat(ledger.letters().open()).isEmpty();
        assertThat(ledger.letters().find("r1").orElseThrow()).returns(Optional.of("r2"), DeadLetter::replayedAs).satisfies(letter -> assertThat(letter.replayed()).isPresent());
        assertThat(ledger.letters().find("r1").orElseThrow().toJson()).contains("\"reason\" : \"No answer.\"");
    }

    @Test
    void forgetsOldRunsButNoneThatIsStillNeeded() {
        Run plain = ended("plain");
        Run waiting = ended("waiting");
        Run released = ended("released");
        Run open = request("open", "a").run();
        ledger.letters().add(waiting.id(), "waiting", "merge", "{}", "Bad.", 1, null);
        ledger.releases().installed("released", 1, List.of(), "{}", null, null, released.id());
        for (Run run : List.of(plain, waiting, released, open)) {
            ledger.events().add(run.id(), run.model(), "x", "x", null);
            ledger.stages().leftOut(run.id(), "merge");
        }
        assertThat(ledger.retention().forgetRuns(Instant.now().minusSeconds(3600))).isEmpty();
        assertThat(ledger.retention().forgetRuns(Instant.now().plusSeconds(3600))).containsExactly(plain.folder());
        assertThat(ledger.runs().newest(10)).extracting(Run::model).containsExactly("open", "released", "waiting");
        assertThat(ledger.stages().of(plain.id())).isEmpty();
        assertThat(ledger.events().of(plain.id(), 0, 10)).isEmpty();
        assertThat(ledger.stages().of(waiting.id())).hasSize(1);

        assertThat(ledger.retention().forgetLetters(Instant.now().plusSeconds(3600))).containsExactly(waiting.id());
        ledger.releases().installed("released", 2, List.of(), "{}", null, null, null);
        assertThat(ledger.retention().forgetReleases(Instant.now().plusSeconds(3600))).isEqualTo(1);
        assertThat(ledger.retention().forgetRuns(Instant.now().plusSeconds(3600))).containsExactlyInAnyOrder(waiting.folder(), released.folder());
    }

    @Test
    void storesNoSecret() throws Exception {
        Secret secret = new Secret("ledger-test-secret-value");
        Run run = ledger.runs().open("majora", "command", "{\"token\":\"" + secret.reveal() + "\"}", "a", folder).run();
        ledger.events().add(run.id(), "majora", "x", "Key " + secret.reveal() + " refused.", "{\"k\":\"" + secret.reveal() + "\"}");
        ledger.letters().add(run.id(), "majora", "x", "{}", "Key " + secret.reveal(), 1, "at " + secret.reveal());
        ledger.stages().done(run.id(), run.folder(), new StageRecord("x", "k", run.id(), Instant.now(), Instant.now(), List.of(), Map.of("command", "curl -H " + secret.reveal())));
        ledger.runs().end(run.id(), RunState.FAILED, "Key " + secret.reveal());

        assertThat(ledger.runs().get(run.id()).toString() + ledger.events().after(0, 9) + ledger.letters().open() + ledger.stages().of(run.id())).doesNotContain(secret.reveal()).contains("***");
        assertThat(Files.readString(run.folder().resolve("x.json"))).doesNotContain(secret.reveal()).contains("curl -H ***");
    }

    @Test
    void severalStatementsHoldTogetherOrNotAtAll() throws Exception {
        Ledger other = another(LEASE);
        Database database = new Database(url(), user(), Optional.empty());
        open.add(database);
        assertThatThrownBy(() -> database.together(() -> {
            database.update("INSERT INTO events (time, kind, text) VALUES ('2026', 'x', 'x')");
            throw new IllegalStateException("in the middle");
        })).hasMessage("in the middle");
        assertThat(other.events().after(0, 10)).isEmpty();
        database.together(() -> database.update("INSERT INTO events (time, kind, text) VALUES ('2026-01-01T00:00:00.000Z', 'x', 'x')"));
        assertThat(other.events().after(0, 10)).hasSize(1);
    }

    @Test
    void refusesTheLedgerOfANewerFerry() throws Exception {
        Database database = new Database(url(), user(), Optional.empty());
        open.add(database);
        database.update("INSERT INTO schema_version (version) VALUES (99)");
        assertThatThrownBy(() -> another(LEASE)).isInstanceOf(FerryException.class).hasMessageContaining("written by a newer ferry (version 99");
    }
}
