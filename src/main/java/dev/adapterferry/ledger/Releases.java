package dev.adapterferry.ledger;

import dev.adapterferry.failure.FerryException;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The releases. The files themselves are kept by whoever deploys; here is what is known of them. */
public final class Releases {
    private final Database database;

    Releases(Database database) {
        this.database = database;
    }

    /**
     * A release was installed: it becomes the active one, and the one before it retired. Telling it again changes nothing more.
     *
     * @param number   number of the release, as the kept files have it
     * @param files    what was installed
     * @param settings settings it was made with, JSON
     * @param adapter  identity of the adapter, or null
     * @param base     identity of the base, or null
     * @param run      run that made it, or null
     */
    public ReleaseEntry installed(String model, int number, List<ReleaseEntry.File> files, String settings, String adapter, String base, String run) {
        return database.together(() -> {
            String now = Times.now();
            database.update("UPDATE releases SET state = 'retired', changed = ? WHERE model = ? AND state = 'active' AND number <> ?", now, model, number);
            database.update("INSERT INTO releases (model, number, state, files, settings, adapter, base, run, created, changed) VALUES (?, ?, 'active', ?, ?, ?, ?, ?, ?, ?)"
                    + " ON CONFLICT (model, number) DO UPDATE SET state = 'active', files = excluded.files, settings = excluded.settings, adapter = excluded.adapter,"
                    + " base = excluded.base, run = excluded.run, changed = excluded.changed", model, number, Json.write(files), settings, adapter, base, run, now, now);
            return get(model, number);
        });
    }

    /**
     * The active release was taken back.
     *
     * @param from   release that did not hold
     * @param reason {@link ReleaseState#FAILED} when it never held, {@link ReleaseState#ROLLED_BACK} when somebody chose so
     * @param to     release that answers again; 0 when there is none
     */
    public void tookBack(String model, int from, ReleaseState reason, int to) {
        if (reason != ReleaseState.FAILED && reason != ReleaseState.ROLLED_BACK) {
            throw new IllegalArgumentException(reason + " is no reason to take a release back");
        }
        database.together(() -> {
            String now = Times.now();
            database.update("UPDATE releases SET state = ?, changed = ? WHERE model = ? AND number = ?", reason.text(), now, model, from);
            database.update("UPDATE releases SET state = 'retired', changed = ? WHERE model = ? AND state = 'active' AND number <> ?", now, model, to);
            return database.update("UPDATE releases SET state = 'active', changed = ? WHERE model = ? AND number = ?", now, model, to);
        });
    }

    /** Writes down the result of an evaluation, JSON. */
    public void scored(String model, int number, String scores) {
        database.update("UPDATE releases SET scores = ?, changed = ? WHERE model = ? AND number = ?", scores, Times.now(), model, number);
    }

    /** The release of a model that answers. */
    public Optional<ReleaseEntry> active(String model) {
        return database.find("SELECT * FROM releases WHERE model = ? AND state = 'active'", Releases::entry, model);
    }

    /** The releases of all models that answer. */
    public List<ReleaseEntry> active() {
        return database.list("SELECT * FROM releases WHERE state = 'active' ORDER BY model", Releases::entry);
    }

    /** All releases of a model, newest first. */
    public List<ReleaseEntry> of(String model) {
        return database.list("SELECT * FROM releases WHERE model = ? ORDER BY number DESC", Releases::entry, model);
    }

    /**
     * One release.
     *
     * @throws FerryException when there is none of that number
     */
    public ReleaseEntry get(String model, int number) {
        return database.find("SELECT * FROM releases WHERE model = ? AND number = ?", Releases::entry, model, number).orElseThrow(() -> new FerryException(
                "There is no release " + number + " of " + model + " in the ledger. 'ferry releases " + model + "' lists them."));
    }

    private static ReleaseEntry entry(ResultSet row) throws SQLException {
        String where = "the files of release " + row.getInt("number") + " of " + row.getString("model");
        return new ReleaseEntry(row.getString("model"), row.getInt("number"), ReleaseState.of(row.getString("state")),
                Arrays.asList(Json.read(row.getString("files"), ReleaseEntry.File[].class, where)), row.getString("settings"), Optional.ofNullable(row.getString("adapter")),
                Optional.ofNullable(row.getString("base")), Optional.ofNullable(row.getString("scores")), Optional.ofNullable(row.getString("run")),
                Times.get(row, "created"), Times.get(row, "changed"));
    }
}
