package dev.adapterferry.ledger;

import java.util.Locale;

/** Where a stage of a run stands. */
public enum StageState {
    /** Is being done. */
    RUNNING,
    /** Was done in this run. */
    DONE,
    /** Was done before: its key is known and its files still hold, or it was not asked for. */
    SKIPPED,
    /** Ended by an error. */
    FAILED,
    /** Ended because somebody asked for it. */
    CANCELLED;

    /** The name in tables and messages. */
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    static StageState of(String text) {
        return valueOf(text.toUpperCase(Locale.ROOT));
    }
}
