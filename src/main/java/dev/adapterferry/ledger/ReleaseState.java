package dev.adapterferry.ledger;

import java.util.Locale;

/** Where a release stands. */
public enum ReleaseState {
    /** Is what answers. At most one per model. */
    ACTIVE,
    /** Was replaced by a later one; can be restored while its files are kept. */
    RETIRED,
    /** Never held: its deployment, health check or evaluation failed. */
    FAILED,
    /** Was taken back in favour of an earlier one. */
    ROLLED_BACK;

    /** The name in tables and messages: {@code rolled-back}. */
    public String text() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    static ReleaseState of(String text) {
        return valueOf(text.toUpperCase(Locale.ROOT).replace('-', '_'));
    }
}
