package dev.adapterferry.stage;

import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** What is deployed, as the ledger knows it and in the words of the deploy stage. */
public final class ActiveReleases {
    private final Settings settings;
    private final Ledger ledger;

    /**
     * @param settings name the models
     * @param ledger   knows their releases
     */
    public ActiveReleases(Settings settings, Ledger ledger) {
        this.settings = settings;
        this.ledger = ledger;
    }

    /** Names of the models that have an active release and still are in the settings. */
    public List<String> models() {
        return ledger.releases().active().stream().map(ReleaseEntry::model).filter(settings.models()::containsKey).toList();
    }

    /** The active release of a model. */
    public Optional<Facts.Deployed> find(String model) {
        return ledger.releases().active(model).map(this::deployed);
    }

    /**
     * The active release of a model that must have one.
     *
     * @throws FerryException when nothing of it is deployed
     */
    public Facts.Deployed get(String model) {
        return find(model).orElseThrow(() -> new FerryException("Nothing of " + model + " is deployed. Deploy it first: ferry deploy " + model + "."));
    }

    /**
     * What a run deployed as it is in use now: its files may by now be those of a later release that uses another of their formats.
     *
     * @param recorded what the run deployed
     */
    Facts.Deployed now(String model, Facts.Deployed recorded) {
        return find(model).filter(active -> active.release() != recorded.release() && active.items().equals(recorded.items()))
                .map(active -> new Facts.Deployed(active.release(), active.folder(), active.files(), active.primary(), recorded.previous(), active.modelId(), recorded.clients())).orElse(recorded);
    }

    /** Writes the score of a release down. */
    public static void scored(Ledger ledger, String model, int release, EvaluationReport report) {
        scored(ledger, model, release, report.cards().getFirst(), report.passed());
    }

    /** Writes the score of a release down. */
    public static void scored(Ledger ledger, String model, int release, Scorecard card, boolean passed) {
        ledger.releases().scored(model, release, Records.JSON.createObjectNode().put("score", card.score()).put("prompts", card.outcomes().size()).put("errors", card.errors())
                .put("tokensPerSecond", card.tokensPerSecond()).put("passed", passed).toString());
    }

    private Facts.Deployed deployed(ReleaseEntry entry) {
        List<Facts.Gguf> files = entry.files().stream().map(f -> new Facts.Gguf(f.format(), new Facts.Item(Path.of(f.path()), f.bytes(), f.sha256()))).toList();
        ReleaseSettings with = ReleaseSettings.of(entry);
        String primary = files.stream().map(Facts.Gguf::format).filter(format -> format.equalsIgnoreCase(with.primaryFormat())).findFirst().orElse(files.getFirst().format());
        return new Facts.Deployed(entry.number(), files.getFirst().item().path().getParent(), files, primary, null, with.modelId(), null);
    }
}
