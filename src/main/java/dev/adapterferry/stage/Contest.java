package dev.adapterferry.stage;

import dev.adapterferry.evaluate.Comparison;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Releases, or formats of one release, side by side on the ferry's own server. The one in use defends its place: another must be
 * better by more than chance, or as good and faster. Whoever wins defends the place against the next.
 */
public final class Contest {
    private final ReleaseEvaluation evaluation;
    private final String model;
    private final Facts.Deployed active;
    private final List<Scorecard> cards = new ArrayList<>();
    private final List<Comparison> comparisons = new ArrayList<>();
    private final List<String> notes = new ArrayList<>();

    /**
     * One of those compared.
     *
     * @param release its number
     * @param format  its format, or empty for the release's primary one
     */
    public record Side(int release, Optional<String> format) { }

    /**
     * What came of it.
     *
     * @param report the scorecards, the defender first, and the comparisons
     * @param winner the winner
     * @param name   how the report names it
     * @param card   its scorecard
     * @param reason why it won
     * @param inUse  whether it is what is in use already
     */
    public record Result(EvaluationReport report, Side winner, String name, Scorecard card, String reason, boolean inUse) { }

    /** A side with what it answered. */
    private record Place(Side side, Entrant entrant, Scorecard card) { }

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

    /** Kept releases, each in its primary format. */
    public Result releases(List<Integer> numbers) {
        refuseEqual(numbers.stream().distinct().count() < numbers.size());
        return among(numbers.stream().map(number -> new Side(number, Optional.empty())).toList(), Optional.empty());
    }

    /**
     * Formats of the release in use.
     *
     * @param formats two or more
     * @param asked   what the format in use has answered on the ferry's own server just now, if it was asked there
     */
    public Result formats(List<String> formats, Optional<Scorecard> asked) {
        refuseEqual(formats.stream().map(format -> format.toUpperCase(Locale.ROOT)).distinct().count() < formats.size());
        return among(formats.stream().map(format -> new Side(active.release(), Optional.of(format))).toList(), asked);
    }

    private void refuseEqual(boolean equal) {
        if (equal) {
            throw new SettingsException("Cannot compare something of " + model + " with itself. Name what differs.");
        }
    }

    /** The one in use defends its place; without it the first that was named. */
    private Result among(List<Side> named, Optional<Scorecard> asked) {
        List<Side> sides = new ArrayList<>(named);
        named.stream().filter(this::isInUse).findFirst().ifPresent(side -> {
            sides.remove(side);
            sides.addFirst(side);
        });
        List<Prompt> prompts = PromptSets.prompts(evaluation.settings(), model);
        // All are looked up before one is asked: a release that is not there must not cost the others' evaluation.
        List<Entrant> entrants = sides.stream().map(side -> Entrant.kept(evaluation.settings(), model, side.release(), side.format())).toList();
        entrants.forEach(entrant -> ReleaseEvaluation.requireAnswers("compare " + entrant.label(), entrant.served().file()));
        Scorecard first = asked.isPresent() ? asked.get() : ask(entrants.getFirst(), prompts);
        cards.add(first);
        Place place = new Place(sides.getFirst(), entrants.getFirst(), first);
        for (int i = 1; i < sides.size(); i++) {
            Place challenger = new Place(sides.get(i), entrants.get(i), ask(entrants.get(i), prompts));
            cards.add(challenger.card());
            place = duel(challenger, place, prompts);
        }
        EvaluationReport report = new EvaluationReport(model, Instant.now(), cards, comparisons, List.of(), notes);
        return new Result(report, place.side(), place.entrant().label(), place.card(), reason(), isInUse(place.side()));
    }

    /** Whoever has the place afterwards. */
    private Place duel(Place challenger, Place defender, List<Prompt> prompts) {
        Comparison comparison = Comparison.of(challenger.card(), defender.card());
        comparisons.add(comparison);
        if (!comparison.contenderWins() || comparison.differs()) {
            return comparison.contenderWins() ? challenger : defender;
        }
        // The machine may have been busy with something else while the defender answered: who wins by speed alone must win twice.
        Comparison again = Comparison.of(challenger.card(), ask(defender.entrant(), prompts));
        if (again.contenderWins()) {
            return challenger;
        }
        notes.add(defender.entrant().label() + ", asked once more after " + challenger.entrant().label() + ", was not slower: " + again.reason() + ". It keeps its place.");
        return defender;
    }

    private String reason() {
        if (comparisons.size() == 1) {
            return String.join(" ", comparisons.getFirst().reason() + (notes.isEmpty() ? "" : "."), String.join(" ", notes)).strip();
        }
        List<String> sentences = new ArrayList<>(comparisons.stream().map(one -> one.contender() + " against " + one.reference() + ": " + one.reason()).toList());
        sentences.addAll(notes);
        return String.join("; ", sentences);
    }

    private boolean isInUse(Side side) {
        return side.release() == active.release() && side.format().map(format -> format.equalsIgnoreCase(active.primary())).orElse(true);
    }

    private Scorecard ask(Entrant entrant, List<Prompt> prompts) {
        Scorecard card = evaluation.embedded("compare " + entrant.label(), entrant, prompts);
        if (card.score() == null) {
            throw new FerryException("Cannot compare: " + card.label() + " answered none of its " + card.outcomes().size() + " prompts, the first because: " + card.outcomes().getFirst().error());
        }
        return card;
    }
}
