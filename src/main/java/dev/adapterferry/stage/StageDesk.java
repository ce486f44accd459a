package dev.adapterferry.stage;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.ledger.StageFile;
import dev.adapterferry.ledger.StageRecord;
import dev.adapterferry.log.LogContext;
import dev.adapterferry.settings.Stage;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Decides whether a stage is due, has it done, and writes down what came of it. A stage is not due when the request leaves it
 * out, or when the same inputs gave a result before whose files still hold.
 */
public final class StageDesk {
    private static final Logger LOG = LoggerFactory.getLogger(StageDesk.class);
    private static final int EARLIER_RUNS = 50;

    private final RunDesk runs;
    private final Ledger ledger;
    private final Map<Stage, StageWork> works;

    /**
     * @param runs   the runs that this process carries
     * @param ledger where stages are written down
     * @param works  what each stage does
     */
    public StageDesk(RunDesk runs, Ledger ledger, Map<Stage, StageWork> works) {
        this.runs = runs;
        this.ledger = ledger;
        this.works = Map.copyOf(works);
    }

    /** Whether a stage of a run has to be done; writes down why when not. */
    public boolean isDue(String id, Stage stage) {
        RunContext run = runs.context(id);
        return run.cancellation().over(() -> isDue(run, stage));
    }

    private boolean isDue(RunContext run, Stage stage) {
        run.cancellation().check(stage.text() + " of " + run.name());
        if (!run.request().wants(stage) || !run.settings().pipeline().stages().contains(stage)) {
            leaveOut(run, stage);
            return false;
        }
        Optional<String> key = works.get(stage).key(run);
        Optional<StageRecord> known = run.request().force() ? Optional.empty() : key.flatMap(k -> ledger.stages().known(stage.text(), k));
        if (known.isPresent()) {
            ledger.stages().skipped(run.id(), run.folder(), known.get());
            tell(run, stage, "skipped", "already done in run " + known.get().run());
            return false;
        }
        int attempt = ledger.stages().begin(run.id(), stage.text());
        tell(run, stage, "begun", attempt == 1 ? "begins" : "attempt " + attempt);
        return true;
    }

    /** A stage that this request leaves out still hands on what an earlier run of the model recorded. */
    private void leaveOut(RunContext run, Stage stage) {
        for (Run earlier : ledger.runs().of(run.name(), EARLIER_RUNS)) {
            Optional<StageEntry> entry = ledger.stages().find(earlier.id(), stage.text()).filter(e -> e.json().isPresent());
            if (entry.isPresent() && !earlier.id().equals(run.id())) {
                ledger.stages().skipped(run.id(), run.folder(), entry.get().record().orElseThrow());
                tell(run, stage, "skipped", "left out; its result of run " + earlier.id() + " stands");
                return;
            }
        }
        ledger.stages().leftOut(run.id(), stage.text());
        tell(run, stage, "skipped", "left out");
    }

    /**
     * Does a stage's work and records it.
     *
     * @return the facts that were recorded
     */
    public Object carry(String id, Stage stage) {
        RunContext run = runs.context(id);
        return run.cancellation().over(() -> carry(run, stage));
    }

    private Object carry(RunContext run, Stage stage) {
        run.cancellation().check(stage.text() + " of " + run.name());
        StageWork work = works.get(stage);
        String key = work.key(run).orElse("");
        Instant started = Instant.now();
        Object facts = facts(run, work);
        List<StageFile> files = facts instanceof Facts.Kept kept ? kept.items().stream().map(item -> StageFile.of(item.path(), item.sha256())).toList() : List.of();
        ledger.stages().done(run.id(), run.folder(), new StageRecord(stage.text(), key, run.id(), started, Instant.now(), files, Records.map(facts)));
        tell(run, stage, "done", work.summary(facts));
        return facts;
    }

    /** What comes of work that was asked to stop is no result, and how it failed is no failure: its connections were closed under it. */
    private static Object facts(RunContext run, StageWork work) {
        String what = work.stage().text() + " of " + run.name();
        Object facts;
        try (LogContext context = LogContext.of(run.id(), run.name(), work.stage().text())) {
            facts = work.carry(run);
        } catch (FerryException e) {
            if (e instanceof Cancelled || !run.cancellation().isRequested()) {
                throw e;
            }
            LOG.debug("{} ended, asked to stop, with", what, e);
            throw new Cancelled(what);
        }
        run.cancellation().check(what);
        return facts;
    }

    /**
     * Writes down that a stage is tried again after a pause.
     *
     * @param reason why the attempt before it failed
     * @param pause  how long is waited
     */
    public void tryAgain(String id, Stage stage, Throwable reason, Duration pause) {
        int attempt = ledger.stages().begin(id, stage.text());
        tell(runs.context(id), stage, "retried", RunDesk.sentence(reason) + " Attempt " + attempt + " in " + pause.toMillis() / 1000.0 + "s.");
    }

    /** Whether a run goes on although this stage failed. */
    public boolean mayGoOn(String id, Stage stage) {
        return runs.carries(id) && runs.context(id).settings().pipeline().continueOnError().after(stage);
    }

    /** Writes down that a stage failed. */
    public void failed(String id, Stage stage, Throwable reason) {
        ledger.stages().failed(id, stage.text(), RunDesk.sentence(reason));
        tell(runs.context(id), stage, "failed", RunDesk.sentence(reason));
    }

    /** One line about a stage of a run, for tables. */
    public String summary(StageEntry entry) {
        Stage stage = RunRequest.stage(entry.name());
        return switch (entry.state()) {
            case DONE -> summary(stage, entry);
            case SKIPPED -> entry.record().isPresent() ? "already done in run " + entry.record().get().run() + ": " + summary(stage, entry) : "left out";
            case FAILED -> "FAILED: " + entry.error().orElse("");
            case CANCELLED -> "cancelled";
            case RUNNING -> "running";
        };
    }

    private String summary(Stage stage, StageEntry entry) {
        StageWork work = works.get(stage);
        return work.summary(Records.facts(entry.record().orElseThrow(), work.facts()));
    }

    private void tell(RunContext run, Stage stage, String kind, String text) {
        try (LogContext context = LogContext.of(run.id(), run.name(), stage.text())) {
            LOG.atLevel(kind.equals("retried") ? Level.WARN : Level.INFO).log("{}: {}", stage.text(), text);
        }
        ledger.events().add(run.id(), run.name(), "stage-" + kind, stage.text() + ": " + text, null);
    }
}
