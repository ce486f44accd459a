package dev.adapterferry.cli;

import dev.adapterferry.progress.Cancellation;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns Ctrl-C (or a polite kill) into a request to stop, and holds the process open until the work has cleaned up behind itself
 * and the command has said how it ended; the JVM then exits with 130 (143) by itself. Belongs around work that checks its
 * {@link Cancellation} every second or so.
 */
final class Interruption implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(20);

    private final Cancellation cancellation = new Cancellation();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook;

    private Interruption(Runnable stop, Duration patience, Runnable leave) {
        hook = new Thread(() -> {
            cancellation.request();
            stop.run();
            if (!hasEnded(patience)) {
                leave.run();
            }
        }, "interruption");
    }

    /** From now until it is closed, Ctrl-C (or a kill) asks the work to stop through {@link #cancellation}. */
    static Interruption onCtrlC() {
        return onCtrlC(() -> { }, PATIENCE, () -> System.err.println("ferry: the work did not stop within " + PATIENCE.toSeconds() + "s"));
    }

    /**
     * The same for work that has a way of its own to be stopped.
     *
     * @param stop     asks it to stop; returns at once
     * @param patience how long the process waits for the end of the work
     * @param leave    called when it did not end in time
     */
    static Interruption onCtrlC(Runnable stop, Duration patience, Runnable leave) {
        Interruption interruption = new Interruption(stop, patience, leave);
        Runtime.getRuntime().addShutdownHook(interruption.hook);
        return interruption;
    }

    /** What the work checks. */
    Cancellation cancellation() {
        return cancellation;
    }

    private boolean hasEnded(Duration patience) {
        try {
            return ended.await(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @Override
    public void close() {
        ended.countDown();
        if (!cancellation.isRequested()) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The process is ending already; the hook has run or finds the work ended.
            }
        }
    }
}
