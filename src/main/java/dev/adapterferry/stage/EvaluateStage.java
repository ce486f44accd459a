package dev.adapterferry.stage;

import dev.adapterferry.evaluate.Contender;
import dev.adapterferry.evaluate.Evaluation;
import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.PromptSet;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.settings.EvaluateSettings;
import dev.adapterferry.settings.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** Scores the deployed release on its prompt sets and applies the gate. */
public final class EvaluateStage implements StageWork {
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Fallback fallback;
    private final Ledger ledger;

    /**
     * @param caller   sends the small requests
     * @param servers  finds or starts the server
     * @param fallback takes a release back that does not hold
     * @param ledger   keeps the score with the release
     */
    public EvaluateStage(HttpCaller caller, ModelServers servers, Fallback fallback, Ledger ledger) {
        this.caller = caller;
        this.servers = servers;
        this.fallback = fallback;
        this.ledger = ledger;
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
        StageKey key = new StageKey("evaluate", 1).with("file", deployed.primaryFile().item().sha256()).with("system", run.model().systemPrompt())
                .with("temperature", run.model().temperature()).with("max-tokens", evaluate.maxTokens()).with("min-score", evaluate.minScore());
        sets(run).forEach(set -> key.with("set " + set.getFileName(), Sha256.of(set)));
        return Optional.of(key.hex());
    }

    @Override
    public Facts.Evaluated carry(RunContext run) {
        Facts.Deployed deployed = run.records().get(Stage.DEPLOY, Facts.Deployed.class);
        EvaluateSettings settings = run.settings().evaluate();
        List<Prompt> prompts = new ArrayList<>();
        sets(run).forEach(set -> prompts.addAll(PromptSet.read(set)));
        Path report = run.folder().resolve("evaluation.json");
        if (prompts.isEmpty()) {
            return new Facts.Evaluated(null, 0, 0, null, null);
        }
        ModelServers.Serving serving = servers.serve(run, deployed);
        Evaluation evaluation = new Evaluation(caller, new Evaluation.Options(settings.concurrency(), settings.warmUp(), settings.maxTokens(), 2, run.progress(), run.cancellation()));
        Scorecard card = evaluation.run(new Contender(run.name() + " " + deployed.release(), deployed.primary(), serving.modelId(),
                serving.endpoint().within(settings.timeout()), run.model().systemPrompt(), run.model().temperature()), prompts);
        Reports.write(report, card);
        gate(run, deployed, card, report);
        ledger.releases().scored(run.name(), deployed.release(), Records.JSON.createObjectNode().put("score", card.score()).put("prompts", prompts.size()).put("errors", card.errors()).toString());
        return new Facts.Evaluated(card.score(), prompts.size(), card.errors(), card.tokensPerSecond(), report);
    }

    private void gate(RunContext run, Facts.Deployed deployed, Scorecard card, Path report) {
        if (card.score() == null) {
            throw new FerryException("The evaluation of " + run.name() + " got no answer to any of its " + card.outcomes().size() + " prompts. The report is " + report + "."
                    + fallback.takeBack(run, deployed, "it answered none of the evaluation's prompts"));
        }
        var minimum = run.settings().evaluate().minScore();
        if (minimum.isPresent() && card.score() < minimum.getAsDouble()) {
            String scored = String.format(Locale.ROOT, "scored %.2f, below evaluate.min-score %.2f", card.score(), minimum.getAsDouble());
            throw new FerryException("The evaluation of " + run.name() + " " + scored + ". The report is " + report + "." + fallback.takeBack(run, deployed, "it " + scored));
        }
    }

    /** The model's sets by name, or every set of the folder; a named set that is missing is an error. */
    private static List<Path> sets(RunContext run) {
        if (!run.settings().evaluate().enabled()) {
            return List.of();
        }
        Path folder = run.settings().evaluate().path();
        if (!run.model().evaluation().isEmpty()) {
            return run.model().evaluation().stream().map(name -> {
                Path set = folder.resolve(name + ".jsonl");
                if (!Files.isRegularFile(set)) {
                    throw new FerryException("Cannot evaluate " + run.name() + ": there is no prompt set " + set + ".");
                }
                return set;
            }).toList();
        }
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().endsWith(".jsonl")).sorted().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot list the prompt sets in " + folder + ": " + e.getMessage(), e);
        }
    }

    @Override
    public String summary(Object facts) {
        Facts.Evaluated evaluated = (Facts.Evaluated) facts;
        if (evaluated.prompts() == 0) {
            return "no prompt set";
        }
        return String.format(Locale.ROOT, "score %.2f over %d prompts%s%s", evaluated.score(), evaluated.prompts(), evaluated.errors() == 0 ? "" : ", " + evaluated.errors() + " errors",
                evaluated.tokensPerSecond() == null ? "" : String.format(Locale.ROOT, ", %.0f tokens/s", evaluated.tokensPerSecond()));
    }
}
