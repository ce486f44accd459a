package dev.adapterferry.evaluate;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Pattern;

/** Asks one contender all prompts and scores the answers. */
public final class Evaluation {
    private static final Pattern INLINE_REASONING = Pattern.compile("(?s)<think>.*?</think>");

    private final HttpCaller caller;
    private final Options options;

    /**
     * How to ask.
     *
     * @param concurrency  prompts in flight at once
     * @param warmUp       unmeasured prompts first: loading and first-time work stay out of the times
     * @param maxTokens    longest answer
     * @param retries      how often a request that got no answer is sent again
     * @param progress     hears of answers
     * @param cancellation asked before each prompt
     */
    public record Options(int concurrency, int warmUp, int maxTokens, int retries, Progress progress, Cancellation cancellation) {
        /** Refuses what cannot run. */
        public Options {
            if (concurrency < 1 || warmUp < 0 || maxTokens < 1 || retries < 0) {
                throw new SettingsException("Evaluation needs a positive concurrency and max-tokens, not " + concurrency + " and " + maxTokens + "; warm-up and retries must not be negative.");
            }
        }

        /** One prompt at a time, one warm-up, 512 tokens. */
        public static Options defaults() {
            return new Options(1, 1, 512, 2, Progress.NONE, new Cancellation());
        }
    }

    /**
     * @param caller  sends the warm-up
     * @param options how to ask
     */
    public Evaluation(HttpCaller caller, Options options) {
        this.caller = caller;
        this.options = options;
    }

    /**
     * Scores one contender.
     *
     * @param contender the model
     * @param prompts   the questions
     * @return one outcome per prompt, in their order
     */
    public Scorecard run(Contender contender, List<Prompt> prompts) {
        OpenAiClient client = new OpenAiClient(contender.endpoint(), caller);
        for (int i = 0; i < Math.min(options.warmUp(), prompts.size()); i++) {
            warm(client, contender, prompts.get(i));
        }
        AtomicInteger done = new AtomicInteger();
        List<Scored> outcomes = new ArrayList<>();
        try (ExecutorService threads = Executors.newFixedThreadPool(options.concurrency(), Thread.ofVirtual().factory())) {
            List<Future<Scored>> futures = prompts.stream().map(prompt -> threads.submit(() -> options.cancellation().over(() -> {
                Scored scored = ask(client, contender, prompt);
                options.progress().report(new Progress.Step("evaluating " + contender.label(), done.incrementAndGet(), prompts.size(), Progress.Unit.ITEMS));
                return scored;
            }))).toList();
            try {
                for (Future<Scored> future : futures) {
                    outcomes.add(future.get());
                }
            } catch (InterruptedException | ExecutionException e) {
                threads.shutdownNow();
                throw failure(e);
            }
        }
        return new Scorecard(contender.label(), contender.format(), outcomes, ServerMemory.of(contender.endpoint().base()), contender.server());
    }

    private static RuntimeException failure(Exception e) {
        if (e instanceof InterruptedException) {
            Thread.currentThread().interrupt();
            return new Cancelled("evaluate");
        }
        return e.getCause() instanceof RuntimeException cause ? cause : new IllegalStateException(e.getCause());
    }

    private void warm(OpenAiClient client, Contender contender, Prompt prompt) {
        try {
            client.ask(question(contender, prompt));
        } catch (FerryException e) {
            // Whether the model answers is for the measured prompts to say.
        }
    }

    private Scored ask(OpenAiClient client, Contender contender, Prompt prompt) {
        for (int left = options.retries(); ; left--) {
            options.cancellation().check("evaluate " + contender.label());
            try {
                return score(contender, prompt, client.askStreaming(question(contender, prompt)));
            } catch (TransientFailure e) {
                if (left == 0) {
                    return failed(prompt, e);
                }
            } catch (Cancelled e) {
                throw e;
            } catch (FerryException e) {
                return failed(prompt, e);
            }
        }
    }

    private static Scored score(Contender contender, Prompt prompt, Answer answer) {
        if (!answer.isFrom(contender.modelId())) {
            throw new FerryException("'" + answer.model() + "' answered, asked was '" + contender.modelId() + "'.");
        }
        String visible = INLINE_REASONING.matcher(answer.content()).replaceAll("").strip();
        return new Scored(prompt.id(), prompt.category(), prompt.weight(), prompt.prompt(), visible, prompt.score(visible), answer.elapsed().toNanos() / 1e6,
                answer.firstToken() == null ? null : answer.firstToken().toNanos() / 1e6, answer.completionTokens() < 0 ? null : answer.completionTokens(),
                answer.tokensPerSecond(), null);
    }

    private static Scored failed(Prompt prompt, FerryException e) {
        return new Scored(prompt.id(), prompt.category(), prompt.weight(), prompt.prompt(), null, null, null, null, null, null, e.getMessage());
    }

    private Question question(Contender contender, Prompt prompt) {
        return new Question(contender.modelId(), prompt.system() == null ? contender.system() : prompt.system(), prompt.prompt(), contender.temperature(), 1, options.maxTokens(), 1, List.of());
    }
}
