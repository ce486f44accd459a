package dev.adapterferry.stage;

import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.ledger.StageRecord;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which stages of a request would be done and which not, and why, without beginning a run: the same keys that a run asks the
 * ledger for. Once a stage is due whose result later keys are made of, those stages are due too.
 */
public final class PassagePlan {
    private static final int EARLIER_RUNS = 50;

    /**
     * One stage.
     *
     * @param stage the stage
     * @param due   whether it would be done
     * @param why   in words
     */
    public record Step(Stage stage, boolean due, String why) { }

    private final Optional<Ledger> ledger;
    private final Map<Stage, StageWork> keyed = new EnumMap<>(Stage.class);

    /**
     * @param ledger what was done before; empty when nothing ever was
     * @param http   for the keys of stages that ask somebody
     */
    public PassagePlan(Optional<Ledger> ledger, HttpCaller http) {
        this.ledger = ledger;
        LocalBases bases = new LocalBases(new HubBases());
        keyed.put(Stage.MERGE, new MergeStage(bases));
        keyed.put(Stage.QUANTIZE, new QuantizeStage(bases));
        ledger.ifPresent(book -> {
            keyed.put(Stage.DEPLOY, new DeployStage(book, http));
            keyed.put(Stage.EVALUATE, new EvaluateStage(http, null, null, book, Announcer.NOBODY));
        });
    }

    /**
     * Plans.
     *
     * @param run the request; its records are in a scratch folder, which receives what earlier runs left
     */
    public List<Step> plan(RunContext run) {
        List<Step> steps = new ArrayList<>();
        boolean fresh = false;
        for (Stage stage : Stage.values()) {
            Step step = step(run, stage, fresh);
            steps.add(step);
            fresh |= step.due() && (stage == Stage.MERGE || stage == Stage.QUANTIZE || stage == Stage.DEPLOY);
        }
        return steps;
    }

    private Step step(RunContext run, Stage stage, boolean fresh) {
        if (!run.request().wants(stage)) {
            remember(run, stage);
            return new Step(stage, false, "left out by the command line");
        }
        if (!run.settings().pipeline().stages().contains(stage)) {
            remember(run, stage);
            return new Step(stage, false, "left out by the settings (pipeline.stages)");
        }
        return switch (stage) {
            case DOWNLOAD -> download(run);
            case HEALTH_CHECK -> new Step(stage, true, "asks the server each time");
            default -> known(run, stage, fresh);
        };
    }

    private Step download(RunContext run) {
        if (run.request().adapter() != null) {
            write(run, Stage.DOWNLOAD, DownloadStage.local(Path.of(run.request().adapter())));
            return new Step(Stage.DOWNLOAD, true, "uses " + run.request().adapter() + " where it lies, nothing is transferred");
        }
        return new Step(Stage.DOWNLOAD, true, remember(run, Stage.DOWNLOAD) ? "asks the source each time; what is here already is not transferred again" : "was never done");
    }

    private Step known(RunContext run, Stage stage, boolean fresh) {
        if (run.request().force()) {
            return new Step(stage, true, "asked for again by --force");
        }
        if (fresh) {
            return new Step(stage, true, "what it starts from is made anew");
        }
        if (ledger.isEmpty() || run.records().find(before(stage), Object.class).isEmpty()) {
            return new Step(stage, true, "was never done");
        }
        Optional<StageRecord> record = keyed.get(stage).key(run).flatMap(key -> ledger.get().stages().known(stage.text(), key));
        record.ifPresent(r -> r.writeTo(run.folder()));
        return record.map(r -> new Step(stage, false, "the same inputs were done in run " + r.run() + ", and its files are there"))
                .orElseGet(() -> new Step(stage, true, "was not done for these inputs and settings"));
    }

    /** The stage whose result a stage's key is made of. */
    private static Stage before(Stage stage) {
        return switch (stage) {
            case MERGE -> Stage.DOWNLOAD;
            case QUANTIZE -> Stage.MERGE;
            case DEPLOY -> Stage.QUANTIZE;
            default -> Stage.DEPLOY;
        };
    }

    /** Takes over what the newest run of the model recorded. */
    private boolean remember(RunContext run, Stage stage) {
        if (ledger.isEmpty()) {
            return false;
        }
        for (Run earlier : ledger.get().runs().of(run.name(), EARLIER_RUNS)) {
            Optional<StageEntry> entry = ledger.get().stages().find(earlier.id(), stage.text()).filter(e -> e.json().isPresent());
            if (entry.isPresent()) {
                entry.get().record().orElseThrow().writeTo(run.folder());
                return true;
            }
        }
        return false;
    }

    private static void write(RunContext run, Stage stage, Object facts) {
        java.time.Instant now = java.time.Instant.now();
        new StageRecord(stage.text(), "", run.id(), now, now, List.of(), Records.map(facts)).writeTo(run.folder());
    }
}
