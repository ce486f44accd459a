package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.ledger.Ledger;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.Optional;
import org.apache.camel.health.HealthCheck;
import org.apache.camel.impl.DefaultCamelContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon's own health: it is down when its ledger cannot be read, and says why. */
class LedgerCheckTest {
    @TempDir
    Path folder;

    @Test
    void isDownWhenTheLedgerCannotBeRead() throws SQLException {
        String url = "jdbc:sqlite:" + folder.resolve("ledger.db");
        try (Ledger ledger = Ledger.open(url, Optional.empty(), Optional.empty(), Duration.ofSeconds(10))) {
            LedgerCheck check = new LedgerCheck(ledger);
            check.setCamelContext(new DefaultCamelContext());
            HealthCheck.Result well = check.call();
            assertThat(well.getState()).isEqualTo(HealthCheck.State.UP);
            assertThat(well.getDetails()).containsEntry("queued", 0);
            try (Connection other = DriverManager.getConnection(url); Statement statement = other.createStatement()) {
                statement.execute("ALTER TABLE runs RENAME TO gone");
            }
            HealthCheck.Result broken = check.call();
            assertThat(broken.getState()).isEqualTo(HealthCheck.State.DOWN);
            assertThat(broken.getMessage()).hasValueSatisfying(message -> assertThat(message).contains("ledger").contains("runs"));
        }
    }
}
