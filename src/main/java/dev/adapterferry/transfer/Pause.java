package dev.adapterferry.transfer;

import dev.adapterferry.progress.Cancellation;
import java.time.Duration;

/** Waits between attempts; tests put one here that only takes note. */
@FunctionalInterface
public interface Pause {
    /** Really waits. */
    Pause SLEEP = time -> Cancellation.current().pause("waiting", time);

    /**
     * Waits.
     *
     * @param time how long
     * @throws dev.adapterferry.failure.Cancelled when a stop was requested, or the thread is interrupted
     */
    void pause(Duration time);
}
