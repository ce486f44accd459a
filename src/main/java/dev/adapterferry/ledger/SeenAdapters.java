package dev.adapterferry.ledger;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/** Which adapters were carried already: by content, since names are used again. */
public final class SeenAdapters {
    private final Database database;

    SeenAdapters(Database database) {
        this.database = database;
    }

    /**
     * Remembers an adapter.
     *
     * @param hash     identity: a hash over its files
     * @param instance where it came from, or null
     * @param path     folder there, or null
     * @param run      run that carries it, or null
     * @return whether it is new for this model; of several processes that tell it, one hears true
     */
    public boolean add(String hash, String model, String instance, String path, String run) {
        return database.update("INSERT INTO adapters (hash, model, instance, path, run, time) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (hash, model) DO NOTHING",
                hash, model, instance, path, run, Times.now()) == 1;
    }

    /** An adapter of a model by its identity. */
    public Optional<SeenAdapter> find(String hash, String model) {
        return database.find("SELECT * FROM adapters WHERE hash = ? AND model = ?", SeenAdapters::adapter, hash, model);
    }

    /** The adapters of a model, newest first. */
    public List<SeenAdapter> of(String model) {
        return database.list("SELECT * FROM adapters WHERE model = ? ORDER BY time DESC, hash", SeenAdapters::adapter, model);
    }

    /** Forgets an adapter, so that the schedule takes it up again. */
    public boolean forget(String hash, String model) {
        return database.update("DELETE FROM adapters WHERE hash = ? AND model = ?", hash, model) == 1;
    }

    private static SeenAdapter adapter(ResultSet row) throws SQLException {
        return new SeenAdapter(row.getString("hash"), row.getString("model"), Optional.ofNullable(row.getString("instance")), Optional.ofNullable(row.getString("path")),
                Optional.ofNullable(row.getString("run")), Times.get(row, "time"));
    }
}
