package dev.adapterferry.transfer;

import dev.adapterferry.failure.Cancelled;
import java.time.Duration;

/** Waits between attempts; tests put one here that only takes note. */
@FunctionalInterface
public interface Pause {
    /** Really waits. */
    Pause SLEEP = time -> {
        try {
            Thread.sleep(time);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new Cancelled("waiting");
        }
    };

    /**
     * Waits.
     *
     * @param time how long
     * @throws Cancelled when the thread is interrupted
     */
    void pause(Duration time);
}
