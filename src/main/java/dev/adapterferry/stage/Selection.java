package dev.adapterferry.stage;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.evaluate.Comparison;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import java.util.List;
import java.util.Optional;

/**
 * Brings the best into use of what a run can leave there (setting {@code evaluate.promote}): the release before, where the new one is
 * worse by more than chance, else the best of the new one's formats. What chance explains changes nothing.
 */
final class Selection {
    private final RunContext run;
    private final Ledger ledger;
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Announcer announcer;

    Selection(RunContext run, Ledger ledger, HttpCaller caller, ModelServers servers, Announcer announcer) {
        this.run = run;
        this.ledger = ledger;
        this.caller = caller;
        this.servers = servers;
        this.announcer = announcer;
    }

    /**
     * What is in use afterwards.
     *
     * @param report  the evaluation, with what was asked for the choice
     * @param release number of the release that is in use
     * @param reason  what was chosen and why, in words
     */
    record Chosen(EvaluationReport report, int release, String reason) { }

    /**
     * Chooses.
     *
     * @param deployed the run's release, which is in use
     * @param report   its evaluation, which passed the gate
     */
    Chosen choose(Facts.Deployed deployed, EvaluationReport report) {
        // The next server takes the memory that this one holds.
        servers.release(run.id());
        Optional<Comparison> lost = deployed.previous() == null ? Optional.empty()
                : report.comparisons().stream().filter(one -> isOf(report, one.reference(), deployed.previous())).filter(one -> one.differs() && one.difference().mean() < 0).findFirst();
        Chosen chosen = lost.isPresent() ? before(deployed, report, lost.get()) : deployed.files().size() < 2 ? new Chosen(report, deployed.release(), "") : among(deployed, report);
        if (chosen.reason().isEmpty()) {
            return chosen;
        }
        ledger.events().add(run.id(), run.name(), "chosen", chosen.reason(), null);
        return new Chosen(chosen.report().noting(chosen.reason()), chosen.release(), chosen.reason());
    }

    /** Whether a label of the report is that of a release, in whatever format it was asked. */
    private boolean isOf(EvaluationReport report, String label, int release) {
        return report.cards().stream().filter(card -> card.label().equals(label)).anyMatch(card -> label.equals(Entrant.label(run.name(), release, card.format())));
    }

    private Chosen before(Facts.Deployed deployed, EvaluationReport report, Comparison lost) {
        String why = lost.contender() + " against " + lost.reference() + ": " + lost.reason();
        Promotion.Outcome outcome;
        try {
            outcome = promotion().inRun(run.id(), run.name(), new Contest.Side(deployed.previous(), Optional.empty()));
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            return new Chosen(report, inUse(deployed), "release " + deployed.previous() + " is better (" + why + "), but could not be put into use: " + e.getMessage());
        }
        if (!outcome.held()) {
            return new Chosen(report, outcome.release(), "release " + deployed.previous() + " is better (" + why + "), but does not answer as it should: " + outcome.trouble() + "; release " + outcome.release() + " stays");
        }
        announcer.announce(Alert.rolledBack(run.name(), run.id(), deployed.release(), outcome.release(), why));
        return new Chosen(report, outcome.release(), "release " + outcome.release() + " is in use again: " + why);
    }

    private Chosen among(Facts.Deployed deployed, EvaluationReport report) {
        try {
            ReleaseEvaluation evaluation = new ReleaseEvaluation(run.settings(), caller, servers, run.progress(), run.cancellation());
            List<String> formats = deployed.files().stream().map(Facts.Gguf::format).toList();
            Scorecard judged = report.cards().getFirst();
            Contest.Result result = new Contest(evaluation, run.name(), deployed).formats(formats, Optional.of(judged).filter(card -> ReleaseEvaluation.OWN_SERVER.equals(card.server())));
            EvaluationReport whole = report.with(result.report());
            if (result.inUse()) {
                return new Chosen(whole, deployed.release(), deployed.primary() + " stays in use: " + result.reason());
            }
            String format = result.winner().format().orElseThrow();
            Promotion.Outcome outcome = promotion().inRun(run.id(), run.name(), result.winner());
            if (!outcome.held()) {
                return new Chosen(whole, outcome.release(), format + " is better (" + result.reason() + "), but does not answer as it should: " + outcome.trouble() + "; " + deployed.primary() + " stays in use");
            }
            ActiveReleases.scored(ledger, run.name(), outcome.release(), result.card(), true);
            return new Chosen(whole, outcome.release(), format + " is in use now, as release " + outcome.release() + ": " + result.reason());
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            return new Chosen(report, inUse(deployed), "no choice among the formats: " + e.getMessage());
        }
    }

    private Promotion promotion() {
        return Promotion.of(run, ledger, caller, servers);
    }

    private int inUse(Facts.Deployed deployed) {
        return ledger.releases().active(run.name()).map(entry -> entry.number()).orElse(deployed.release());
    }
}
