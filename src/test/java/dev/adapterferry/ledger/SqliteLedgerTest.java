package dev.adapterferry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
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
