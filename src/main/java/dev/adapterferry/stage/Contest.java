package dev.adapterferry.stage;

import dev.adapterferry.evaluate.Comparison;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Two releases, or two formats of one release, side by side on the ferry's own server. The one in use defends its place: the
 * other must be better by more than chance, or as good and faster.
 */
public final class Contest {
    private final ReleaseEvaluation evaluation;
    private final String model;
    private final Facts.Deployed active;

    /**
     * One of the two.
     *
     * @param release its number
     * @param format  its format, or empty for the release's primary one
     */
    public record Side(int release, Optional<String> format) { }

    /**
     * What came of it.
     *
     * @param report the scorecards, the challenger first, and the comparison
     * @param winner the winner
     * @param name   how the report names it
     * @param reason why it won
     * @param inUse  whether it is what is in use already
     */
    public record Result(EvaluationReport report, Side winner, String name, String reason, boolean inUse) { }

    /**
     * @param evaluation asks the prompts
     * @param model      the model's name
     * @param active     what is in use of it
     */
    public Contest(ReleaseEvaluation evaluation, String model, Facts.Deployed active) {
        this.evaluation = evaluation;
        this.model = model;
        this.active = active;
    }

    /** Two kept releases, each in its primary format. */
    public Result releases(int one, int other) {
        refuseEqual(one == other, "release " + one);
        return between(new Side(one, Optional.empty()), new Side(other, Optional.empty()), other == active.release());
    }

    /** Two formats of the release in use. */
    public Result formats(String one, String other) {
        refuseEqual(one.equalsIgnoreCase(other), one);
        return between(new Side(active.release(), Optional.of(one)), new Side(active.release(), Optional.of(other)), other.equalsIgnoreCase(active.primary()));
    }

    private void refuseEqual(boolean equal, String what) {
        if (equal) {
            throw new SettingsException("Cannot compare " + what + " of " + model + " with itself. Name two that differ.");
        }
    }

    /** The first defends its place, unless the other is in use. */
    private Result between(Side one, Side other, boolean otherDefends) {
        Side defender = otherDefends ? other : one;
        Side challenger = otherDefends ? one : other;
        List<Prompt> prompts = PromptSets.prompts(evaluation.settings(), model);
        // Both are looked up before either is asked: a release that is not there must not cost the other's evaluation.
        Entrant second = Entrant.kept(evaluation.settings(), model, challenger.release(), challenger.format());
        Entrant first = Entrant.kept(evaluation.settings(), model, defender.release(), defender.format());
        Scorecard reference = answered(evaluation.embedded("compare " + first.label(), first, prompts));
        Scorecard contender = answered(evaluation.embedded("compare " + second.label(), second, prompts));
        Comparison comparison = Comparison.of(contender, reference);
        boolean wins = comparison.contenderWins();
        EvaluationReport report = new EvaluationReport(model, Instant.now(), List.of(contender, reference), List.of(comparison), List.of());
        Side winner = wins ? challenger : defender;
        return new Result(report, winner, wins ? second.label() : first.label(), comparison.reason(),
                winner.release() == active.release() && winner.format().map(format -> format.equalsIgnoreCase(active.primary())).orElse(true));
    }

    private static Scorecard answered(Scorecard card) {
        if (card.score() == null) {
            throw new FerryException("Cannot compare: " + card.label() + " answered none of its " + card.outcomes().size() + " prompts, the first because: " + card.outcomes().getFirst().error());
        }
        return card;
    }
}
