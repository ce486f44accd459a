package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;
import org.apache.camel.Route;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Holds the generation of routes that is live, and replaces it by the next one: build, pause the old ways in, start, and
 * close the old one once its last exchange has ended. Until the next one has started nothing of the old one is lost, so a
 * broken edit changes nothing.
 */
final class RouteKeeper implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(RouteKeeper.class);
    /** Sources that take part in the passage itself; everything else brings work in from outside and is paused first. */
    private static final Set<String> INNER = Set.of("direct", "seda");

    private final Supplier<RouteGeneration> builder;
    private final Supplier<RouteGeneration> rehearsal;
    private final Templates templates;
    private final List<Thread> closing = new ArrayList<>();
    private RouteGeneration live;

    /**
     * @param builder   starts a generation from the files as they are now
     * @param rehearsal starts one with every way in switched off: proves that the files can be built, touches no port or file
     * @param templates told which generation is live
     */
    RouteKeeper(Supplier<RouteGeneration> builder, Supplier<RouteGeneration> rehearsal, Templates templates) {
        this.builder = builder;
        this.rehearsal = rehearsal;
        this.templates = templates;
    }

    /** Starts the first generation. */
    synchronized void start() {
        live = builder.get();
        templates.set(live.template());
    }

    /**
     * Replaces the live generation.
     *
     * @throws FerryException when the files cannot be built; the live generation then goes on as before
     */
    synchronized void replace() {
        rehearsal.get().close();
        RouteGeneration old = live;
        old.pause(RouteKeeper::bringsWork);
        try {
            live = builder.get();
        } catch (FerryException e) {
            old.resume(RouteKeeper::bringsWork);
            throw e;
        }
        templates.set(live.template());
        closing.removeIf(thread -> !thread.isAlive());
        closing.add(Thread.ofVirtual().name("close-old-routes").start(() -> closeWhenIdle(old)));
    }

    private static void closeWhenIdle(RouteGeneration old) {
        try {
            while (old.inflight() > 0) {
                Thread.sleep(200);
            }
            old.close();
        } catch (InterruptedException e) {
            old.close();
            Thread.currentThread().interrupt();
        } catch (RuntimeException e) {
            LOG.warn("An old generation of routes did not close cleanly: {}", e.getMessage());
        }
    }

    /** The live generation. */
    synchronized RouteGeneration live() {
        return live;
    }

    private static boolean bringsWork(Route route) {
        String uri = route.getEndpoint().getEndpointUri();
        return !INNER.contains(uri.substring(0, Math.max(0, uri.indexOf(':'))));
    }

    @Override
    public synchronized void close() {
        closing.forEach(Thread::interrupt);
        if (live != null) {
            live.close();
        }
    }
}
