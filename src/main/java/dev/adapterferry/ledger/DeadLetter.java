package dev.adapterferry.ledger;

import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A run that failed for good, kept with everything that is needed to try it again.
 *
 * @param run        the run
 * @param model      the model's name
 * @param stage      stage that failed
 * @param request    what was asked for, JSON
 * @param reason     why it failed, one sentence
 * @param attempts   how often the stage was tried
 * @param stack      stack trace
 * @param time       when it was given up
 * @param replayed   when it was sent again
 * @param replayedAs the run that it was sent again as
 */
public record DeadLetter(String run, String model, Optional<String> stage, String request, String reason, int attempts, Optional<String> stack, Instant time,
        Optional<Instant> replayed, Optional<String> replayedAs) {
    /** The letter as JSON for people, as it stands in {@code failed/}. */
    public String toJson() {
        Map<String, Object> letter = new LinkedHashMap<>();
        letter.put("run", run);
        letter.put("model", model);
        stage.ifPresent(name -> letter.put("stage", name));
        letter.put("time", time);
        letter.put("reason", reason);
        letter.put("attempts", attempts);
        letter.put("request", Json.read(request, Object.class, "the request of run " + run));
        replayed.ifPresent(when -> letter.put("replayed", when));
        replayedAs.ifPresent(again -> letter.put("replayed-as", again));
        stack.ifPresent(trace -> letter.put("stack", trace.lines().toList()));
        return Json.writePretty(letter);
    }
}
