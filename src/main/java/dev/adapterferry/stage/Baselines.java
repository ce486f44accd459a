package dev.adapterferry.stage;

import dev.adapterferry.deploy.ReleaseStore;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What a release is held against: an earlier release and the base.
 *
 * @param ledger  knows the runs that made releases
 * @param release number of the earlier release, or empty for none
 * @param base    folder of the base checkpoint, or empty when it is not to be asked
 */
public record Baselines(Ledger ledger, Optional<Integer> release, Optional<Path> base) {
    /**
     * Scorecards of what there is to compare with.
     *
     * @param previous of the earlier release
     * @param base     of the base
     * @param notes    why one is missing although it was wanted
     */
    record Found(Optional<Scorecard> previous, Optional<Scorecard> base, List<String> notes) { }

    /** Folder of the base that a release was made of, where the run that made it is still known. */
    public static Optional<Path> baseOf(Settings settings, Ledger ledger, String model, int release) {
        return entry(ledger, model, release).flatMap(ReleaseEntry::run).flatMap(run -> new Records(settings.runs().resolve(run)).find(Stage.MERGE, Facts.Merged.class)).map(Facts.Merged::base);
    }

    private static Optional<ReleaseEntry> entry(Ledger ledger, String model, int release) {
        return ledger.releases().of(model).stream().filter(entry -> entry.number() == release).findFirst();
    }

    Found find(ReleaseEvaluation evaluation, String holder, String model, String format, List<Prompt> prompts) {
        List<String> notes = new ArrayList<>();
        Optional<Scorecard> previous = release.flatMap(number -> previous(evaluation, holder, model, number, format, prompts, notes));
        return new Found(previous, base.flatMap(folder -> base(evaluation, holder, model, folder, format, prompts, notes)), notes);
    }

    /** What was asked when the release was made stands, under today's conditions; what was not asked then is asked now, of the kept file. */
    private Optional<Scorecard> previous(ReleaseEvaluation evaluation, String holder, String model, int number, String format, List<Prompt> prompts, List<String> notes) {
        Settings settings = evaluation.settings();
        try {
            Optional<Scorecard> known = entry(ledger, model, number).flatMap(ReleaseEntry::run).map(run -> settings.runs().resolve(run).resolve("evaluation.json")).filter(Files::isRegularFile)
                    .flatMap(file -> EvaluationReport.readCards(file).stream().findFirst()).filter(card -> card.format().equalsIgnoreCase(format)).flatMap(card -> card.rescored(prompts));
            return Optional.of(known.isPresent() ? known.get() : evaluation.embedded(holder + " release " + number, kept(settings, model, number, format), prompts));
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            notes.add("No comparison with release " + number + ": " + e.getMessage());
            return Optional.empty();
        }
    }

    private static Entrant kept(Settings settings, String model, int number, String format) {
        boolean same = new ReleaseStore(settings.deploy().releases()).get(model, number).files().stream().anyMatch(file -> file.format().equalsIgnoreCase(format));
        return Entrant.kept(settings, model, number, same ? Optional.of(format) : Optional.empty());
    }

    private static Optional<Scorecard> base(ReleaseEvaluation evaluation, String holder, String model, Path folder, String format, List<Prompt> prompts, List<String> notes) {
        try {
            Path file = ConvertedBase.file(evaluation.settings(), folder, format, evaluation.progress(), evaluation.cancellation());
            return Optional.of(evaluation.embedded(holder + " base", Entrant.base(evaluation.settings(), model, format, file), prompts));
        } catch (Cancelled e) {
            throw e;
        } catch (FerryException e) {
            notes.add("No comparison with the base: " + e.getMessage());
            return Optional.empty();
        }
    }
}
