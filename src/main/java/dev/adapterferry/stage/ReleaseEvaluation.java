package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.evaluate.Comparison;
import dev.adapterferry.evaluate.Contender;
import dev.adapterferry.evaluate.Evaluation;
import dev.adapterferry.evaluate.EvaluationReport;
import dev.adapterferry.evaluate.Gate;
import dev.adapterferry.evaluate.Prompt;
import dev.adapterferry.evaluate.Scorecard;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.EvaluateSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * Scores a release on the model's prompt sets and holds it against the release before it and against the base. The same for the
 * stage and the command.
 */
public final class ReleaseEvaluation {
    /** How scorecards name the server that the ferry itself starts: it runs the same on any day. */
    static final String OWN_SERVER = "embedded";
    private static final int RETRIES = 2;

    private final Settings settings;
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Progress progress;
    private final Cancellation cancellation;

    /**
     * @param settings     how models are scored
     * @param caller       sends the small requests
     * @param servers      finds or starts the server
     * @param progress     hears of answers
     * @param cancellation asked before each prompt
     */
    public ReleaseEvaluation(Settings settings, HttpCaller caller, ModelServers servers, Progress progress, Cancellation cancellation) {
        this.settings = settings;
        this.caller = caller;
        this.servers = servers;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /**
     * Scores a release.
     *
     * @param holder    who needs the server
     * @param model     the model's name
     * @param release   what is deployed of it
     * @param formats   formats to score, the judged one first; several are asked one after another on the ferry's own server, so
     *                  that speed can be compared
     * @param baselines what it is held against
     * @throws FerryException when there is no prompt, or no server, or the model answers nothing
     */
    public EvaluationReport evaluate(String holder, String model, Facts.Deployed release, List<String> formats, Baselines baselines) {
        requireAnswers("evaluate " + model, release.primaryFile().item().path());
        List<Prompt> prompts = PromptSets.prompts(settings, model);
        List<Scorecard> cards = new ArrayList<>();
        if (formats.size() == 1 && formats.getFirst().equals(release.primary())) {
            cards.add(deployed(holder, model, release, prompts));
        } else {
            formats.forEach(format -> cards.add(embedded(holder + " " + format, Entrant.kept(settings, model, release.release(), Optional.of(format)), prompts)));
        }
        Scorecard judged = cards.getFirst();
        List<Comparison> comparisons = new ArrayList<>(cards.stream().skip(1).map(card -> Comparison.of(card, judged)).toList());
        Baselines.Found found = baselines.find(this, holder, model, judged.format(), prompts);
        Optional<Comparison> previous = found.previous().map(card -> Comparison.of(judged, card));
        Optional<Comparison> base = found.base().map(card -> Comparison.of(judged, card));
        found.previous().ifPresent(cards::add);
        found.base().ifPresent(cards::add);
        previous.ifPresent(comparisons::add);
        base.ifPresent(comparisons::add);
        return new EvaluationReport(model, Instant.now(), cards, comparisons, gate(settings.evaluate()).objections(judged, previous, base), found.notes());
    }

    /**
     * Refuses a model that answers no prompts.
     *
     * @param doing what is being done, for the message
     * @param file  one of its files
     */
    static void requireAnswers(String doing, Path file) {
        ModelUse use = ModelUse.of(file);
        if (!use.served()) {
            throw new FerryException("Cannot " + doing + ": " + file.getFileName() + " is " + use.kind() + ", and no server answers with such a one. A program of llama.cpp does: " + use.call("FILE") + ".");
        }
        if (use != ModelUse.ANSWERS) {
            throw new FerryException("Cannot " + doing + ": " + file.getFileName() + " makes " + use.name().toLowerCase(Locale.ROOT) + " of texts and answers no prompts. 'ferry health' checks them, 'ferry compare'"
                    + " tells how far the vectors of two formats or releases are apart; whether they find what they should is told by a retrieval test of your own texts.");
        }
    }

    private static Gate gate(EvaluateSettings evaluate) {
        return new Gate(evaluate.minScore().isPresent() ? (Double) evaluate.minScore().getAsDouble() : null, evaluate.maxDrop(), evaluate.maxErrors(), true);
    }

    private Scorecard deployed(String holder, String name, Facts.Deployed release, List<Prompt> prompts) {
        ModelProfile profile = Places.profile(settings, name, release.release());
        return ask(Entrant.label(name, release.release(), release.primary()), release.primary(), servers.serve(holder, settings, name, release), profile.system(), profile.temperature(), prompts);
    }

    /** Scores a file on a server of the ferry's own, which ends with it. */
    Scorecard embedded(String holder, Entrant entrant, List<Prompt> prompts) {
        try {
            return ask(entrant.label(), entrant.format(), servers.embed(holder, settings, entrant.served()), entrant.served().systemPrompt(), entrant.served().temperature(), prompts);
        } finally {
            servers.release(holder);
        }
    }

    private Scorecard ask(String label, String format, ModelServers.Serving serving, String system, double temperature, List<Prompt> prompts) {
        EvaluateSettings evaluate = settings.evaluate();
        return new Evaluation(caller, new Evaluation.Options(evaluate.concurrency(), evaluate.warmUp(), evaluate.maxTokens(), RETRIES, progress, cancellation))
                .run(new Contender(label, format, serving.modelId(), serving.endpoint().within(evaluate.timeout()), system, temperature,
                        serving.embedded() ? OWN_SERVER : serving.endpoint().toString()), prompts);
    }

    Settings settings() {
        return settings;
    }

    Progress progress() {
        return progress;
    }

    Cancellation cancellation() {
        return cancellation;
    }
}
