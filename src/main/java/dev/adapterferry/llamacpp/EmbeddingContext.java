package dev.adapterferry.llamacpp;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.quant.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.Set;

/**
 * Makes vectors of texts with a {@link LoadedModel}. For one thread at a time; whoever opens it closes it, before the model.
 *
 * <p>A text goes through in one piece, because in most of these models every token sees all others.
 */
public final class EmbeddingContext implements AutoCloseable {
    /** Architectures without a cache of keys and values; in others build b4916 hides what stands behind a token, whatever file and caller say. */
    private static final Set<String> ENCODERS = Set.of("bert", "jina-bert-v2", "nomic-bert");

    /** By llama.cpp's numbers. */
    private enum Pooling { NONE, MEAN, FIRST, LAST, RANK }

    private final LoadedModel model;
    private final Pooling pooling;
    private final boolean encodes;
    private final NativeContext context;
    private final TokenBatch batch;

    /**
     * Makes a context.
     *
     * @param model   an open model
     * @param tokens  tokens of the longest text
     * @param threads CPU threads
     * @throws FerryException when there is no memory for it, or the embedded build would compute other vectors than the model's
     */
    public EmbeddingContext(LoadedModel model, int tokens, int threads) {
        if (said(model, "attention.causal").filter("false"::equals).isPresent() && model.metadata("general.architecture").filter(ENCODERS::contains).isEmpty()) {
            throw new FerryException("Cannot make vectors with " + model.file() + ": its tokens see those behind them, which llama.cpp " + LlamaLibrary.BUILD
                    + " does not do in this architecture. Use LM Studio, whose llama.cpp is newer.");
        }
        this.model = model;
        this.pooling = said(model, "pooling_type").map(Integer::parseInt).map(EmbeddingContext::pooling).orElse(Pooling.NONE);
        this.encodes = NativeCalls.MODEL_ENCODES.callBoolean(model.open());
        try (Arena call = Arena.ofConfined()) {
            MemorySegment params = NativeCalls.defaults(NativeCalls.CONTEXT_DEFAULTS, NativeCalls.CONTEXT_PARAMS, call);
            for (String length : new String[] {"n_ctx", "n_batch", "n_ubatch"}) {
                NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, length, tokens);
            }
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_threads", threads);
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "n_threads_batch", threads);
            // Build b4916 ends the process over pooling in models that were made to go on with texts.
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "pooling_type", (pooling == Pooling.RANK ? Pooling.RANK : Pooling.NONE).ordinal());
            NativeCalls.setFlag(params, NativeCalls.CONTEXT_PARAMS, "embeddings", true);
            // Nothing is kept for a next token, so the precision costs no memory worth mentioning.
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "type_k", GgmlType.F32.id());
            NativeCalls.setInt(params, NativeCalls.CONTEXT_PARAMS, "type_v", GgmlType.F32.id());
            context = new NativeContext(model, params, tokens);
        }
        batch = new TokenBatch(context.size());
    }

    private static Pooling pooling(int type) {
        return type >= 0 && type < Pooling.values().length ? Pooling.values()[type] : Pooling.NONE;
    }

    /** Read here, because the library looks at these keys in encoders alone. */
    private static Optional<String> said(LoadedModel model, String key) {
        return model.metadata("general.architecture").flatMap(architecture -> model.metadata(architecture + "." + key));
    }

    /** Tokens of the longest text. */
    public int size() {
        return context.size();
    }

    /**
     * The vector of a text, as the model gives it: its length is not 1.
     *
     * @param text at least one token, at most {@link #size()}
     * @throws FerryException when the text is too long, or the file does not say how the vectors of its tokens become one
     */
    public float[] pooled(int... text) {
        if (pooling == Pooling.NONE) {
            throw new FerryException("Cannot make a vector with " + model.file() + ": the file does not say how the vectors of a text's tokens become one (pooling_type)."
                    + " Convert the model again, with its modules.json beside it.");
        }
        if (pooling == Pooling.RANK) {
            throw new FerryException("Cannot make a vector with " + model.file() + ": its model makes scores of texts.");
        }
        float[][] rows = each(text);
        return switch (pooling) {
            case MEAN -> mean(rows);
            case FIRST -> rows[0];
            default -> rows[rows.length - 1];
        };
    }

    /**
     * The score that the file's head makes of a text: its first label's, the only one that the embedded build has.
     *
     * @param text at least one token, at most {@link #size()}
     * @throws FerryException when the text is too long, or the file has no head for scores
     */
    public float score(int... text) {
        if (pooling != Pooling.RANK) {
            throw new FerryException("Cannot score with " + model.file() + ": its model makes no scores (pooling_type is not 4).");
        }
        compute(text);
        MemorySegment found = NativeCalls.EMBEDDING_OF_SEQUENCE.callAddress(context.open(), 0);
        if (found.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp kept no score");
        }
        return found.reinterpret(Float.BYTES).get(JAVA_FLOAT, 0);
    }

    private static float[] mean(float[]... rows) {
        float[] mean = new float[rows[0].length];
        for (int i = 0; i < mean.length; i++) {
            double sum = 0;
            for (float[] row : rows) {
                sum += row[i];
            }
            mean[i] = (float) (sum / rows.length);
        }
        return mean;
    }

    /**
     * One vector per token.
     *
     * @param text at least one token, at most {@link #size()}
     * @throws FerryException when the text is too long
     */
    public float[][] each(int... text) {
        compute(text);
        float[][] rows = new float[text.length][];
        for (int i = 0; i < text.length; i++) {
            rows[i] = vector(NativeCalls.EMBEDDING_OF_TOKEN.callAddress(context.open(), i));
        }
        return rows;
    }

    private void compute(int... text) {
        if (text.length == 0 || text.length > size()) {
            throw new FerryException("Cannot make a vector with " + model.file() + ": the text has " + text.length + " tokens, between 1 and " + size() + " fit.");
        }
        context.clear();
        MemorySegment filled = batch.of(model.vocabulary(), text, 0, text.length, 0, true);
        context.compute(encodes ? NativeCalls.ENCODE : NativeCalls.DECODE, filled, text.length);
    }

    private float[] vector(MemorySegment row) {
        if (row.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp kept no vector");
        }
        return row.reinterpret((long) model.embeddingLength() * Float.BYTES).toArray(JAVA_FLOAT);
    }

    /** Frees the buffers. */
    @Override
    public void close() {
        context.close();
        batch.close();
    }
}
