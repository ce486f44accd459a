package dev.adapterferry.serve;

import dev.adapterferry.failure.FerryException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A server in a process of its own that is started again when it dies, at the same address. A server that dies while it loads is
 * not tried again: it would die the same way. One that dies for the third time within ten minutes is given up. Thread-safe.
 */
public final class SupervisedServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(SupervisedServer.class);
    private static final int MOST_DEATHS = 3;
    private static final Duration WINDOW = Duration.ofMinutes(10);

    private final List<ServedModel> models;
    private final Duration patience;
    private final Path crashes;
    private final ServerOptions options;
    private final CountDownLatch over = new CountDownLatch(1);
    private final List<Long> deathTimes = new ArrayList<>();
    private ServerProcess process;
    private boolean closed;
    private String lastDeath;
    private FerryException end;

    private SupervisedServer(ServerOptions options, List<ServedModel> models, Duration patience, Path crashes, ServerProcess process) {
        // Whatever port the first one got, its followers take it as well, so that clients find them.
        this.options = new ServerOptions(options.host(), process.address().getPort(), options.token(), options.threads(), options.gpuLayers(), options.maxLoaded());
        this.models = models;
        this.patience = patience;
        this.crashes = crashes;
        watch(process);
    }

    /**
     * Starts a server and waits until its models are loaded.
     *
     * @param options  how to listen and compute; port 0 takes a free one
     * @param models   what to serve; as many as may be in memory are loaded at once
     * @param patience for loading
     * @param crashes  folder for crash reports
     * @throws FerryException when it cannot serve them, or dies: with the signal
     */
    public static SupervisedServer start(ServerOptions options, List<ServedModel> models, Duration patience, Path crashes) {
        return new SupervisedServer(options, List.copyOf(models), patience, crashes, ServerProcess.start(options, models, patience, crashes));
    }

    private synchronized void watch(ServerProcess started) {
        process = started;
        started.onExit().thenRunAsync(() -> died(started), work -> Thread.ofVirtual().name("server-restart").start(work));
    }

    private void died(ServerProcess dead) {
        String death = death(dead);
        synchronized (this) {
            if (closed) {
                return;
            }
            lastDeath = death;
            long now = System.nanoTime();
            deathTimes.removeIf(time -> now - time > WINDOW.toNanos());
            deathTimes.add(now);
            if (deathTimes.size() >= MOST_DEATHS) {
                giveUp(new FerryException(lastDeath + ", the " + deathTimes.size() + ". time within " + WINDOW.toMinutes() + " minutes. It is not started again."));
                return;
            }
        }
        LOG.warn("{}; it is started again", lastDeath);
        try {
            ServerProcess next = ServerProcess.start(options, models, patience, crashes);
            synchronized (this) {
                if (!closed) {
                    watch(next);
                    return;
                }
            }
            next.close();
        } catch (FerryException e) {
            giveUp(e);
        }
    }

    private synchronized void giveUp(FerryException reason) {
        LOG.error("{}", reason.getMessage());
        end = reason;
        over.countDown();
    }

    private String names() {
        return String.join(", ", models.stream().map(ServedModel::name).toList());
    }

    /** Where it listens; the same after a restart. */
    public synchronized URI address() {
        return URI.create("http://" + process.address().getAuthority());
    }

    /** Process id of the server that runs now. */
    public synchronized long pid() {
        return process.pid();
    }

    /** The last death in one sentence without a full stop, or null when there was none. */
    public String lastDeath() {
        ServerProcess last;
        synchronized (this) {
            if (lastDeath != null || closed) {
                return lastDeath;
            }
            last = process;
        }
        // Whoever finds the connection broken asks before the watch has been told.
        return last.isAlive() ? null : death(last);
    }

    private String death(ServerProcess dead) {
        return "The server of " + names() + " " + dead.cause();
    }

    /**
     * Whether it still serves or will do so in a moment.
     *
     * @throws FerryException when it was given up; says why
     */
    public synchronized void check() {
        if (end != null) {
            throw new FerryException(end.getMessage(), end);
        }
    }

    /**
     * Waits until it is closed or given up.
     *
     * @throws FerryException when it was given up
     */
    public void await() throws InterruptedException {
        over.await();
        check();
    }

    @Override
    public void close() {
        ServerProcess last;
        synchronized (this) {
            closed = true;
            last = process;
        }
        last.close();
        over.countDown();
    }
}
