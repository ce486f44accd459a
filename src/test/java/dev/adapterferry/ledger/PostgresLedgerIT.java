package dev.adapterferry.ledger;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class PostgresLedgerIT extends LedgerContract {
    private PostgresServer server;
    private String url;

    @Override
    String url() throws Exception {
        if (url == null) {
            server = PostgresServer.getOrSkip();
            url = server.newDatabase();
        }
        return url;
    }

    @Override
    Optional<String> user() {
        return Optional.of(PostgresServer.USER);
    }

    @Test
    void goesOnAfterTheServerCutTheConnection() throws Exception {
        Run run = request("majora", "a").run();
        Cancellation cancellation = new Cancellation();
        Lease lease = ledger.runs().claim(run.id(), cancellation).orElseThrow().lease();
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'adapter-ferry' AND datname = '" + url.substring(url.lastIndexOf('/') + 1) + "'");

        await("a new connection", () -> {
            try {
                return ledger.runs().get(run.id()).state() == RunState.RUNNING;
            } catch (TransientFailure e) {
                return false;
            }
        });
        await("a beat over the new connection", () -> ledger.locks().holder(lease.name()).isPresent());
        assertThat(lease.isHeld()).isTrue();
        assertThat(cancellation.isRequested()).isFalse();
    }

    @Test
    void carriesOnlyTheRunsOfItsOwnMachine() throws Exception {
        Run run = request("majora", "a").run();
        Database database = new Database(url(), user(), Optional.empty());
        open.add(database);
        database.update("UPDATE runs SET host = 'another-machine' WHERE id = ?", run.id());
        assertThat(ledger.runs().next(new Cancellation())).isEmpty();
    }

    @Test
    void saysWhenTheServerCannotBeReached() {
        assertThatThrownBy(() -> Ledger.open("jdbc:postgresql://127.0.0.1:1/ferry", user(), Optional.empty(), LEASE)).isInstanceOf(TransientFailure.class)
                .hasMessageStartingWith("Cannot open the ledger jdbc:postgresql://127.0.0.1:1/ferry: ");
    }
}
