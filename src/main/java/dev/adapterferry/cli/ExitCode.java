package dev.adapterferry.cli;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.ledger.RunState;

/** What the command tells the shell. The README's table lists the same numbers. */
public final class ExitCode {
    /** Everything that was asked for is done. */
    public static final int DONE = 0;
    /** An unexpected error: a defect of the ferry itself. */
    public static final int DEFECT = 1;
    /** The command line could not be understood. */
    public static final int USAGE = 2;
    /** Settings are wrong or a named model is unknown. */
    public static final int SETTINGS = 3;
    /** A stage failed. */
    public static final int FAILED = 4;
    /** Some of several models or formats failed. */
    public static final int PARTLY = 5;
    /** A model is unhealthy, or its evaluation did not pass the gate. */
    public static final int UNHEALTHY = 6;
    /** A model is degraded: it answers, but something is below its limit. */
    public static final int DEGRADED = 7;
    /** Stopped by Ctrl-C or a cancellation. */
    public static final int INTERRUPTED = 130;

    private ExitCode() { }

    /** The code of a failure that ended a command. */
    public static int of(Throwable failure) {
        return switch (failure) {
            case Cancelled ignored -> INTERRUPTED;
            case SettingsException ignored -> SETTINGS;
            case dev.adapterferry.failure.FerryException ignored -> FAILED;
            default -> DEFECT;
        };
    }

    /** The code of a run's end. */
    public static int of(RunState state) {
        return switch (state) {
            case DONE -> DONE;
            case PARTLY_FAILED -> PARTLY;
            case CANCELLED, QUEUED, RUNNING -> INTERRUPTED;
            case FAILED -> FAILED;
        };
    }
}
