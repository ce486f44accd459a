package dev.adapterferry.ledger;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Locks by name, between threads, processes and machines. A lock is a row with an end; its owner moves the end on while it
 * lives. Another process takes the lock when the end has passed, or at once when the owner ran on the same machine and is dead.
 */
public final class Locks implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Locks.class);
    private static final Duration POLL = Duration.ofMillis(500);
    /** Between two attempts of one who waits. */
    private static final Duration INTERVAL = Duration.ofMillis(100);

    private final Database database;
    private final Duration lease;
    private final Set<Lease> held = ConcurrentHashMap.newKeySet();
    private ScheduledExecutorService keeper;
    private boolean troubled;

    Locks(Database database, Duration lease) {
        this.database = database;
        this.lease = lease;
    }

    /**
     * Who holds a lock.
     *
     * @param name  name of the lock
     * @param host  machine
     * @param pid   process
     * @param run   run for which it is held
     * @param since when it was taken
     */
    public record Holder(String name, String host, long pid, Optional<String> run, Instant since) {
        @Override
        public String toString() {
            return "process " + pid + " on " + host + run.map(id -> " (run " + id + ")").orElse("");
        }
    }

    private record Row(String token, Owner owner, Holder holder) { }

    /**
     * Takes a lock if it is free.
     *
     * @param name         name of the lock
     * @param run          run for which it is taken, or null; when somebody cancels that run, the cancellation is requested
     * @param cancellation requested as well when the lock is lost
     * @return the lease, or empty when another holds the lock
     */
    public Optional<Lease> tryAcquire(String name, String run, Cancellation cancellation) {
        String token = UUID.randomUUID().toString();
        String end = database.dialect().now + " + " + lease.toMillis();
        int rows = database.update("INSERT INTO locks (name, token, owner, run, acquired, expires) VALUES (?, ?, ?, ?, ?, " + end + ")"
                + " ON CONFLICT (name) DO UPDATE SET token = excluded.token, owner = excluded.owner, run = excluded.run, acquired = excluded.acquired, expires = excluded.expires"
                + " WHERE locks.expires < " + database.dialect().now, name, token, Owner.self().toString(), run, Times.now());
        if (rows == 0) {
            Optional<Row> row = row(name);
            if (row.isEmpty()) {
                return tryAcquire(name, run, cancellation);
            }
            if (!row.get().owner().isDead()) {
                return Optional.empty();
            }
            // The old token in the condition: of several processes that see the dead owner, one wins.
            rows = database.update("UPDATE locks SET token = ?, owner = ?, run = ?, acquired = ?, expires = " + end + " WHERE name = ? AND token = ?",
                    token, Owner.self().toString(), run, Times.now(), name, row.get().token());
            if (rows == 0) {
                return Optional.empty();
            }
            LOG.info("Took the lock on '{}' over from {}, which has died", name, row.get().holder());
        }
        Lease taken = new Lease(this, name, token, run, cancellation);
        held.add(taken);
        keepAlive();
        return Optional.of(taken);
    }

    /**
     * Takes a lock, waiting for it.
     *
     * @param patience how long to wait
     * @throws TransientFailure when another process held it all the time; says which
     * @throws dev.adapterferry.failure.Cancelled when a stop is requested meanwhile
     */
    public Lease acquire(String name, String run, Duration patience, Cancellation cancellation) {
        long end = System.nanoTime() + patience.toNanos();
        while (true) {
            Optional<Lease> taken = tryAcquire(name, run, cancellation);
            if (taken.isPresent()) {
                return taken.get();
            }
            if (System.nanoTime() >= end) {
                throw new TransientFailure("Waited " + patience.toSeconds() + " s for the lock on '" + name + "'; it is held by " + holder(name).map(Holder::toString).orElse("nobody any more") + ".");
            }
            cancellation.pause("wait for the lock on '" + name + "'", INTERVAL);
        }
    }

    /** How long a lock outlives the last sign of life of its owner. */
    Duration lease() {
        return lease;
    }

    /** Who holds a lock; a holder that is dead or late is none. */
    public Optional<Holder> holder(String name) {
        return database.find("SELECT * FROM locks WHERE name = ? AND expires >= " + database.dialect().now, Locks::row, name)
                .filter(row -> !row.owner().isDead()).map(Row::holder);
    }

    private Optional<Row> row(String name) {
        return database.find("SELECT * FROM locks WHERE name = ?", Locks::row, name);
    }

    void release(Lease lease) {
        held.remove(lease);
        database.update("DELETE FROM locks WHERE name = ? AND token = ?", lease.name(), lease.token());
    }

    private synchronized void keepAlive() {
        if (keeper == null) {
            keeper = Executors.newSingleThreadScheduledExecutor(work -> Thread.ofPlatform().daemon().name("ledger-leases").unstarted(work));
            long beat = Math.min(POLL.toMillis(), lease.toMillis() / 3);
            keeper.scheduleWithFixedDelay(this::beat, beat, beat, TimeUnit.MILLISECONDS);
        }
    }

    /** Nothing may escape: it would end the beat, and with it every lease. */
    private void beat() {
        for (Lease lease : held) {
            try {
                beat(lease);
                troubled = false;
            } catch (RuntimeException e) {
                if (!troubled) {
                    LOG.warn("Cannot keep the lock on '{}' alive, trying again: {}", lease.name(), e.getMessage());
                }
                troubled = true;
            }
        }
    }

    private void beat(Lease taken) {
        // Written only when a third of the lease has gone, so that watching for cancellations costs reads alone.
        boolean ours = database.find("SELECT expires - " + database.dialect().now + " AS left_over FROM locks WHERE name = ? AND token = ?",
                row -> row.getLong("left_over"), taken.name(), taken.token())
                .map(left -> left > lease.toMillis() * 2 / 3 || database.update("UPDATE locks SET expires = " + database.dialect().now + " + " + lease.toMillis()
                        + " WHERE name = ? AND token = ?", taken.name(), taken.token()) == 1).orElse(false);
        if (!ours && held.contains(taken)) {
            LOG.warn("The lock on '{}' was taken over by another process", taken.name());
            held.remove(taken);
            taken.lose();
        } else if (taken.run() != null && !taken.cancellation().isRequested()
                && database.find("SELECT cancelled FROM runs WHERE id = ? AND cancelled = 1", row -> true, taken.run()).isPresent()) {
            taken.cancellation().request();
        }
    }

    /** Gives every lock back. */
    @Override
    public synchronized void close() {
        if (keeper != null) {
            keeper.shutdownNow();
        }
        Set.copyOf(held).forEach(Lease::close);
    }

    private static Row row(ResultSet row) throws SQLException {
        Owner owner = Owner.parse(row.getString("owner"));
        return new Row(row.getString("token"), owner, new Holder(row.getString("name"), owner.host(), owner.pid(), Optional.ofNullable(row.getString("run")), Times.get(row, "acquired")));
    }
}
