package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.time.Duration;
import java.util.Optional;

/** Where runs and releases are written down: section {@code ledger}. */
public record LedgerSettings(
        @Setting(value = "JDBC address: `jdbc:sqlite:FILE`, or `jdbc:postgresql://host/database` when several machines share it.", def = "jdbc:sqlite:{{home}}/ledger.db", restart = true) String url,
        @Setting(value = "Login name.", restart = true) Optional<String> user,
        @Setting(value = "Password.", restart = true) Optional<Secret> password,
        @Setting(value = "How long a model stays locked by a process that shows no sign of life.", def = "30s", restart = true) Duration lease) {

    /** Refuses databases that the ledger does not speak, and passwords in the open. */
    public LedgerSettings {
        if (!url.startsWith("jdbc:sqlite:") && !url.startsWith("jdbc:postgresql:")) {
            throw new IllegalArgumentException("url must begin with jdbc:sqlite: or jdbc:postgresql:");
        }
        if (url.contains("password=") || url.matches("jdbc:postgresql://[^/?]*:[^/?@]*@.*")) {
            throw new IllegalArgumentException("url must not hold a password; use ledger.password: ${FERRY_LEDGER_PASSWORD}");
        }
        if (lease.toSeconds() < 3) {
            throw new IllegalArgumentException("lease must be at least 3s");
        }
    }
}
