package dev.adapterferry.llamacpp;

import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;

/** A loaded model that reads texts and goes on with none. One text at a time, further callers wait; close it when done. */
public abstract sealed class ReadingModel implements AutoCloseable permits EmbeddingModel, ScoringModel {
    /** Tokens of the longest text where nobody says more: what goes through in one piece costs memory by its square. */
    private static final int USUAL_CONTEXT = 2048;

    private final LoadedModel model;
    private final EmbeddingContext context;
    private final ReentrantLock turn = new ReentrantLock(true);

    /**
     * Loads a file.
     *
     * @param file          GGUF file
     * @param contextLength tokens of the longest text; 0 for what is usual, or what the model was trained for, whichever is less
     * @param threads       CPU threads; 0 for as many as are useful
     * @param gpuLayers     layers to put on the GPU where the library has one
     * @throws dev.adapterferry.failure.FerryException when llama.cpp refuses the file, or would compute something else than the model
     */
    ReadingModel(Path file, int contextLength, int threads, int gpuLayers) {
        model = LoadedModel.open(file, gpuLayers);
        try {
            int trained = model.trainedContext() > 0 ? model.trainedContext() : USUAL_CONTEXT;
            int size = Math.min(contextLength > 0 ? contextLength : USUAL_CONTEXT, trained);
            context = new EmbeddingContext(model, size, threads > 0 ? threads : GeneratingModel.usefulThreads(model.tensorBytes()));
        } catch (RuntimeException e) {
            model.close();
            throw e;
        }
    }

    /** Tokens of the longest text. */
    public final int contextLength() {
        return context.size();
    }

    final LoadedModel model() {
        return model;
    }

    /** Waits for its turn. */
    final <T> T read(Function<EmbeddingContext, T> reading) {
        turn.lock();
        try {
            return reading.apply(context);
        } finally {
            turn.unlock();
        }
    }

    @Override
    public final void close() {
        turn.lock();
        try {
            context.close();
            model.close();
        } finally {
            turn.unlock();
        }
    }
}
