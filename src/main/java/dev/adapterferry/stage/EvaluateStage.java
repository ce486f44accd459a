package dev.adapterferry.stage;

import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.settings.EvaluateSettings;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Scores the deployed release on its prompt sets, holds it against the one before it, and applies the gate. */
public final class EvaluateStage implements StageWork {
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Fallback fallback;
    private final Ledger ledger;
    private final Announcer announcer;

    /**
     * @param caller    sends the small requests
     * @param servers   finds or starts the server
     * @param fallback  takes a release back that does not hold
     * @param ledger    keeps the score with the release
     * @param announcer tells of a release that lost against the one before
     */
    public EvaluateStage(HttpCaller caller, ModelServers servers, Fallback fallback, Ledger ledger, Announcer announcer) {
        this.caller = caller;
        this.servers = servers;
        this.fallback = fallback;
        this.ledger = ledger;
        this.announcer = announcer;
    }

    @Override
    public Stage stage() {
        return Stage.EVALUATE;
    }

    @Override
    public Class<Facts.Evaluated> facts() {
        return Facts.Evaluated.class;
    }

    @Override
    public Optional<String> key(RunContext run) {
        Facts.Deployed deployed = run.records().get(Stage.DEPLOY, Facts.Deployed.class);
        EvaluateSettings evaluate = run.settings().evaluate();
        StageKey key = new StageKey("evaluate", 2).with("file", deployed.primaryFile().item().sha256()).with("system", run.model().systemPrompt())
                .with("temperature", run.model().temperature()).with("max-tokens", evaluate.maxTokens()).with("min-score", evaluate.minScore()).with("max-drop", evaluate.maxDrop())
                .with("max-errors", evaluate.maxErrors()).with("base", evaluate.base()).with("previous", deployed.previous());
        if (evaluate.enabled()) {
            PromptSets.files(run.settings(), run.name()).forEach(set -> key.with("set " + set.getFileName(), Sha256.of(set)));
        }
        if (evaluate.promote()) {
            key.with("promote", true);
        }
        return Optional.of(key.hex());
    }

    @Override
    public Facts.Evaluated carry(RunContext run) {
        Facts.Deployed deployed = new ActiveReleases(run.settings(), ledger).now(run.name(), run.records().get(Stage.DEPLOY, Facts.Deployed.class));
        EvaluateSettings settings = run.settings().evaluate();
        if (!settings.enabled() || PromptSets.files(run.settings(), run.name()).isEmpty()) {
            return new Facts.Evaluated(null, 0, 0, null, null);
        }
        ModelUse use = ModelHealth.use(deployed);
        if (!use.served()) {
            return new Facts.Evaluated(null, 0, 0, null, "not scored: no server answers with " + use.kind(), null, null, null);
        }
        if (use != ModelUse.ANSWERS) {
            return new Facts.Evaluated(null, 0, 0, null, "not scored: a model that makes " + use.name().toLowerCase(Locale.ROOT) + " of texts answers no prompts", null, null, null);
        }
        Baselines baselines = new Baselines(ledger, Optional.ofNullable(deployed.previous()),
                settings.base() ? run.records().find(Stage.MERGE, Facts.Merged.class).map(Facts.Merged::base) : Optional.empty());
        EvaluationReport report = fallback.whileServed(run, deployed, "evaluation", () -> new ReleaseEvaluation(run.settings(), caller, servers, run.progress(), run.cancellation())
                .evaluate(run.id(), run.name(), deployed, List.of(deployed.primary()), baselines));
        Path file = report.write(run.folder());
        ActiveReleases.scored(ledger, run.name(), deployed.release(), report);
        if (!report.passed()) {
            throw new FerryException("The evaluation of " + run.name() + " (release " + deployed.release() + ") did not pass: " + String.join("; ", report.objections()) + ". The report is "
                    + file.resolveSibling("evaluation.html") + "." + fallback.takeBack(run, deployed, String.join("; ", report.objections())));
        }
        Selection.Chosen chosen = settings.promote() ? new Selection(run, ledger, caller, servers, announcer).choose(deployed, report) : new Selection.Chosen(report, deployed.release(), "");
        if (chosen.report() != report) {
            chosen.report().write(run.folder());
        }
        Scorecard card = report.cards().getFirst();
        String compared = report.comparisons().isEmpty() ? null : report.comparisons().stream().map(one -> "against " + one.reference() + " " + one.reason()).collect(Collectors.joining("; "));
        return new Facts.Evaluated(card.score(), card.outcomes().size(), card.errors(), card.tokensPerSecond(), compared, file, chosen.reason().isEmpty() ? null : chosen.release(), chosen.reason().isEmpty() ? null : chosen.reason());
    }

    @Override
    public String summary(Object facts) {
        Facts.Evaluated evaluated = (Facts.Evaluated) facts;
        if (evaluated.prompts() == 0) {
            return evaluated.compared() == null ? "no prompt set" : evaluated.compared();
        }
        return String.format(Locale.ROOT, "score %.2f over %d prompts%s%s%s%s", evaluated.score(), evaluated.prompts(), evaluated.errors() == 0 ? "" : ", " + evaluated.errors() + " errors",
                evaluated.tokensPerSecond() == null ? "" : String.format(Locale.ROOT, ", %.0f tokens/s", evaluated.tokensPerSecond()), evaluated.compared() == null ? "" : "; " + evaluated.compared(),
                evaluated.choice() == null ? "" : "; " + evaluated.choice());
    }
}
