package dev.adapterferry.alert;

import dev.adapterferry.secret.Redaction;
import dev.adapterferry.settings.AlertSettings.Event;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/**
 * One thing that people are told.
 *
 * @param kind  what happened
 * @param model the model concerned, if any
 * @param run   id of the run concerned, if any
 * @param facts what is worth telling, by name: texts and numbers, or maps of them; texts are redacted
 * @param time  when it happened
 */
public record Alert(Event kind, Optional<String> model, Optional<String> run, Map<String, Object> facts, Instant time) {
    /** Redacts the facts and keeps their order. */
    public Alert {
        Map<String, Object> clean = new LinkedHashMap<>();
        facts.forEach((name, value) -> clean.put(name, value instanceof String text ? oneLine(Redaction.redact(text)) : value));
        facts = Collections.unmodifiableMap(clean);
    }

    /** A run began. */
    public static Alert started(String model, String run, String trigger) {
        return of(Event.STARTED, model, run).with("trigger", trigger);
    }

    /**
     * A run ended well.
     *
     * @param release number of the release, or 0 when none was made
     * @param sizes   bytes per format, in the order of the formats
     * @param took    from its start to its end
     * @param score   quality of the release, 0 to 1
     * @param before  quality of the release before it
     */
    public static Alert finished(String model, String run, int release, Map<String, Long> sizes, Duration took, OptionalDouble score, OptionalDouble before) {
        Alert alert = of(Event.FINISHED, model, run).with("seconds", took.toSeconds());
        alert = release > 0 ? alert.with("release", release) : alert;
        alert = sizes.isEmpty() ? alert : alert.with("bytes", Collections.unmodifiableMap(new LinkedHashMap<>(sizes)));
        alert = score.isPresent() ? alert.with("score", score.getAsDouble()) : alert;
        return before.isPresent() ? alert.with("score-before", before.getAsDouble()) : alert;
    }

    /** The same with how many seconds each stage took. */
    public Alert lasting(Map<String, Long> stages) {
        return stages.isEmpty() ? this : with("stage-seconds", Collections.unmodifiableMap(new LinkedHashMap<>(stages)));
    }

    /** The same with what the run chose to leave in use, and why, in words. */
    public Alert choosing(String choice) {
        return with("choice", choice);
    }

    /** A run failed for good; the reason is the failure's own sentence. */
    public static Alert failed(String model, String run, String stage, String reason) {
        Alert alert = of(Event.FAILED, model, run);
        return (stage == null ? alert : alert.with("stage", stage)).with("reason", reason);
    }

    /** A release was taken back; {@code to} is 0 when there is none to go back to. */
    public static Alert rolledBack(String model, String run, int from, int to, String reason) {
        return of(Event.ROLLED_BACK, model, run).with("from", from).with("to", to).with("reason", reason);
    }

    /**
     * A user put another release into use.
     *
     * @param from    release that was in use before, 0 for none
     * @param to      release that is in use now
     * @param by      how it was asked for: {@code ferry rollback}
     * @param trouble why the restored one does not answer as it should, or an empty string
     */
    public static Alert restored(String model, int from, int to, String by, String trouble) {
        Alert alert = of(Event.ROLLED_BACK, model, null).with("from", from).with("to", to).with("by", by);
        return trouble.isEmpty() ? alert : alert.with("reason", trouble);
    }

    /**
     * A rented instance was stopped or destroyed.
     *
     * @param act          {@code stopped} or {@code destroyed}
     * @param dollarsAnHour what it cost
     */
    public static Alert stopped(String model, String run, String instance, String act, OptionalDouble dollarsAnHour) {
        Alert alert = of(Event.STOPPED, model, run).with("instance", instance).with("act", act);
        return dollarsAnHour.isPresent() ? alert.with("dollars-an-hour", dollarsAnHour.getAsDouble()) : alert;
    }

    /** A rented instance was to be stopped or destroyed and goes on costing money, or may; the reason is a whole sentence. */
    public static Alert notStopped(String model, String run, String instance, String reason) {
        return of(Event.STOPPED, model, run).with("instance", instance).with("reason", reason);
    }

    /** A deployed model does not answer as it should. */
    public static Alert unhealthy(String model, String reason) {
        return of(Event.UNHEALTHY, model, null).with("reason", reason);
    }

    /** A deployed model answers again, or better than before. */
    public static Alert recovered(String model, String reason) {
        return of(Event.RECOVERED, model, null).with("reason", reason);
    }

    /** A request, a route or a settings file was refused. */
    public static Alert refused(String what, String reason) {
        return of(Event.REFUSED, null, null).with("what", what).with("reason", reason);
    }

    private static Alert of(Event kind, String model, String run) {
        return new Alert(kind, Optional.ofNullable(model), Optional.ofNullable(run), Map.of(), Instant.now());
    }

    private Alert with(String name, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(facts);
        more.put(name, Objects.requireNonNullElse(value, ""));
        return new Alert(kind, model, run, more, time);
    }

    /** What it says: one sentence, with the run's id. */
    public String sentence() {
        String id = run.map(known -> " (run " + known + ")").orElse("");
        String who = model.orElse("");
        return switch (kind) {
            case STARTED -> who + ": started by " + fact("trigger") + id + ".";
            case FINISHED -> who + ": finished in " + Amounts.time(Duration.ofSeconds(((Number) facts.getOrDefault("seconds", 0L)).longValue())) + outcome() + id + ".";
            case FAILED -> who + ": failed" + (facts.containsKey("stage") ? " in " + fact("stage") : "") + id + ": " + reason();
            case ROLLED_BACK -> facts.containsKey("by") ? restored(who) : who + ": release " + fact("from") + " was taken back" + (fact("to").equals("0") ? ", none answers now" : ", release " + fact("to") + " answers again")
                    + id + ": " + reason();
            case STOPPED -> facts.containsKey("reason") ? who + id + ": " + reason() : who + ": instance " + fact("instance") + " was " + fact("act") + saved() + id + ".";
            case UNHEALTHY -> who + ": does not answer as it should" + id + ": " + reason();
            case RECOVERED -> who + ": answers better again" + id + ": " + reason();
            case REFUSED -> "Refused " + fact("what") + ": " + reason();
        };
    }

    /** Whether somebody has to do something. */
    public boolean isTrouble() {
        return switch (kind) {
            case FAILED, UNHEALTHY, REFUSED -> true;
            case ROLLED_BACK -> !facts.containsKey("by") || facts.containsKey("reason");
            case STOPPED -> facts.containsKey("reason");
            case STARTED, FINISHED, RECOVERED -> false;
        };
    }

    /** What makes two alerts the same thing to their readers: the same trouble of the same model, or the same event of the same run. */
    public String key() {
        String what = isTrouble() && kind != Event.ROLLED_BACK ? fact("what") + " " + fact("reason") : run.orElse("") + " " + fact("instance") + " " + fact("from") + " " + fact("to");
        return kind.text() + " " + model.orElse("") + " " + what;
    }

    /** A fact as text, empty when there is none. */
    String fact(String name) {
        return String.valueOf(facts.getOrDefault(name, ""));
    }

    private String reason() {
        String reason = fact("reason").strip();
        return reason.isEmpty() ? "no reason was given." : reason.matches(".*[.!?]") ? reason : reason + ".";
    }

    private String outcome() {
        StringBuilder text = new StringBuilder();
        if (facts.containsKey("release")) {
            text.append(", release ").append(fact("release")).append(" is deployed");
        }
        if (facts.get("bytes") instanceof Map<?, ?> bytes) {
            text.append(", ").append(bytes.entrySet().stream().map(size -> size.getKey() + " " + Amounts.bytes(((Number) size.getValue()).longValue())).collect(Collectors.joining(", ")));
        }
        if (facts.get("score") instanceof Number score) {
            text.append(", score ").append(Amounts.score(score.doubleValue()));
            if (facts.get("score-before") instanceof Number before) {
                text.append(" (before ").append(Amounts.score(before.doubleValue())).append(')');
            }
        }
        return facts.containsKey("choice") ? text.append("; ").append(fact("choice")).toString() : text.toString();
    }

    private String restored(String who) {
        String instead = fact("from").equals("0") || fact("from").equals(fact("to")) ? "" : " instead of release " + fact("from");
        return who + ": release " + fact("to") + " is in use" + instead + ", by " + fact("by") + (facts.containsKey("reason") ? ", but does not answer as it should: " + reason() : ".");
    }

    private String saved() {
        return facts.get("dollars-an-hour") instanceof Number price ? ", which saves " + Amounts.dollars(price.doubleValue()) + " an hour" : "";
    }

    private static String oneLine(String text) {
        return text.strip().replaceAll("\\s*\\R\\s*", "; ");
    }
}
