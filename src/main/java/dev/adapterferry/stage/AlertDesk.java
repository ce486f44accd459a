package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.alert.Throttle;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.settings.AlertSettings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.vast.AfterPull;
import dev.adapterferry.source.vast.CostGuard;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/** Turns what happened into an alert, unless nobody wants to hear it or it was told just now. */
public final class AlertDesk {
    private final AlertSettings settings;
    private final Ledger ledger;
    private final Throttle throttle;

    /**
     * Something that happened; what does not apply is null.
     *
     * @param event  started, finished, failed, refused, unhealthy, recovered, or instance: a look at what became of the rented one
     * @param run    id of the run
     * @param model  the model
     * @param stage  stage of the run
     * @param reason what went wrong
     * @param what   what was refused, in words
     */
    public record Happening(String event, String run, String model, String stage, String reason, String what) { }

    /**
     * @param settings who hears what
     * @param ledger   knows the runs
     * @param throttle remembers what was told
     */
    public AlertDesk(AlertSettings settings, Ledger ledger, Throttle throttle) {
        this.settings = settings;
        this.ledger = ledger;
        this.throttle = throttle;
    }

    /** The alert, or empty when it is not to be told. */
    public Optional<Alert> word(Happening happening) {
        return alert(happening).flatMap(this::wanted);
    }

    /** The alert, or empty when nobody wants to hear it or it was told just now. */
    public Optional<Alert> wanted(Alert alert) {
        return Optional.of(alert).filter(told -> settings.on().contains(told.kind())).filter(told -> throttle.lets(told, Instant.now(), settings.throttle()));
    }

    private Optional<Alert> alert(Happening h) {
        return Optional.ofNullable(switch (h.event()) {
            case "started" -> Alert.started(h.model(), h.run(), ledger.runs().find(h.run()).map(Run::trigger).orElse(""));
            case "finished" -> finished(h);
            case "instance" -> instance(h);
            case "failed" -> Alert.failed(h.model(), h.run(), h.stage(), h.reason());
            case "unhealthy" -> Alert.unhealthy(h.model(), h.reason());
            case "recovered" -> Alert.recovered(h.model(), h.reason());
            case "refused" -> Alert.refused(h.what(), h.reason());
            default -> null;
        });
    }

    /** What became of the instance that a run pulled from; null when there is nothing to tell. */
    private Alert instance(Happening h) {
        CostGuard.Outcome outcome = new Records(ledger.runs().get(h.run()).folder()).find(Stage.DOWNLOAD, Facts.Downloaded.class).map(Facts.Downloaded::instance).orElse(null);
        if (outcome == null) {
            return null;
        }
        String id = Long.toString(outcome.instance());
        return switch (outcome.end()) {
            case REACHED -> Alert.stopped(h.model(), h.run(), id, outcome.wanted() == AfterPull.DESTROY ? "destroyed" : "stopped",
                    outcome.saved() > 0 ? OptionalDouble.of(outcome.saved()) : OptionalDouble.empty());
            case FAILED -> Alert.notStopped(h.model(), h.run(), id, outcome.sentence());
            case KEPT, ALREADY -> null;
        };
    }

    private Alert finished(Happening h) {
        Run run = ledger.runs().get(h.run());
        if (run.state() == RunState.PARTLY_FAILED) {
            StageEntry failed = ledger.stages().of(run.id()).stream().filter(stage -> stage.state() == StageState.FAILED).findFirst().orElseThrow();
            return Alert.failed(h.model(), h.run(), failed.name(), failed.error().orElse("") + " The passage went on without it.");
        }
        Records records = new Records(run.folder());
        Optional<Facts.Deployed> deployed = records.find(Stage.DEPLOY, Facts.Deployed.class);
        Map<String, Long> sizes = new LinkedHashMap<>();
        deployed.ifPresent(d -> d.files().forEach(f -> sizes.put(f.format(), f.item().bytes())));
        Optional<Facts.Evaluated> evaluated = records.find(Stage.EVALUATE, Facts.Evaluated.class);
        OptionalDouble score = evaluated.map(Facts.Evaluated::score).map(OptionalDouble::of).orElse(OptionalDouble.empty());
        int release = deployed.map(Facts.Deployed::release).orElse(0);
        int inUse = evaluated.map(Facts.Evaluated::inUse).orElse(release);
        Alert finished = Alert.finished(h.model(), h.run(), inUse, sizes, run.duration(Instant.now()), score, before(h.model(), release)).lasting(times(run));
        return evaluated.map(Facts.Evaluated::choice).map(finished::choosing).orElse(finished);
    }

    /** Seconds of each stage that was done. */
    private Map<String, Long> times(Run run) {
        Map<String, Long> times = new LinkedHashMap<>();
        for (StageEntry stage : ledger.stages().of(run.id())) {
            if (stage.state() == StageState.DONE) {
                times.put(stage.name(), stage.duration(Instant.now()).toSeconds());
            }
        }
        return times;
    }

    /** Score of the newest earlier release that has one. */
    private OptionalDouble before(String model, int release) {
        List<ReleaseEntry> releases = ledger.releases().of(model);
        return releases.stream().filter(r -> r.number() < release && r.scores().isPresent()).findFirst().map(r -> {
            try {
                double score = Records.JSON.readTree(r.scores().get()).path("score").asDouble(Double.NaN);
                return Double.isNaN(score) ? OptionalDouble.empty() : OptionalDouble.of(score);
            } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
                return OptionalDouble.empty();
            }
        }).orElse(OptionalDouble.empty());
    }
}
