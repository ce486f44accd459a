package dev.adapterferry.ledger;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.List;
import java.util.Optional;

/** The dead letters: what failed for good and waits for somebody to send it again. */
public final class DeadLetters {
    private final Database database;

    DeadLetters(Database database) {
        this.database = database;
    }

    /**
     * Keeps a letter.
     *
     * @param stage    stage that failed, or null
     * @param request  what was asked for, JSON
     * @param reason   why it failed, one sentence
     * @param attempts how often the stage was tried
     * @param stack    stack trace, or null
     * @return whether it is new; a second telling of the same failure is not kept
     */
    public boolean add(String run, String model, String stage, String request, String reason, int attempts, String stack) {
        return database.update("INSERT INTO letters (run, model, stage, request, reason, attempts, stack, time) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run) DO NOTHING",
                run, model, stage, request, reason, attempts, stack, Times.now()) == 1;
    }

    /** The letter of a run. */
    public Optional<DeadLetter> find(String run) {
        return database.find("SELECT * FROM letters WHERE run = ?", DeadLetters::letter, run);
    }

    /** The letters that nobody sent again yet, oldest first. */
    public List<DeadLetter> open() {
        return database.list("SELECT * FROM letters WHERE replayed IS NULL ORDER BY time, run", DeadLetters::letter);
    }

    /**
     * Marks a letter as sent again.
     *
     * @return whether this call did it; of several processes, one hears true and sends
     */
    public boolean replay(String run) {
        return database.update("UPDATE letters SET replayed = ? WHERE run = ? AND replayed IS NULL", Times.now(), run) == 1;
    }

    /** Says which run a letter was sent again as. */
    public void replayedAs(String run, String again) {
        database.update("UPDATE letters SET replayed_as = ? WHERE run = ?", again, run);
    }

    private static DeadLetter letter(ResultSet row) throws SQLException {
        return new DeadLetter(row.getString("run"), row.getString("model"), Optional.ofNullable(row.getString("stage")), row.getString("request"), row.getString("reason"),
                row.getInt("attempts"), Optional.ofNullable(row.getString("stack")), Times.get(row, "time"), Times.find(row, "replayed"), Optional.ofNullable(row.getString("replayed_as")));
    }
}
