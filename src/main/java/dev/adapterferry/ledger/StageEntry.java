package dev.adapterferry.ledger;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * A stage of a run.
 *
 * @param run     the run
 * @param name    the stage
 * @param state   where it stands
 * @param key     hash of its inputs, once known
 * @param attempt 1 for the first attempt
 * @param started when this attempt began
 * @param ended   when it ended
 * @param json    its record, JSON, once done
 * @param error   why it failed, one sentence
 */
public record StageEntry(String run, String name, StageState state, Optional<String> key, int attempt, Instant started, Optional<Instant> ended, Optional<String> json,
        Optional<String> error) {
    /** How long it took, or has taken so far. */
    public Duration duration(Instant now) {
        return Duration.between(started, ended.orElse(now));
    }

    /** Its record, once done. */
    public Optional<StageRecord> record() {
        return json.map(text -> Json.read(text, StageRecord.class, "the record of " + name + " of run " + run));
    }
}
