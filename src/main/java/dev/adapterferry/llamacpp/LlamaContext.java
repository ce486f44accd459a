package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.quant.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * One sequence being computed: the key-value cache of a {@link LoadedModel} and its compute buffers. For one thread at a
 * time; whoever opens it closes it, before the model.
 */
public final class LlamaContext implements AutoCloseable {
    /** Tokens that one native call takes. */
    static final int BATCH = 512;

    private final LoadedModel model;
    private final int vocabularySize;
    private final NativeContext context;
    private final TokenBatch batch;
    private int position;

    /**
     * Makes a context.
     *
     * @param model   an open model
     * @param tokens  room for prompt and answer; 0 for as many as the model was trained for
     * @param threads CPU threads
     * @throws FerryException when there is no memory for it
     */
    public LlamaContext(LoadedModel model, int tokens, int threads) {
        this(model, tokens, threads, false);
    }

    private LlamaContext(LoadedModel model, int tokens, int threads, boolean exact) {
        this.model = model;
        this.vocabularySize = model.vocabulary().size();
        try (Arena call = Arena.ofConfined()) {
            MemorySegment params = NativeCalls.defaults(NativeCalls.CONTEXT_DEFAULTS, NativeCalls.CONTEXT_PARAMS, call);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_ctx", tokens == 0 ? model.trainedContext() : tokens);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_batch", BATCH);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_ubatch", BATCH);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_threads", threads);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_threads_batch", threads);
            if (exact) {
                NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "type_k", GgmlType.F32.id());
                NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "type_v", GgmlType.F32.id());
            }
            context = new NativeContext(model, params, tokens);
        }
        batch = new TokenBatch(BATCH);
    }

    /**
     * Makes a context that keeps keys and values as F32 instead of F16: for comparing numbers, at twice the memory.
     *
     * @param model   an open model
     * @param tokens  room for prompt and answer
     * @param threads CPU threads
     * @throws FerryException when there is no memory for it
     */
    public static LlamaContext exact(LoadedModel model, int tokens, int threads) {
        return new LlamaContext(model, tokens, threads, true);
    }

    /** Tokens that fit. */
    public int size() {
        return context.size();
    }

    /** Tokens computed so far. */
    public int position() {
        return position;
    }

    /** Forgets everything computed so far. */
    public void clear() {
        context.clear();
        position = 0;
    }

    /**
     * Goes on with tokens and answers what may come next.
     *
     * @param more at least one token
     * @return one logit per token of the vocabulary, after the last of them
     * @throws FerryException when the context is full
     */
    public float[] decode(int... more) {
        advance(more);
        return logits(-1);
    }

    /**
     * Goes on with tokens and answers what may come next after each.
     *
     * @param more at least one token
     * @return {@code more.length} rows of one logit per token of the vocabulary
     * @throws FerryException when the context is full
     */
    public float[][] decodeAll(int... more) {
        float[][] rows = new float[more.length][];
        for (int from = 0; from < more.length; from += BATCH) {
            int count = Math.min(BATCH, more.length - from);
            step(more, from, count, true);
            for (int i = 0; i < count; i++) {
                rows[from + i] = logits(i);
            }
        }
        return rows;
    }

    /**
     * How surprised the model is: the mean of {@code -ln p(token | all before)} over every token but the first, from an
     * empty context. {@code exp} of it is the perplexity.
     *
     * @param text at least two tokens, at most {@link #size()}
     * @return nats per token
     */
    public double meanNegativeLogLikelihood(int... text) {
        if (text.length < 2) {
            throw new IllegalArgumentException("a likelihood needs two tokens, not " + text.length);
        }
        clear();
        double sum = 0;
        for (int from = 0; from < text.length - 1; from += BATCH) {
            int count = Math.min(BATCH, text.length - 1 - from);
            step(text, from, count, true);
            for (int i = 0; i < count; i++) {
                sum -= logProbability(logits(i), text[from + i + 1]);
            }
        }
        return sum / (text.length - 1);
    }

    /** Goes on with tokens; logits are kept for the last only. */
    void advance(int... more) {
        if (more.length == 0) {
            throw new IllegalArgumentException("nothing to decode");
        }
        for (int from = 0; from < more.length; from += BATCH) {
            step(more, from, Math.min(BATCH, more.length - from), false);
        }
    }

    /** The native context, for the sampler. */
    MemorySegment open() {
        return context.open();
    }

    private void step(int[] from, int offset, int count, boolean everyLogit) {
        if (position + count > size()) {
            throw new FerryException("Cannot go on in the context of " + model.file() + ": it holds " + size() + " tokens, "
                    + (position + count) + " are asked for. Load the model with a larger context length, or ask for less.");
        }
        MemorySegment filled = batch.of(model.vocabulary(), from, offset, count, position, everyLogit);
        context.compute(NativeCalls.DECODE, filled, count);
        position += count;
    }

    private float[] logits(int index) {
        MemorySegment row = NativeCalls.LOGITS.callAddress(open(), index);
        if (row.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp kept no logits of token " + index);
        }
        return row.reinterpret((long) vocabularySize * Float.BYTES).toArray(JAVA_FLOAT);
    }

    private static double logProbability(float[] logits, int token) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            max = Math.max(max, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - max);
        }
        return logits[token] - max - Math.log(sum);
    }

    /** Frees the cache and the buffers. */
    @Override
    public void close() {
        context.close();
        batch.close();
    }
}
