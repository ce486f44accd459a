package dev.adapterferry.ledger;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/** What happened, in order. Readers follow by the last id they saw. */
public final class Events {
    private final Database database;

    Events(Database database) {
        this.database = database;
    }

    /**
     * Writes down that something happened.
     *
     * @param run   the run concerned, or null
     * @param model the model concerned, or null
     * @param kind  what kind of thing, one word
     * @param text  one sentence
     * @param data  JSON for machines, or null
     */
    public void add(String run, String model, String kind, String text, String data) {
        database.update("INSERT INTO events (run, model, time, kind, text, data) VALUES (?, ?, ?, ?, ?, ?)", run, model, Times.now(), kind, text, data);
    }

    /** Events of a run after an id (0 for all), oldest first. */
    public List<Event> of(String run, long after, int limit) {
        return database.list("SELECT * FROM events WHERE run = ? AND id > ? ORDER BY id LIMIT ?", Events::event, run, after, limit);
    }

    /** All events after an id (0 for all), oldest first. */
    public List<Event> after(long id, int limit) {
        return database.list("SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", Events::event, id, limit);
    }

    /** The newest event of a kind about a model. */
    public Optional<Event> last(String model, String kind) {
        return database.find("SELECT * FROM events WHERE model = ? AND kind = ? ORDER BY id DESC LIMIT 1", Events::event, model, kind);
    }

    /** The newest event's id, 0 when there is none. */
    public long last() {
        return database.find("SELECT COALESCE(MAX(id), 0) AS last FROM events", row -> row.getLong("last")).orElse(0L);
    }

    private static Event event(ResultSet row) throws SQLException {
        return new Event(row.getLong("id"), Optional.ofNullable(row.getString("run")), Optional.ofNullable(row.getString("model")), Times.get(row, "time"),
                row.getString("kind"), row.getString("text"), Optional.ofNullable(row.getString("data")));
    }
}
