package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.DeadLetter;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.secret.Redaction;
import dev.adapterferry.settings.Settings;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * Keeps what failed for good, and sends it again when somebody asks. The new run does only what is missing: finished stages are
 * known by their keys.
 */
public final class LetterDesk {
    private final Supplier<Settings> settings;
    private final Ledger ledger;
    private final RunDesk runs;

    /**
     * @param settings the settings in force
     * @param ledger   knows runs and dead letters
     * @param runs     opens the new run
     */
    public LetterDesk(Supplier<Settings> settings, Ledger ledger, RunDesk runs) {
        this.settings = settings;
        this.ledger = ledger;
        this.runs = runs;
    }

    /**
     * Keeps a dead letter: all that is needed to understand a failure and to send the run again.
     *
     * @param stage  stage that failed, or null
     * @param reason the failure
     * @return the letter as JSON, without secrets
     */
    public String keep(String id, String stage, Throwable reason) {
        Run run = ledger.runs().get(id);
        StringWriter stack = new StringWriter();
        reason.printStackTrace(new PrintWriter(stack));
        int attempts = stage == null ? 1 : ledger.stages().find(id, RunRequest.stage(stage).text()).map(StageEntry::attempt).orElse(1);
        ledger.letters().add(id, run.model(), stage, run.request(), Redaction.redact(RunDesk.sentence(reason)), attempts, Redaction.redact(stack.toString()));
        return ledger.letters().find(id).orElseThrow().toJson();
    }

    /** Runs whose dead letter nobody has sent again, oldest first. */
    public List<String> waiting() {
        return ledger.letters().open().stream().map(DeadLetter::run).toList();
    }

    /**
     * Opens a run with the request of one that failed, partly failed or was cancelled; its letter counts as sent from then on.
     *
     * @param id the run, or an unmistakable part of its id
     * @return the new run, or the open one that asks for the same already
     * @throws FerryException when the run is still under way, is done, or was sent again before
     */
    public Runs.Opened again(String id) {
        Run run = ledger.runs().get(id);
        if (!run.state().isEnd()) {
            throw new FerryException("Run " + run.id() + " is " + run.state().text() + "; there is nothing to send again yet. 'ferry logs " + run.id() + " --follow' shows it.");
        }
        if (run.state() == RunState.DONE) {
            throw new FerryException("Run " + run.id() + " is done. 'ferry deploy " + run.model() + " --force' does everything anew.");
        }
        Optional<DeadLetter> letter = ledger.letters().find(run.id());
        if (letter.isPresent() && letter.get().replayed().isPresent()) {
            throw new FerryException("Run " + run.id() + " was sent again already" + letter.get().replayedAs().map(again -> ", as " + again + ". If that failed as well, say: ferry retry " + again).orElse("")
                    + ".");
        }
        // Opened first, marked then: a kill in between loses nothing, and two who retry at once join one run.
        Runs.Opened opened = runs.open(RunDesk.request(run).triggeredBy("retry"));
        ledger.letters().replay(run.id());
        ledger.letters().replayedAs(run.id(), opened.run().id());
        ledger.events().add(run.id(), run.model(), "replayed", "sent again as " + opened.run().id(), null);
        Housekeeping.deleteTree(settings.get().failed().resolve(run.id() + ".json"));
        return opened;
    }
}
