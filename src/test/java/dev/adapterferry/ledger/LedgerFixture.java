package dev.adapterferry.ledger;


import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A ledger on an empty database, and other ledgers on the same one. */
abstract class LedgerFixture {
    static final Duration LEASE = Duration.ofSeconds(2);

    @TempDir
    Path folder;

    final List<AutoCloseable> open = new ArrayList<>();
    Ledger ledger;

    /** JDBC address of an empty database; the same one throughout a test. */
    abstract String url() throws Exception;

    Optional<String> user() {
        return Optional.empty();
    }

    @BeforeEach
    void openLedger() throws Exception {
        ledger = another(LEASE);
    }

    @AfterEach
    void closeLedgers() throws Exception {
        for (AutoCloseable one : open.reversed()) {
            one.close();
        }
    }

    /** A ledger as another process would open it. */
    Ledger another(Duration lease) throws Exception {
        Ledger another = Ledger.open(url(), user(), Optional.empty(), lease);
        open.add(another);
        return another;
    }

    LedgerProcess process(String... arguments) throws Exception {
        LedgerProcess process = new LedgerProcess(url(), user(), folder, arguments);
        open.add(process);
        return process;
    }

    Runs.Opened request(String model, String asked) {
        return ledger.runs().open(model, "command", "{\"model\":\"" + model + "\"}", asked, folder);
    }

    Run ended(String model) {
        Run run = request(model, "a").run();
        ledger.runs().end(run.id(), RunState.DONE, null);
        return run;
    }

    static void await(String what, java.util.function.BooleanSupplier condition) throws InterruptedException {
        long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited 30 s for: " + what);
            }
            Thread.sleep(20);
        }
    }
}
