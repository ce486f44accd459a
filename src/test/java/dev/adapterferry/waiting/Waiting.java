package dev.adapterferry.waiting;

import java.time.Duration;
import java.util.concurrent.Callable;

/** Waits for a condition, with a limit that only a broken program reaches. */
public final class Waiting {
    private static final Duration LIMIT = Duration.ofSeconds(120);

    private Waiting() { }

    /**
     * Returns when the condition holds.
     *
     * @param what what is waited for, for the message
     */
    public static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + LIMIT.toNanos();
        while (!condition.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("Waited " + LIMIT.toSeconds() + " s in vain: " + what);
            }
            Thread.sleep(50);
        }
    }
}
