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
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Which stages of a request would be done and which not, and why, without beginning a run: the same keys that a run asks the
 * ledger for. Once a stage is due whose result later keys are made of, those stages are due too.
 */
public final class PassagePlan {
    private static final int EARLIER_RUNS = 50;
    private static final long TELLING_BYTES = 1_000_000;

    /**
     * One stage.
     *
     * @param stage the stage
     * @param due   whether it would be done
     * @param why   in words
     * @param time  how long it would take; empty when it is not due
     */
    public record Step(Stage stage, boolean due, String why, Optional<StageTimes.Time> time) { }

    /** Whether a stage is due, before its time is known. */
    private record Finding(boolean due, String why) { }

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
            keyed.put(Stage.DEPLOY, new DeployStage(book, http, Announcer.NOBODY));
            keyed.put(Stage.EVALUATE, new EvaluateStage(http, null, null, book, Announcer.NOBODY));
        });
    }

    /**
     * Plans.
     *
     * @param run    the request; its records are in a scratch folder, which receives what earlier runs left
     * @param report what the doctor found, for the times
     */
    public List<Step> plan(RunContext run, Doctor.Report report) {
        StageTimes times = new StageTimes(stage -> past(run, stage), run.settings().source().bandwidthLimit().map(limit -> OptionalLong.of(limit.bytes())).orElse(OptionalLong.empty()));
        List<Step> steps = new ArrayList<>();
        boolean fresh = false;
        for (Stage stage : Stage.values()) {
            Finding found = judge(run, stage, fresh);
            steps.add(new Step(stage, found.due(), found.why(), found.due() ? Optional.of(times.of(stage, report)) : Optional.empty()));
            fresh |= found.due() && (stage == Stage.MERGE || stage == Stage.QUANTIZE || stage == Stage.DEPLOY);
        }
        return steps;
    }

    private Finding judge(RunContext run, Stage stage, boolean fresh) {
        if (!run.request().wants(stage)) {
            remember(run, stage);
            return new Finding(false, "left out by the command line");
        }
        if (!run.settings().pipeline().stages().contains(stage)) {
            remember(run, stage);
            return new Finding(false, "left out by the settings (pipeline.stages)");
        }
        return switch (stage) {
            case DOWNLOAD -> download(run);
            case HEALTH_CHECK -> new Finding(true, "asks the server each time");
            default -> known(run, stage, fresh);
        };
    }

    private Finding download(RunContext run) {
        if (run.request().adapter() != null) {
            write(run, Stage.DOWNLOAD, DownloadStage.local(Path.of(run.request().adapter())));
            return new Finding(true, "uses " + run.request().adapter() + " where it lies, nothing is transferred");
        }
        return new Finding(true, remember(run, Stage.DOWNLOAD) ? "asks the source each time; what is here already is not transferred again" : "was never done");
    }

    private Finding known(RunContext run, Stage stage, boolean fresh) {
        if (run.request().force()) {
            return new Finding(true, "asked for again by --force");
        }
        if (fresh) {
            return new Finding(true, "what it starts from is made anew");
        }
        if (ledger.isEmpty() || run.records().find(before(stage), Object.class).isEmpty()) {
            return new Finding(true, "was never done");
        }
        Optional<StageRecord> record = keyed.get(stage).key(run).flatMap(key -> ledger.get().stages().known(stage.text(), key));
        record.ifPresent(r -> r.writeTo(run.folder()));
        return record.map(r -> new Finding(false, "the same inputs were done in run " + r.run() + ", and its files are there"))
                .orElseGet(() -> new Finding(true, "was not done for these inputs and settings"));
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
        Optional<StageRecord> record = records(run, stage).findFirst();
        record.ifPresent(r -> r.writeTo(run.folder()));
        return record.isPresent();
    }

    /** The newest work of a stage; of downloads the newest that was large enough to tell the network's speed. */
    private Optional<StageTimes.Past> past(RunContext run, Stage stage) {
        return records(run, stage).map(record -> new StageTimes.Past(record.run(), record.duration(), record.facts().get("bytes") instanceof Number bytes ? bytes.longValue() : 0))
                .filter(p -> stage != Stage.DOWNLOAD || p.bytes() >= TELLING_BYTES).findFirst();
    }

    private Stream<StageRecord> records(RunContext run, Stage stage) {
        return ledger.stream().flatMap(book -> book.runs().of(run.name(), EARLIER_RUNS).stream().map(Run::id).flatMap(id -> book.stages().find(id, stage.text()).flatMap(StageEntry::record).stream()));
    }

    private static void write(RunContext run, Stage stage, Object facts) {
        java.time.Instant now = java.time.Instant.now();
        new StageRecord(stage.text(), "", run.id(), now, now, List.of(), Records.map(facts)).writeTo(run.folder());
    }
}
