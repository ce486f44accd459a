package dev.adapterferry.ledger;

import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * One passage of one model.
 *
 * @param id              sorts by time: {@code 20261123-235900-majora-4f2c}
 * @param model           the model's name
 * @param state           where it stands
 * @param trigger         what started it: {@code command}, {@code inbox}, {@code schedule}, {@code api}, {@code retry}
 * @param request         what was asked for, JSON
 * @param created         when it was asked for
 * @param started         when it was first carried
 * @param ended           when it came to its end
 * @param error           why it failed, one sentence
 * @param folder          its folder
 * @param host            machine that carries it
 * @param resumed         how often it was taken up again after its process had died
 * @param cancelRequested whether somebody asked it to stop
 */
public record Run(String id, String model, RunState state, String trigger, String request, Instant created, Optional<Instant> started, Optional<Instant> ended,
        Optional<String> error, Path folder, String host, int resumed, boolean cancelRequested) {
    /** How long it took, or has taken so far. */
    public Duration duration(Instant now) {
        return started.map(start -> Duration.between(start, ended.orElse(now))).orElse(Duration.ZERO);
    }
}
