package dev.adapterferry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** How processes share a ledger, whatever database it stands on. */
abstract class ProcessesContract extends LedgerFixture {
    /** Empties the database. */
    abstract void drop() throws Exception;

    @Test
    void recoversTheRunsOfAKilledProcessAndOnlyThose() throws Exception {
        Run theirs = request("majora", "a").run();
        Run ours = request("nayru", "a").run();
        LedgerProcess process = process("claim", theirs.id());
        process.awaitLine("claimed");
        ledger.runs().claim(ours.id(), new Cancellation()).orElseThrow();

        assertThat(ledger.runs().claim(theirs.id(), new Cancellation())).isEmpty();
        assertThat(ledger.runs().recover()).isEmpty();
        process.kill();

        assertThat(ledger.runs().recover()).extracting(Run::id).containsExactly(theirs.id());
        assertThat(ledger.runs().get(theirs.id())).returns(RunState.QUEUED, Run::state).returns(1, Run::resumed);
        assertThat(ledger.runs().get(ours.id()).state()).isEqualTo(RunState.RUNNING);
        assertThat(ledger.events().of(theirs.id(), 0, 10)).extracting(Event::kind).containsExactly("recovered");
        assertThat(ledger.runs().recover()).isEmpty();
        assertThat(ledger.runs().next(new Cancellation()).orElseThrow().run().id()).as("at once, without waiting for the lease").isEqualTo(theirs.id());
    }

    @Test
    void takesOverTheRunOfAProcessThatNoLongerStirsAndIgnoresItsLateWord() throws Exception {
        Run run = request("majora", "a").run();
        LedgerProcess process = process("carry", run.id());
        process.awaitLine("claimed");
        process.stop();
        await("two leases", () -> !ledger.runs().recover().isEmpty());
        assertThat(ledger.runs().claim(run.id(), new Cancellation())).isPresent();
        process.go();
        process.awaitLine("ended: false");
        assertThat(ledger.runs().get(run.id())).returns(RunState.RUNNING, Run::state).returns(1, Run::resumed);
        assertThat(ledger.runs().end(run.id(), RunState.DONE, null)).isTrue();
    }

    @Test
    void givesUpARunThatTakesItsProcessWithItTimeAndAgain() throws Exception {
        Run run = request("majora", "a").run();
        Database database = new Database(url(), user(), Optional.empty());
        open.add(database);
        database.update("UPDATE runs SET resumed = ? WHERE id = ?", Runs.MOST_RESUMED, run.id());
        LedgerProcess process = process("claim", run.id());
        process.awaitLine("claimed");
        process.kill();
        assertThat(ledger.runs().recover()).hasSize(1);
        assertThat(ledger.runs().get(run.id())).returns(RunState.FAILED, Run::state);
        assertThat(ledger.runs().get(run.id()).error()).hasValueSatisfying(error -> assertThat(error).contains("died 4 times"));
    }

    @Test
    void aLockIsHeldByOneProcessUntilItLetsGo() throws Exception {
        LedgerProcess process = process("lock", "model majora");
        process.awaitLine("locked");
        assertThat(ledger.locks().tryAcquire("model majora", null, new Cancellation())).isEmpty();
        assertThat(ledger.locks().tryAcquire("model nayru", null, new Cancellation())).isPresent();
        assertThat(ledger.locks().holder("model majora")).hasValueSatisfying(holder -> assertThat(holder.pid()).isEqualTo(process.pid()));
        assertThatThrownBy(() -> ledger.locks().acquire("model majora", null, Duration.ZERO, new Cancellation())).isInstanceOf(TransientFailure.class)
                .hasMessageContaining("held by process " + process.pid());
        process.say("release");
        process.awaitLine("released");
        try (Lease lease = ledger.locks().acquire("model majora", null, Duration.ofSeconds(10), new Cancellation())) {
            assertThat(lease.isHeld()).isTrue();
        }
        assertThat(ledger.locks().holder("model majora")).isEmpty();
    }

    @Test
    void theLockOfAKilledProcessIsFreeAtOnce() throws Exception {
        LedgerProcess process = process("lock", "model majora");
        process.awaitLine("locked");
        process.kill();
        Ledger patient = another(Duration.ofHours(1));
        assertThat(patient.locks().holder("model majora")).isEmpty();
        assertThat(patient.locks().tryAcquire("model majora", null, new Cancellation())).isPresent();
    }

    @Test
    void aLockOutlivesItsLeaseWhileItsOwnerLives() throws Exception {
        LedgerProcess process = process("lock", "model majora");
        process.awaitLine("locked");
        long end = System.nanoTime() + LEASE.plusSeconds(1).toNanos();
        while (System.nanoTime() < end) {
            assertThat(ledger.locks().tryAcquire("model majora", null, new Cancellation())).isEmpty();
            Thread.sleep(200);
        }
    }

    @Test
    void aProcessThatSleptThroughItsLeaseLearnsThatTheLockIsGone() throws Exception {
        LedgerProcess process = process("lock", "model majora");
        process.awaitLine("locked");
        process.stop();
        Cancellation mine = new Cancellation();
        try (Lease lease = ledger.locks().acquire("model majora", null, LEASE.plusSeconds(20), mine)) {
            process.go();
            process.awaitLine("lost");
            assertThat(lease.isHeld()).isTrue();
            assertThat(ledger.locks().holder("model majora")).hasValueSatisfying(holder -> assertThat(holder.pid()).isEqualTo(ProcessHandle.current().pid()));
        }
    }

    @Test
    void processesThatContendTakeTurns() throws Exception {
        Path counter = Files.writeString(folder.resolve("counter"), "0");
        int turns = 6;
        List<LedgerProcess> processes = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            processes.add(process("count", counter.toString(), Integer.toString(turns)));
        }
        for (LedgerProcess process : processes) {
            process.awaitLine("counted");
        }
        assertThat(Files.readString(counter)).isEqualTo(Integer.toString(3 * turns));
    }

    @Test
    void manyProcessesMayOpenANewLedgerAtOnce() throws Exception {
        ledger.close();
        drop();
        List<LedgerProcess> processes = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            processes.add(process("open", "model-" + i));
        }
        for (LedgerProcess process : processes) {
            process.awaitLine("opened");
        }
        assertThat(another(LEASE).runs().newest(10)).hasSize(4);
    }
}
