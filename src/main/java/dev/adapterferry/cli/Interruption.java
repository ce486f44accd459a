package dev.adapterferry.cli;

import dev.adapterferry.progress.Cancellation;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns Ctrl-C into a request to stop, and holds the process open until the work has cleaned up behind itself. Belongs around work
 * that checks its {@link Cancellation} every second or so.
 */
final class Interruption implements AutoCloseable {
    private static final int PATIENCE_SECONDS = 20;

    private final Cancellation cancellation = new Cancellation();
    private final CountDownLatch ended = new CountDownLatch(1);
    private final Thread hook = new Thread(this::stop, "interruption");

    private Interruption() { }

    /** From now until it is closed, Ctrl-C (or a kill) asks the work to stop. */
    static Interruption onCtrlC() {
        Interruption interruption = new Interruption();
        Runtime.getRuntime().addShutdownHook(interruption.hook);
        return interruption;
    }

    /** What the work checks. */
    Cancellation cancellation() {
        return cancellation;
    }

    private void stop() {
        cancellation.request();
        try {
            if (!ended.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                System.err.println("ferry: the work did not stop within " + PATIENCE_SECONDS + "s");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
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
