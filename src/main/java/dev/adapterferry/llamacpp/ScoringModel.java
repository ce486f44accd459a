package dev.adapterferry.llamacpp;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Path;
import java.util.stream.IntStream;

/** A loaded model that scores how well a text answers a query. One pair at a time, further callers wait; close it when done. */
public final class ScoringModel extends ReadingModel {
    /**
     * What became of a pair.
     *
     * @param value  its score, as the model gives it
     * @param tokens of both texts
     */
    public record Score(float value, int tokens) { }

    /**
     * Loads a file.
     *
     * @param file          GGUF file
     * @param contextLength tokens of the longest pair; 0 for what is usual, or what the model was trained for, whichever is less
     * @param threads       CPU threads; 0 for as many as are useful
     * @param gpuLayers     layers to put on the GPU where the library has one
     * @throws FerryException when llama.cpp refuses the file
     */
    public ScoringModel(Path file, int contextLength, int threads, int gpuLayers) {
        super(file, contextLength, threads, gpuLayers);
    }

    /**
     * How well a text answers a query.
     *
     * @throws FerryException when both are too long together
     */
    public Score score(String query, String text) {
        int[] pair = pair(query, text);
        return read(context -> new Score(context.score(pair), pair.length));
    }

    /** As these models were trained: {@code [CLS] query [SEP] text [SEP]} in BERT, {@code <s> query </s></s> text </s>} in RoBERTa. */
    private int[] pair(String query, String text) {
        Vocabulary words = model().vocabulary();
        IntStream begin = words.bos().stream();
        boolean pieces = model().metadata("tokenizer.ggml.model").filter("bert"::equals).isPresent();
        int end = (pieces ? words.sep() : words.eos()).orElseThrow(() -> new FerryException("Cannot score with " + model().file() + ": its vocabulary names no token that ends a text."));
        IntStream between = pieces ? IntStream.of(end) : IntStream.of(end, words.sep().orElse(end));
        IntStream both = IntStream.concat(IntStream.concat(begin, IntStream.of(words.tokenize(query, false, false))), IntStream.concat(between, IntStream.of(words.tokenize(text, false, false))));
        return IntStream.concat(both, IntStream.of(end)).toArray();
    }
}
