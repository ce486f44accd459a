package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the generation of routes that is live, and replaces it by the next one: rehearse, pause the old ways in, start, and
 * close the old one once its last exchange has ended. Until the next one has started nothing of the old one is lost, so a
 * broken edit changes nothing.
 */
final class RouteKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RouteKeeper.class);
    private static final long IDLE_CHECK_MILLIS = 200;

    private final Templates templates;
    private final List<Thread> closing = new ArrayList<>();
    private volatile RouteGeneration live;

    /** @param templates told which generation is live */
    RouteKeeper(Templates templates) {
        this.templates = templates;
    }

    /** Starts the first generation. */
    synchronized void start(RouteGeneration.Parts parts) {
        live = RouteGeneration.start(parts);
        templates.set(live.template());
    }

    /**
     * Replaces the live generation.
     *
     * @param parts what the next one is made of
     * @throws FerryException when it cannot be built; the live generation then goes on as before
     */
    synchronized void replace(RouteGeneration.Parts parts) {
        RouteGeneration.rehearse(parts);
        RouteGeneration old = live;
        try {
            old.pause();
            live = RouteGeneration.start(parts);
        } catch (RuntimeException e) {
            // What can be built may still fail when it starts: a port that is taken, a schedule that is none.
            old.resume();
            throw e;
        }
        templates.set(live.template());
        closing.removeIf(thread -> !thread.isAlive());
        closing.add(Thread.ofVirtual().name("close-old-routes").start(() -> closeWhenIdle(old)));
    }

    /** Idle twice in a row: between a queue and its consumer an exchange is for a moment in neither. */
    private static void closeWhenIdle(RouteGeneration old) {
        try {
            for (int idle = 0; idle < 2; idle = old.inflight() > 0 ? 0 : idle + 1) {
                Thread.sleep(IDLE_CHECK_MILLIS);
            }
            old.close();
            LOG.info("The old routes have ended their last run and are closed");
        } catch (InterruptedException e) {
            old.close();
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.warn("An old generation of routes did not close cleanly: {}", e.getMessage());
        }
    }

    /** The live generation. */
    RouteGeneration live() {
        return live;
    }

    /**
     * Takes no more work and lets what is under way end, as long as it may.
     *
     * @param patience how long it may
     * @param idle     whether nothing is under way any more
     */
    synchronized void drain(Duration patience, BooleanSupplier idle) {
        if (live == null) {
            return;
        }
        live.pause();
        try {
            for (long end = System.nanoTime() + patience.toNanos(); !idle.getAsBoolean() && System.nanoTime() < end;) {
                Thread.sleep(IDLE_CHECK_MILLIS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Old generations that still carry something. */
    synchronized int retiring() {
        closing.removeIf(thread -> !thread.isAlive());
        return closing.size();
    }

    @Override
    public synchronized void close() {
        List<Thread> old = List.copyOf(closing);
        old.forEach(Thread::interrupt);
        if (live != null) {
            live.close();
        }
        for (Thread thread : old) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
