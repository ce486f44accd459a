package dev.adapterferry.waiting;

import dev.adapterferry.failure.TransientFailure;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Waits for a condition, with a limit that only a broken program reaches. */
public final class Waiting {
    private static final Duration LIMIT = Duration.ofSeconds(180);

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

    /** Stays where it is until a test opens the gate: for work that has to be under way while the test looks. */
    public static void behind(CountDownLatch gate) {
        try {
            if (!gate.await(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
                throw new AssertionError("Nobody opened the gate for " + LIMIT.toSeconds() + " s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new TransientFailure("interrupted");
        }
    }
}
