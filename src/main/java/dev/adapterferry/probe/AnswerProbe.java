package dev.adapterferry.probe;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/**
 * Asks the test prompts and judges the answers: by the right model, long enough, with what is required and without what
 * is forbidden, no sign of a garbled model, fast enough. One unmeasured request goes first, since the server may have to
 * load the model for it.
 */
public final class AnswerProbe {
    private static final int EXCERPT = 500;

    private final HttpCaller caller;
    private final Limits limits;

    /**
     * @param caller sends the warm-up
     * @param limits what is fast enough, how often to try again
     */
    public AnswerProbe(HttpCaller caller, Limits limits) {
        this.caller = caller;
        this.limits = limits;
    }

    /**
     * Asks all prompts of a model.
     *
     * @param subject  the model
     * @param findings receives what is wrong
     */
    public List<Health.AnswerReport> check(Subject subject, List<Finding> findings) {
        Retry retry = new Retry(limits.retries(), limits.retryDelay());
        OpenAiClient client = new OpenAiClient(subject.endpoint().within(limits.answerTimeout()), caller);
        try {
            String warmUp = subject.prompts().isEmpty() ? "Hello" : subject.prompts().getFirst().prompt();
            retry.call(() -> new OpenAiClient(subject.endpoint().within(limits.loadTimeout()), caller).ask(question(subject, warmUp, 1)));
        } catch (FerryException e) {
            findings.add(new Finding(Status.UNHEALTHY, "answer", "'" + subject.modelId() + "' gives no answer: " + e.getMessage()));
            return List.of();
        }
        List<Health.AnswerReport> reports = new ArrayList<>();
        for (TestPrompt prompt : subject.prompts()) {
            try {
                Answer answer = retry.call(() -> client.askStreaming(question(subject, prompt.prompt(), limits.maxTokens())));
                List<Finding> found = judge(subject, prompt, answer);
                findings.addAll(found);
                boolean passed = found.stream().noneMatch(finding -> finding.status() == Status.UNHEALTHY);
                reports.add(report(prompt, passed, answer));
            } catch (FerryException e) {
                findings.add(new Finding(Status.UNHEALTHY, "answer", "no answer to '" + prompt.prompt() + "': " + e.getMessage()));
                reports.add(new Health.AnswerReport(prompt.prompt(), false, null, "", "", "", null, null, null, null, e.getMessage()));
            }
        }
        return reports;
    }

    private Question question(Subject subject, String prompt, int maxTokens) {
        return new Question(subject.modelId(), subject.system(), prompt, subject.temperature(), 1, maxTokens, 1, List.of());
    }

    private List<Finding> judge(Subject subject, TestPrompt prompt, Answer answer) {
        List<Finding> found = new ArrayList<>();
        String about = "the answer to '" + prompt.prompt() + "' ";
        // LM Studio answers an unknown model's questions with whatever model is loaded.
        if (!answer.isFrom(subject.modelId())) {
            found.add(bad(about + "came from '" + answer.model() + "', asked was '" + subject.modelId() + "'"));
        }
        String text = answer.text().strip();
        if (text.length() < prompt.minimumLength()) {
            found.add(bad(about + "has " + text.length() + " characters, at least " + prompt.minimumLength() + " were expected"
                    + (answer.finishReason().isEmpty() ? "" : " (finish reason " + answer.finishReason() + ")")));
        }
        for (String pattern : prompt.required()) {
            if (!Pattern.compile(pattern).matcher(text).find()) {
                found.add(bad(about + "does not match the required /" + pattern + "/"));
            }
        }
        for (String pattern : prompt.forbidden()) {
            if (Pattern.compile(pattern).matcher(text).find()) {
                found.add(bad(about + "matches the forbidden /" + pattern + "/"));
            }
        }
        Sanity.complaints(text).forEach(complaint -> found.add(bad(about + "looks broken: " + complaint)));
        judgeSpeed(about, answer, found);
        return found;
    }

    private void judgeSpeed(String about, Answer answer, List<Finding> found) {
        if (answer.elapsed().compareTo(limits.maxLatency()) > 0) {
            found.add(slow(about + "took " + answer.elapsed().toMillis() + " ms, at most " + limits.maxLatency().toMillis() + " ms are healthy"));
        }
        Duration first = answer.firstToken();
        if (first != null && first.compareTo(limits.maxFirstToken()) > 0) {
            found.add(slow(about + "began after " + first.toMillis() + " ms, at most " + limits.maxFirstToken().toMillis() + " ms are healthy"));
        }
        Double rate = answer.tokensPerSecond();
        if (rate != null && rate < limits.minTokensPerSecond()) {
            found.add(slow(about + "came at " + Math.round(rate * 10) / 10.0 + " tokens/s, at least " + limits.minTokensPerSecond() + " are healthy"));
        }
    }

    private static Health.AnswerReport report(TestPrompt prompt, boolean passed, Answer answer) {
        return new Health.AnswerReport(prompt.prompt(), passed, answer.model(), shorten(answer.content()), shorten(answer.reasoning()), answer.finishReason(),
                answer.elapsed().toMillis(), answer.firstToken() == null ? null : answer.firstToken().toMillis(),
                answer.completionTokens() < 0 ? null : answer.completionTokens(), answer.tokensPerSecond(), null);
    }

    private static String shorten(String text) {
        return text.length() <= EXCERPT ? text : text.substring(0, EXCERPT) + "...";
    }

    private static Finding bad(String sentence) {
        return new Finding(Status.UNHEALTHY, "answer", sentence);
    }

    private static Finding slow(String sentence) {
        return new Finding(Status.DEGRADED, "answer", sentence);
    }
}
