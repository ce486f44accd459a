package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;

/** A loaded model that makes vectors of texts. One text at a time, further callers wait; close it when done. */
public final class EmbeddingModel extends ReadingModel {
    /**
     * What became of a text.
     *
     * @param vector of length 1
     * @param tokens of the text
     */
    public record Embedding(float[] vector, int tokens) { }

    /**
     * Loads a file.
     *
     * @param file          GGUF file
     * @param contextLength tokens of the longest text; 0 for what is usual, or what the model was trained for, whichever is less
     * @param threads       CPU threads; 0 for as many as are useful
     * @param gpuLayers     layers to put on the GPU where the library has one
     * @throws FerryException when llama.cpp refuses the file, or would compute other vectors than the model's
     */
    public EmbeddingModel(Path file, int contextLength, int threads, int gpuLayers) {
        super(file, contextLength, threads, gpuLayers);
    }

    /**
     * The vector of a text, with the tokens around it that the model was trained with.
     *
     * @throws FerryException when the text is too long
     */
    public Embedding embed(String text) {
        int[] tokens = model().vocabulary().tokenize(text, true, true);
        return read(context -> new Embedding(unit(context.pooled(tokens)), tokens.length));
    }

    private static float[] unit(float... vector) {
        double square = 0;
        for (float value : vector) {
            square += (double) value * value;
        }
        double length = Math.sqrt(square);
        for (int i = 0; i < vector.length && length > 0; i++) {
            vector[i] = (float) (vector[i] / length);
        }
        return vector;
    }
}
