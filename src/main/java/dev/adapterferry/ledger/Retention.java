package dev.adapterferry.ledger;

import java.nio.file.Path;
import java.time.Instant;
import java.util.List;

/** Forgets what is old. Rows go; the folders of forgotten runs are named, for whoever deletes files. */
public final class Retention {
    private final Database database;

    Retention(Database database) {
        this.database = database;
    }

    /**
     * Forgets runs that ended long ago, with their stages and events. A run whose letter still waits stays, as does one that made
     * a release which is active or can be restored.
     *
     * @param before end of what is forgotten
     * @return folders of the forgotten runs
     */
    public List<Path> forgetRuns(Instant before) {
        return database.together(() -> {
            String old = "SELECT id FROM runs WHERE ended < ? AND id NOT IN (SELECT run FROM letters WHERE replayed IS NULL)"
                    + " AND id NOT IN (SELECT run FROM releases WHERE state IN ('active', 'retired') AND run IS NOT NULL)";
            String time = Times.text(before);
            List<Path> folders = database.list("SELECT folder FROM runs WHERE id IN (" + old + ")", row -> Path.of(row.getString("folder")), time);
            for (String table : List.of("stages", "events", "letters")) {
                database.update("DELETE FROM " + table + " WHERE run IN (" + old + ")", time);
            }
            database.update("DELETE FROM runs WHERE id IN (" + old + ")", time);
            database.update("DELETE FROM events WHERE run IS NULL AND time < ?", time);
            return folders;
        });
    }

    /**
     * Forgets releases that are neither active nor restorable any more.
     *
     * @param before time of their last change
     * @return how many
     */
    public int forgetReleases(Instant before) {
        return database.update("DELETE FROM releases WHERE state <> 'active' AND changed < ?", Times.text(before));
    }

    /**
     * Forgets dead letters.
     *
     * @param before time when they were given up
     * @return runs whose letters were forgotten
     */
    public List<String> forgetLetters(Instant before) {
        return database.together(() -> {
            List<String> runs = database.list("SELECT run FROM letters WHERE time < ?", row -> row.getString("run"), Times.text(before));
            database.update("DELETE FROM letters WHERE time < ?", Times.text(before));
            return runs;
        });
    }
}
