package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.FerryException;
import java.lang.foreign.MemorySegment;

/** A {@code llama_context} of a model: made, computed with and freed in one place, with llama.cpp's own reasons when it refuses. */
final class NativeContext implements AutoCloseable {
    private final LoadedModel model;
    private final int size;
    private MemorySegment context;

    /**
     * Makes it.
     *
     * @param params {@link NativeCalls#CONTEXT_PARAMS}, filled
     * @param tokens that were asked for, for the message
     * @throws FerryException when there is no memory for it
     */
    NativeContext(LoadedModel model, MemorySegment params, int tokens) {
        this.model = model;
        NativeLog.forget();
        context = NativeCalls.CONTEXT_NEW.callAddress(model.open(), params);
        if (context.equals(MemorySegment.NULL)) {
            throw new FerryException("Cannot make a context of " + tokens + " tokens for " + model.file() + ": "
                    + NativeLog.lastErrorOr("llama.cpp gave no reason") + ". Try a smaller context length.");
        }
        size = NativeCalls.CONTEXT_SIZE.callInt(context);
    }

    /** Tokens that fit. */
    int size() {
        return size;
    }

    /** Forgets everything computed so far. */
    void clear() {
        NativeCalls.CONTEXT_CLEAR.call(open());
    }

    /**
     * Computes a batch.
     *
     * @param how   {@link NativeCalls#DECODE} or {@link NativeCalls#ENCODE}
     * @param count tokens of the batch, for the message
     * @throws FerryException when llama.cpp cannot
     */
    void compute(NativeFunction how, MemorySegment batch, int count) {
        NativeLog.forget();
        int answer = how.callInt(open(), batch);
        if (answer != 0) {
            throw new FerryException("llama.cpp could not compute " + count + " tokens of " + model.file() + " (answer " + answer + "): "
                    + NativeLog.lastErrorOr("it gave no reason") + ".");
        }
    }

    /** The native context. */
    MemorySegment open() {
        if (context.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("a context of " + model.file() + " is closed");
        }
        return context;
    }

    @Override
    public void close() {
        if (!context.equals(MemorySegment.NULL)) {
            NativeCalls.CONTEXT_FREE.call(context);
            context = MemorySegment.NULL;
        }
    }
}
