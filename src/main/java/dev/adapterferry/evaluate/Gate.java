package dev.adapterferry.evaluate;

import dev.adapterferry.failure.SettingsException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What a release must reach to stay.
 *
 * @param minScore   least score, 0 to 1, or null for any
 * @param maxDrop    most that the score may be below the previous release's on the prompts of both, where it is lower by more than chance; or
 *                   null for any
 * @param maxErrors  largest share of prompts without an answer, 0 to 1
 * @param mustDiffer whether answers that are all the same as the base's are refused: the adapter then changed nothing
 */
public record Gate(Double minScore, Double maxDrop, double maxErrors, boolean mustDiffer) {
    /** Refuses shares outside of 0 to 1. */
    public Gate {
        if (minScore != null && !(minScore >= 0 && minScore <= 1) || maxDrop != null && !(maxDrop >= 0 && maxDrop <= 1) || !(maxErrors >= 0 && maxErrors <= 1)) {
            throw new SettingsException("The gate's values lie between 0 and 1; found min-score " + minScore + ", max-drop " + maxDrop + ", max-errors " + maxErrors + ".");
        }
    }

    /**
     * Judges a release.
     *
     * @param card     its outcomes
     * @param previous its comparison with the previous release, where there is one
     * @param base     its comparison with the base, where that was asked too
     * @return why it must not stay, one sentence each; empty when it may
     */
    public List<String> objections(Scorecard card, Optional<Comparison> previous, Optional<Comparison> base) {
        List<String> objections = new ArrayList<>();
        if (card.score() == null) {
            objections.add("none of the " + card.outcomes().size() + " prompts was answered: " + card.outcomes().stream().map(Scored::error).findFirst().orElse("there is no prompt"));
            return objections;
        }
        double errors = card.errors() / (double) card.outcomes().size();
        if (errors > maxErrors) {
            objections.add(card.errors() + " of " + card.outcomes().size() + " prompts were not answered, the first because: "
                    + card.outcomes().stream().filter(Scored::failed).map(Scored::error).findFirst().orElseThrow());
        }
        if (minScore != null && card.score() < minScore) {
            objections.add(String.format(Locale.ROOT, "the score is %.3f, at least %.3f is demanded", card.score(), minScore));
        }
        previous.filter(comparison -> maxDrop != null && comparison.differs() && -comparison.difference().mean() > maxDrop).ifPresent(comparison ->
                objections.add(String.format(Locale.ROOT, "the score is %.3f below %s on the %d prompts of both (by chance in %s of cases), at most %.3f is allowed", -comparison.difference().mean(),
                        comparison.reference(), comparison.pairs(), Figures.chance(comparison.chance()), maxDrop)));
        base.filter(comparison -> mustDiffer && comparison.isSameModel()).ifPresent(comparison ->
                objections.add("all " + comparison.pairs() + " answers are word for word those of " + comparison.reference() + ": the adapter changes nothing"));
        return objections;
    }
}
