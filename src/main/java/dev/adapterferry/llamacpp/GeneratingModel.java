package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A model that answers prompts. One answer at a time; further callers wait their turn. Every answer starts from an empty
 * context, so that the same prompt and seed give the same answer whatever was asked before.
 *
 * <p>Closing frees weights and caches at once and leaves no thread behind.
 */
public final class GeneratingModel implements AutoCloseable {
    /** Context when the caller names none: enough for a chat, and bounded whatever the model was trained for. */
    public static final int USUAL_CONTEXT = 4096;

    private static final Logger LOG = LoggerFactory.getLogger(GeneratingModel.class);

    /** Tensor bytes that make one more thread worth its waiting at the others. */
    private static final long BYTES_PER_THREAD = 32L << 20;

    private final LoadedModel model;
    private final LlamaContext context;
    private final ReentrantLock turn = new ReentrantLock(true);

    /**
     * Loads a file.
     *
     * @param file          GGUF file
     * @param contextLength tokens of prompt and answer; 0 for {@link #USUAL_CONTEXT} or what the model was trained for, whichever is less
     * @param threads       CPU threads; 0 for as many as the model's size and the machine make useful
     * @param gpuLayers     layers to put on the GPU where the library has one; 0 for none
     * @throws FerryException when llama.cpp refuses the file or memory is short
     */
    public GeneratingModel(Path file, int contextLength, int threads, int gpuLayers) {
        model = LoadedModel.open(file, gpuLayers);
        model.metadata("general.architecture").filter(LlamaLibrary.COMPUTES_OTHERWISE::contains)
                .ifPresent(arch -> LOG.warn("The embedded llama.cpp ({}) computes {} models wrongly: do not trust what {} answers here. A current llama.cpp or LM Studio computes it right.", LlamaLibrary.BUILD, arch, file));
        try {
            int trained = model.trainedContext() > 0 ? model.trainedContext() : USUAL_CONTEXT;
            context = new LlamaContext(model, contextLength > 0 ? contextLength : Math.min(USUAL_CONTEXT, trained), threads > 0 ? threads : usefulThreads(model.tensorBytes()));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /**
     * Threads that help. They meet after every matrix, and one that the system has put aside holds up all: a model of a few
     * megabytes answers faster with one, on a busy machine many times faster.
     */
    static int usefulThreads(long tensorBytes) {
        return (int) Math.clamp(tensorBytes / BYTES_PER_THREAD, 1, Runtime.getRuntime().availableProcessors());
    }

    /** The loaded file. */
    public LoadedModel model() {
        return model;
    }

    /** Tokens of prompt and answer that fit. */
    public int contextLength() {
        return context.size();
    }

    /**
     * Continues a text. Markers such as {@code <|im_start|>} in it are read as the tokens that they name.
     *
     * @param prompt       the text as the model is to see it, chat markers included
     * @param sampling     how to choose tokens and when to stop
     * @param cancellation checked before every token
     * @param listener     hears the answer piece by piece, on the calling thread; may throw to end it
     * @return the whole answer
     * @throws FerryException when the prompt leaves no room in the context
     * @throws Cancelled      when asked to stop
     */
    public Generation complete(String prompt, Sampling sampling, Cancellation cancellation, Consumer<String> listener) {
        turn.lock();
        try (Sampler sampler = new Sampler(sampling)) {
            cancellation.check("answer of " + model.file().getFileName());
            return generate(prompt, sampling, sampler, cancellation, listener);
        } finally {
            turn.unlock();
        }
    }

    private Generation generate(String prompt, Sampling sampling, Sampler sampler, Cancellation cancellation, Consumer<String> listener) {
        long start = System.nanoTime();
        int[] tokens = promptTokens(prompt);
        if (tokens.length >= context.size()) {
            throw new PromptTooLong("The prompt has " + tokens.length + " tokens, the context of " + model.file().getFileName() + " holds "
                    + context.size() + ". Shorten the prompt, or load the model with a larger context length.");
        }
        int room = context.size() - tokens.length;
        int most = sampling.maxTokens() < 0 ? room : Math.min(room, sampling.maxTokens());
        context.clear();
        readPrompt(tokens, cancellation);
        AnswerText answer = new AnswerText(sampling.stop(), listener);
        Generation.Finish finish = Generation.Finish.LENGTH;
        long first = 0;
        int count = 0;
        while (count < most) {
            cancellation.check("answer of " + model.file().getFileName());
            int token = sampler.next(context);
            first = first == 0 ? System.nanoTime() : first;
            if (model.vocabulary().endsGeneration(token)) {
                finish = Generation.Finish.STOP;
                break;
            }
            count++;
            if (!answer.add(model.vocabulary().bytes(token, false))) {
                finish = Generation.Finish.STOP;
                break;
            }
            if (count < most) {
                context.advance(token);
            }
        }
        String text = answer.finish();
        long end = System.nanoTime();
        return new Generation(text, tokens.length, count, finish, Duration.ofNanos((first == 0 ? end : first) - start), Duration.ofNanos(end - start));
    }

    /** Reads a long prompt in pieces, so that a cancellation is heard between them. */
    private void readPrompt(int[] tokens, Cancellation cancellation) {
        for (int from = 0; from < tokens.length; from += LlamaContext.BATCH) {
            cancellation.check("answer of " + model.file().getFileName());
            context.advance(Arrays.copyOfRange(tokens, from, Math.min(tokens.length, from + LlamaContext.BATCH)));
        }
    }

    private int[] promptTokens(String prompt) {
        Vocabulary vocabulary = model.vocabulary();
        int[] tokens = vocabulary.tokenize(prompt, true, true);
        if (tokens.length == 0) {
            throw new FerryException("An empty prompt gives " + model.file().getFileName() + " nothing to continue. Send some text.");
        }
        // A template that writes the begin token itself, for a vocabulary that adds it as well: once is right.
        boolean twice = vocabulary.addsBos() && tokens.length > 1 && tokens[0] == tokens[1] && tokens[0] == vocabulary.bos().orElse(-1);
        return twice ? Arrays.copyOfRange(tokens, 1, tokens.length) : tokens;
    }

    /** Waits for a running answer, then frees everything. */
    @Override
    public void close() {
        turn.lock();
        try {
            context.close();
            model.close();
        } finally {
            turn.unlock();
        }
    }

    /** The prompt does not fit into the context. */
    public static final class PromptTooLong extends FerryException {
        private static final long serialVersionUID = 1L;

        PromptTooLong(String sentence) {
            super(sentence);
        }
    }
}
