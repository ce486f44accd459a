package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * The runs. A run is opened as queued, claimed by one process, and ended once; each of these is one statement that holds
 * across processes. Of a ledger that several machines share, each carries only the runs that were opened on it: requests name its
 * folders.
 */
public final class Runs {
    /** A run that took its process with it this often is not taken up again. */
    static final int MOST_RESUMED = 3;

    private static final DateTimeFormatter ID_TIME = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

    private final Database database;
    private final Locks locks;
    private final Events events;
    private final String here;

    Runs(Database database, Locks locks, Events events) {
        this.database = database;
        this.locks = locks;
        this.events = events;
        this.here = database.dialect().isShared() ? "host = ?" : "? <> ''";
    }

    /**
     * What opening a run came to.
     *
     * @param run    the run
     * @param joined whether it was there already
     */
    public record Opened(Run run, boolean joined) { }

    /**
     * A run together with the lock on its model.
     *
     * @param run   the run, now running
     * @param lease the lock; to be closed when the run has ended
     */
    public record Claimed(Run run, Lease lease) { }

    /**
     * Asks for a run. When an open run of the model asks for the same already, that one is joined.
     *
     * @param model   the model's name
     * @param trigger what starts it
     * @param request what is asked for, JSON
     * @param asked   what is asked for without who asks: two open runs of a model never have the same
     * @param folder  the folder of all runs; the run's own is made under it by whoever writes there
     */
    public Opened open(String model, String trigger, String request, String asked, Path folder) {
        Owner self = Owner.self();
        for (int attempt = 0; attempt < 20; attempt++) {
            Instant now = Instant.now();
            String id = ID_TIME.format(now) + "-" + model + "-" + String.format("%04x", ThreadLocalRandom.current().nextInt(0x10000));
            int rows = database.update("INSERT INTO runs (id, model, state, started_by, request, asked, created, folder, host) VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?)"
                    + " ON CONFLICT DO NOTHING", id, model, trigger, request, asked, Times.text(now), folder.resolve(id).toString(), self.host());
            if (rows == 1) {
                return new Opened(get(id), false);
            }
            Optional<Run> open = database.find("SELECT * FROM runs WHERE model = ? AND asked = ? AND state IN ('queued', 'running')", Runs::run, model, asked);
            if (open.isPresent()) {
                return new Opened(open.get(), true);
            }
            // The id was taken, or the open run ended in between: try again.
        }
        throw new FerryException("Cannot open a run of " + model + ": no free run id was found. Try again.");
    }

    /** One run. */
    public Optional<Run> find(String id) {
        return database.find("SELECT * FROM runs WHERE id = ?", Runs::run, id);
    }

    /**
     * One run by its id or by an unmistakable end or beginning of it.
     *
     * @throws FerryException when there is none, or when there are several
     */
    public Run get(String id) {
        Optional<Run> exact = find(id);
        if (exact.isPresent()) {
            return exact.get();
        }
        String like = id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_");
        List<Run> near = id.isBlank() ? List.of()
                : database.list("SELECT * FROM runs WHERE id LIKE ? ESCAPE '\\' OR id LIKE ? ESCAPE '\\' ORDER BY seq DESC", Runs::run, like + "%", "%" + like);
        return switch (near.size()) {
            case 1 -> near.getFirst();
            case 0 -> throw new FerryException("There is no run '" + id + "' in the ledger. 'ferry runs' lists them.");
            default -> throw new FerryException("'" + id + "' could be " + near.size() + " runs: " + String.join(", ", near.stream().limit(5).map(Run::id).toList()) + ". Give more of the id.");
        };
    }

    /** The newest runs, newest first. */
    public List<Run> newest(int limit) {
        return database.list("SELECT * FROM runs ORDER BY seq DESC LIMIT ?", Runs::run, limit);
    }

    /** The newest runs of a model, newest first. */
    public List<Run> of(String model, int limit) {
        return database.list("SELECT * FROM runs WHERE model = ? ORDER BY seq DESC LIMIT ?", Runs::run, model, limit);
    }

    /** All runs in a state, oldest first. */
    public List<Run> in(RunState state) {
        return database.list("SELECT * FROM runs WHERE state = ? ORDER BY seq", Runs::run, state.text());
    }

    /** How many runs wait. */
    public int queued() {
        return database.find("SELECT COUNT(*) AS n FROM runs WHERE state = 'queued'", row -> row.getInt("n")).orElse(0);
    }

    /**
     * Takes the oldest waiting run whose model nobody carries, and makes it running.
     *
     * @param cancellation stops the run's work when somebody asks for it through the ledger, or when the lock is lost
     */
    public Optional<Claimed> next(Cancellation cancellation) {
        List<String> waiting = database.list("SELECT MIN(seq) AS first, model FROM runs WHERE state = 'queued' AND " + here
                + " AND model NOT IN (SELECT model FROM runs WHERE state = 'running') GROUP BY model ORDER BY first", row -> row.getString("model"), Owner.self().host());
        for (String model : waiting) {
            Optional<Run> oldest = database.find("SELECT * FROM runs WHERE state = 'queued' AND " + here + " AND model = ? ORDER BY seq LIMIT 1", Runs::run, Owner.self().host(), model);
            Optional<Claimed> claimed = oldest.flatMap(run -> claim(run.id(), cancellation));
            if (claimed.isPresent()) {
                return claimed;
            }
        }
        return Optional.empty();
    }

    /**
     * Makes a waiting run running, under the lock of its model.
     *
     * @return empty when another process carries the model or took the run
     */
    public Optional<Claimed> claim(String id, Cancellation cancellation) {
        Run run = get(id);
        Optional<Lease> lease = locks.tryAcquire(lock(run.model()), run.id(), cancellation);
        if (lease.isEmpty()) {
            return Optional.empty();
        }
        int rows = database.update("UPDATE runs SET state = 'running', owner = ?, started = COALESCE(started, ?) WHERE id = ? AND state = 'queued'",
                Owner.self().toString(), Times.now(), run.id());
        if (rows == 0) {
            lease.get().close();
            return Optional.empty();
        }
        return Optional.of(new Claimed(get(run.id()), lease.get()));
    }

    /** The lock under which a model is carried. */
    public static String lock(String model) {
        return "model " + model;
    }

    /**
     * Ends a run that this process carries, or one that nobody carries. Ending it again changes nothing, nor does it when the run
     * was taken over by another process in between.
     *
     * @param state one of the end states
     * @param error why it failed, or null
     * @return whether this call ended it
     */
    public boolean end(String id, RunState state, String error) {
        if (!state.isEnd()) {
            throw new IllegalArgumentException(state + " is no end");
        }
        return database.update("UPDATE runs SET state = ?, ended = ?, error = ?, owner = NULL WHERE id = ? AND (state = 'queued' OR state = 'running' AND owner = ?)",
                state.text(), Times.now(), error, id, Owner.self().toString()) == 1;
    }

    /**
     * Asks a run to stop: one that waits ends at once, one that is carried is told within a second.
     *
     * @return whether there was anything to stop
     */
    public boolean cancel(String id) {
        return database.together(() -> {
            int waiting = database.update("UPDATE runs SET state = 'cancelled', ended = ?, cancelled = 1 WHERE id = ? AND state = 'queued'", Times.now(), id);
            return waiting + database.update("UPDATE runs SET cancelled = 1 WHERE id = ? AND state = 'running'", id) > 0;
        });
    }

    /** Puts a run back into the queue, as a shutdown does with what it could not finish. */
    public boolean park(String id) {
        return database.update("UPDATE runs SET state = 'queued', owner = NULL WHERE id = ? AND state = 'running' AND owner = ?", id, Owner.self().toString()) == 1;
    }

    /**
     * Puts runs whose process has died, or has not stirred for two leases, back into the queue; they go on where
     * they were, since finished stages are known by their keys. A run that brought its process down several times is ended instead.
     *
     * @return the runs found, as they stand now
     */
    public List<Run> recover() {
        List<Run> found = new ArrayList<>();
        for (Orphan orphan : database.list("SELECT runs.*, locks.expires - " + database.dialect().now + " AS left_over FROM runs"
                + " LEFT JOIN locks ON locks.name = 'model ' || runs.model AND locks.run = runs.id WHERE state = 'running' AND " + here + " ORDER BY seq",
                row -> new Orphan(run(row), row.getString("owner"), row.getObject("left_over") == null ? Long.MIN_VALUE : row.getLong("left_over")), Owner.self().host())) {
            if (!Owner.parse(orphan.owner()).isDead() && orphan.leftOver() > -locks.lease().toMillis()) {
                continue;
            }
            Run run = orphan.run();
            boolean stopped = run.cancelRequested();
            boolean hopeless = run.resumed() >= MOST_RESUMED;
            String error = stopped ? null : hopeless ? "The ferry's process died " + (MOST_RESUMED + 1) + " times while carrying this run, last as process "
                    + Owner.parse(orphan.owner()).pid() + ". See its log; 'ferry retry " + run.id() + "' tries again." : null;
            String state = stopped ? "cancelled" : hopeless ? "failed" : "queued";
            int rows = database.update("UPDATE runs SET state = ?, owner = NULL, resumed = resumed + 1, error = ?, ended = ? WHERE id = ? AND state = 'running' AND owner = ?",
                    state, error, state.equals("queued") ? null : Times.now(), run.id(), orphan.owner());
            if (rows == 1) {
                events.add(run.id(), run.model(), "recovered", "The process that carried the run had died; the run is now " + state + ".", null);
                found.add(get(run.id()));
            }
        }
        return found;
    }

    /** A running run, its owner, and the milliseconds until its lock ends. */
    private record Orphan(Run run, String owner, long leftOver) { }

    private static Run run(ResultSet row) throws SQLException {
        return new Run(row.getString("id"), row.getString("model"), RunState.of(row.getString("state")), row.getString("started_by"), row.getString("request"),
                Times.get(row, "created"), Times.find(row, "started"), Times.find(row, "ended"), Optional.ofNullable(row.getString("error")), Path.of(row.getString("folder")),
                row.getString("host"), row.getInt("resumed"), row.getInt("cancelled") != 0);
    }
}
