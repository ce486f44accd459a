package dev.adapterferry.ledger;

import dev.adapterferry.secret.Secret;
import java.time.Duration;
import java.util.Optional;

/**
 * The ledger: one per process, used by all its threads. Opening it makes the tables that are missing.
 */
public final class Ledger implements AutoCloseable {
    private final Database database;
    private final Locks locks;
    private final Events events;

    private Ledger(Database database, Duration lease) {
        this.database = database;
        this.locks = new Locks(database, lease);
        this.events = new Events(database);
    }

    /**
     * Opens a ledger.
     *
     * @param url      {@code jdbc:sqlite:FILE} or {@code jdbc:postgresql://host/database}
     * @param user     login name
     * @param password password
     * @param lease    how long a lock outlives the last sign of life of its owner
     * @throws dev.adapterferry.failure.TransientFailure when the database cannot be reached
     * @throws dev.adapterferry.failure.FerryException   when it is no ledger, or that of a newer ferry
     */
    public static Ledger open(String url, Optional<String> user, Optional<Secret> password, Duration lease) {
        return new Ledger(new Database(url, user, password), lease);
    }

    /** The runs. */
    public Runs runs() {
        return new Runs(database, locks, events);
    }

    /** The stages of the runs. */
    public Stages stages() {
        return new Stages(database);
    }

    /** The releases. */
    public Releases releases() {
        return new Releases(database);
    }

    /** What happened. */
    public Events events() {
        return events;
    }

    /** Adapters that were carried already. */
    public SeenAdapters adapters() {
        return new SeenAdapters(database);
    }

    /** What failed for good. */
    public DeadLetters letters() {
        return new DeadLetters(database);
    }

    /** The locks. */
    public Locks locks() {
        return locks;
    }

    /** Forgetting. */
    public Retention retention() {
        return new Retention(database);
    }

    /** Gives the locks back and closes the connection. */
    @Override
    public void close() {
        locks.close();
        database.close();
    }
}
