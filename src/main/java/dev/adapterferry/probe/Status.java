package dev.adapterferry.probe;

import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How a model is. The exit codes are the README's: neither is one that a failure of the command itself could have. */
public enum Status {
    /** Everything that was checked holds. */
    HEALTHY(0),
    /** It answers, but something is below its limit. */
    DEGRADED(7),
    /** It does not give the answers it should. */
    UNHEALTHY(6);

    private final int exitCode;

    Status(int exitCode) {
        this.exitCode = exitCode;
    }

    /** Its name in JSON and messages: {@code healthy}. */
    @JsonValue
    public String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** Exit code of {@code ferry health}. */
    public int exitCode() {
        return exitCode;
    }

    /** The worse of two. */
    public Status and(Status other) {
        return compareTo(other) >= 0 ? this : other;
    }
}
