package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import java.util.Map;
import org.apache.camel.health.HealthCheckResultBuilder;
import org.apache.camel.impl.health.AbstractHealthCheck;

/** Part of the daemon's own health: whether the ledger can be read. */
final class LedgerCheck extends AbstractHealthCheck {
    private final Ledger ledger;

    LedgerCheck(Ledger ledger) {
        super("ferry", "ledger");
        this.ledger = ledger;
    }

    @Override
    protected void doCall(HealthCheckResultBuilder builder, Map<String, Object> options) {
        try {
            builder.detail("queued", ledger.runs().queued()).up();
        } catch (FerryException e) {
            builder.message(e.getMessage()).down();
        }
    }
}
