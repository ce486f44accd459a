package dev.adapterferry.ledger;

import java.util.Locale;

/** Where a run stands. */
public enum RunState {
    /** Waits for its turn. */
    QUEUED,
    /** Is being carried. */
    RUNNING,
    /** Every stage that was asked for is done. */
    DONE,
    /** Ended by an error. */
    FAILED,
    /** Ended because somebody asked for it. */
    CANCELLED,
    /** Came to its end although a stage failed. */
    PARTLY_FAILED;

    /** The name in tables and messages: {@code partly-failed}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** Whether nothing more happens. */
    public boolean isEnd() {
        return this != QUEUED && this != RUNNING;
    }

    static RunState of(String text) {
        return valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    }
}
