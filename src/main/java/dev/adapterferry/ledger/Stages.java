package dev.adapterferry.ledger;

import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/** The stages of the runs, and the memory of what was done already. */
public final class Stages {
    private final Database database;

    Stages(Database database) {
        this.database = database;
    }

    /**
     * A stage begins, for the first time or again.
     *
     * @return the attempt, 1 for the first
     */
    public int begin(String run, String stage) {
        return database.together(() -> {
            database.update("INSERT INTO stages (run, name, state, attempt, started) VALUES (?, ?, 'running', 1, ?) ON CONFLICT (run, name) DO UPDATE SET state = 'running',"
                    + " attempt = stages.attempt + 1, started = excluded.started, ended = NULL, error = NULL, record = NULL, stage_key = NULL", run, stage, Times.now());
            return database.find("SELECT attempt FROM stages WHERE run = ? AND name = ?", row -> row.getInt("attempt"), run, stage).orElseThrow();
        });
    }

    /** A stage is done: its record goes into the run's folder first, then into the ledger. */
    public void done(String run, Path folder, StageRecord record) {
        record.writeTo(folder);
        end(run, record.stage(), StageState.DONE, record.key(), record.toJson(), null);
    }

    /** A stage need not be done: an earlier run's record holds for this one too. */
    public void skipped(String run, Path folder, StageRecord earlier) {
        earlier.writeTo(folder);
        end(run, earlier.stage(), StageState.SKIPPED, earlier.key(), earlier.toJson(), null);
    }

    /** A stage was not asked for. */
    public void leftOut(String run, String stage) {
        end(run, stage, StageState.SKIPPED, null, null, null);
    }

    /** A stage failed. */
    public void failed(String run, String stage, String error) {
        end(run, stage, StageState.FAILED, null, null, error);
    }

    /** A stage was stopped. */
    public void cancelled(String run, String stage) {
        end(run, stage, StageState.CANCELLED, null, null, null);
    }

    private void end(String run, String stage, StageState state, String key, String record, String error) {
        String now = Times.now();
        database.update("INSERT INTO stages (run, name, state, stage_key, attempt, started, ended, record, error) VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?) ON CONFLICT (run, name) DO UPDATE"
                + " SET state = excluded.state, stage_key = excluded.stage_key, ended = excluded.ended, record = excluded.record, error = excluded.error",
                run, stage, state.text(), key, now, now, record, error);
    }

    /** The stages of a run, in the order in which they began. */
    public List<StageEntry> of(String run) {
        return database.list("SELECT * FROM stages WHERE run = ? ORDER BY started, name", Stages::entry, run);
    }

    /** One stage of a run. */
    public Optional<StageEntry> find(String run, String stage) {
        return database.find("SELECT * FROM stages WHERE run = ? AND name = ?", Stages::entry, run, stage);
    }

    /**
     * The newest record of a stage that was done with the same key and whose files are all still what they were.
     *
     * @param stage name of the stage
     * @param key   see {@link StageKey}
     */
    public Optional<StageRecord> known(String stage, String key) {
        return database.list("SELECT * FROM stages WHERE name = ? AND stage_key = ? AND state = 'done' ORDER BY ended DESC", Stages::entry, stage, key).stream()
                .flatMap(entry -> entry.record().stream()).filter(StageRecord::holds).findFirst();
    }

    private static StageEntry entry(ResultSet row) throws SQLException {
        return new StageEntry(row.getString("run"), row.getString("name"), StageState.of(row.getString("state")), Optional.ofNullable(row.getString("stage_key")),
                row.getInt("attempt"), Times.get(row, "started"), Times.find(row, "ended"), Optional.ofNullable(row.getString("record")), Optional.ofNullable(row.getString("error")));
    }
}
