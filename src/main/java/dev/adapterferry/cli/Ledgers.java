package dev.adapterferry.cli;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.LedgerSettings;
import dev.adapterferry.settings.Settings;

/** Opens the ledger for commands that only look. */
final class Ledgers {
    private Ledgers() { }

    static Ledger open(Settings settings) {
        LedgerSettings book = settings.ledger();
        return Ledger.open(book.url(), book.user(), book.password(), book.lease());
    }
}
