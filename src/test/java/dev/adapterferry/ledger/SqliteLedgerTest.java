package dev.adapterferry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class SqliteLedgerTest extends LedgerContract {
    @Override
    String url() {
        return "jdbc:sqlite:" + folder.resolve("home/ledger.db");
    }

    @Test
    void survivesARestart() throws Exception {
        Run run = request("majora", "a").run();
        ledger.close();
        assertThat(another(LEASE).runs().get(run.id())).isEqualTo(run);
    }

    @Test
    void writesAheadSoThatReadersDoNotWait() throws Exception {
        try (Connection connection = DriverManager.getConnection(url()); Statement statement = connection.createStatement()) {
            assertThat(statement.executeQuery("PRAGMA journal_mode").getString(1)).isEqualTo("wal");
            Run run = request("majora", "a").run();
            statement.execute("BEGIN IMMEDIATE");
            assertThat(another(LEASE).runs().get(run.id())).isEqualTo(run);
            statement.execute("ROLLBACK");
        }
    }

    @Test
    void waitsForAnotherWriterAndSaysSoWhenItTakesTooLong() throws Exception {
        try (Connection connection = DriverManager.getConnection(url()); Statement statement = connection.createStatement()) {
            statement.execute("BEGIN IMMEDIATE");
            Ledger impatient = Ledger.open(url() + "?busy_timeout=100", Optional.empty(), Optional.empty(), LEASE);
            open.add(impatient);
            assertThatThrownBy(() -> impatient.events().add(null, null, "x", "x", null)).isInstanceOf(TransientFailure.class)
                    .hasMessageStartingWith("Cannot write to the ledger " + url()).hasMessageContaining("locked");
            CompletableFuture<Runs.Opened> patient = CompletableFuture.supplyAsync(() -> request("majora", "a"));
            assertThatThrownBy(() -> patient.get(200, TimeUnit.MILLISECONDS)).isInstanceOf(TimeoutException.class);
            statement.execute("COMMIT");
            assertThat(patient.get(10, TimeUnit.SECONDS).joined()).isFalse();
        }
    }

    @Test
    void goesOnUnderAnotherHostNameAsANewContainerHasIt() {
        Run run = request("majora", "a").run();
        Run waiting = request("nayru", "a").run();
        Lease lease = ledger.runs().claim(run.id(), new Cancellation()).orElseThrow().lease();
        lease.close();
        Database database = new Database(url(), Optional.empty(), Optional.empty());
        open.add(database);
        database.update("UPDATE runs SET host = 'old-container'");
        database.update("UPDATE runs SET owner = 'old-container 1 boot:1:77' WHERE id = ?", run.id());
        assertThat(ledger.runs().recover()).extracting(Run::id).containsExactly(run.id());
        assertThat(ledger.runs().next(new Cancellation()).orElseThrow().run().id()).isEqualTo(run.id());
        assertThat(ledger.runs().next(new Cancellation()).orElseThrow().run().id()).isEqualTo(waiting.id());
    }

    @Test
    void knowsDeadProcessesButNoneOfOtherMachinesOrContainers() throws Exception {
        Owner self = Owner.self();
        assertThat(self.isDead()).isFalse();
        assertThat(Owner.parse(self.toString())).isEqualTo(self);
        String[] birth = self.birth().split(":");
        Assumptions.assumeTrue(birth.length == 3, "skipped: not on Linux");
        assertThat(new Owner(self.host(), self.pid(), birth[0] + ":" + birth[1] + ":1").isDead()).as("another process of the same number").isTrue();
        assertThat(new Owner(self.host(), self.pid(), "00000000-boot:" + birth[1] + ":" + birth[2]).isDead()).as("before the machine was started again").isTrue();
        assertThat(new Owner(self.host(), self.pid(), birth[0] + ":1:1").isDead()).as("in another container").isFalse();
        assertThat(new Owner("elsewhere", self.pid(), "x").isDead()).as("on another machine").isFalse();
        Process process = new ProcessBuilder("sleep", "60").start();
        String stat = Files.readString(Path.of("/proc/" + process.pid() + "/stat"));
        Owner other = new Owner(self.host(), process.pid(), birth[0] + ":" + birth[1] + ":" + stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19]);
        assertThat(other.isDead()).isFalse();
        process.destroyForcibly().waitFor();
        assertThat(other.isDead()).isTrue();
    }

    @Test
    void refusesAFileThatIsNoDatabase() throws Exception {
        Path file = Files.writeString(folder.resolve("notes.txt"), "These are notes and no database, however long one looks at them. ".repeat(20));
        assertThatThrownBy(() -> Ledger.open("jdbc:sqlite:" + file, Optional.empty(), Optional.empty(), LEASE)).isInstanceOf(FerryException.class)
                .isNotInstanceOf(TransientFailure.class).hasMessageContaining("Cannot open the ledger jdbc:sqlite:" + file).hasMessageContaining("not a database");
        assertThat(Files.readString(file)).startsWith("These are notes");
    }

    @Test
    void refusesAFolderThatCannotBeMade() throws Exception {
        Files.writeString(folder.resolve("file"), "");
        assertThatThrownBy(() -> Ledger.open("jdbc:sqlite:" + folder.resolve("file/ledger.db"), Optional.empty(), Optional.empty(), LEASE)).isInstanceOf(FerryException.class)
                .hasMessageContaining("Cannot make the folder of the ledger");
    }
}
