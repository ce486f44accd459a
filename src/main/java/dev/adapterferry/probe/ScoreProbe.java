package dev.adapterferry.probe;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.MissingEndpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Ranking;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Asks a reranker or classifier for scores of pairs, and judges them: one for each text, finite, not all the same, fast enough. Servers without {@code /v1/rerank} (LM Studio,
 * Ollama) leave the question open, which is no fault of the model. One unmeasured request goes first, as in {@link AnswerProbe}.
 */
final class ScoreProbe {
    private static final List<String> TEXTS = List.of("The ferry leaves at noon.", "Bread is made of flour, water and salt.", "Hello");

    private final HttpCaller caller;
    private final Limits limits;

    /**
     * @param caller sends the requests
     * @param limits what is fast enough, how often to try again
     */
    ScoreProbe(HttpCaller caller, Limits limits) {
        this.caller = caller;
        this.limits = limits;
    }

    /**
     * Asks for scores.
     *
     * @param subject  the model; its prompts are queries here
     * @param findings receives what is wrong
     */
    List<Health.AnswerReport> check(Subject subject, List<Finding> findings) {
        Retry retry = new Retry(limits.retries(), limits.retryDelay());
        Set<String> queries = new LinkedHashSet<>(subject.prompts().stream().map(TestPrompt::prompt).toList());
        queries.add("When does the ferry leave?");
        try {
            retry.call(() -> new OpenAiClient(subject.endpoint().within(limits.loadTimeout()), caller).rank(subject.modelId(), queries.iterator().next(), TEXTS));
        } catch (MissingEndpoint e) {
            findings.add(new Finding(Status.DEGRADED, "answer", "'" + subject.modelId() + "' makes scores, and the server has no /v1/rerank to ask for them, so nobody knows whether it does: " + e.getMessage()
                    + " (LM Studio has none; llama-server has, with --reranking, and the ferry's own server)"));
            return List.of();
        } catch (FerryException e) {
            findings.add(new Finding(Status.UNHEALTHY, "answer", "'" + subject.modelId() + "' makes no scores: " + e.getMessage()));
            return List.of();
        }
        OpenAiClient client = new OpenAiClient(subject.endpoint().within(limits.answerTimeout()), caller);
        List<Health.AnswerReport> reports = new ArrayList<>();
        for (String query : queries) {
            try {
                Ranking ranking = retry.call(() -> client.rank(subject.modelId(), query, TEXTS));
                String trouble = trouble(ranking.scores());
                if (!trouble.isEmpty()) {
                    findings.add(new Finding(Status.UNHEALTHY, "answer", "the scores of '" + query + "' " + trouble));
                }
                if (ranking.elapsed().compareTo(limits.maxLatency()) > 0) {
                    findings.add(new Finding(Status.DEGRADED, "answer", "the scores of '" + query + "' took " + ranking.elapsed().toMillis() + " ms, at most " + limits.maxLatency().toMillis() + " ms are healthy"));
                }
                String made = String.join(", ", Arrays.stream(ranking.scores()).mapToObj(score -> String.format(Locale.ROOT, "%.4f", score)).toList());
                reports.add(new Health.AnswerReport(query, trouble.isEmpty(), ranking.model(), "scores " + made, "", "", ranking.elapsed().toMillis(), null, null, null, trouble.isEmpty() ? null : trouble));
            } catch (FerryException e) {
                findings.add(new Finding(Status.UNHEALTHY, "answer", "no scores of '" + query + "': " + e.getMessage()));
                reports.add(new Health.AnswerReport(query, false, null, "", "", "", null, null, null, null, e.getMessage()));
            }
        }
        return reports;
    }

    private static String trouble(double... scores) {
        if (!Arrays.stream(scores).allMatch(Double::isFinite)) {
            return "are not one finite number for each text";
        }
        return Arrays.stream(scores).distinct().count() == 1 ? "are the same for every text" : "";
    }
}
