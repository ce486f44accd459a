package dev.adapterferry.camel;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.Housekeeping;

/** The bean {@code housekeeping} of the routes. */
public final class HousekeepingBean {
    private final Housekeeping housekeeping;

    HousekeepingBean(Settings settings, Ledger ledger) {
        this.housekeeping = new Housekeeping(settings, ledger);
    }

    /** Sweeps once; leaves what was done, in words. */
    public String sweep() {
        return housekeeping.sweep();
    }
}
