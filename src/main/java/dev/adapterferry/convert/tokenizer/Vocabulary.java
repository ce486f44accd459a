package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * The token list under construction: text, score and kind per id. Ids that get no text become {@code [PAD<id>]}, unused,
 * because llama.cpp wants exactly as many tokens as the embedding has rows.
 */
final class Vocabulary {
    private static final float PADDING_SCORE = -10000;

    private final String model;
    private final String[] texts;
    private final float[] scores;
    private final int[] types;

    /**
     * @param model name of the checkpoint, for messages
     * @param size  number of tokens
     */
    Vocabulary(String model, int size) {
        this.model = model;
        this.texts = new String[size];
        this.scores = new float[size];
        this.types = new int[size];
        Arrays.fill(scores, PADDING_SCORE);
        Arrays.fill(types, TokenType.UNUSED.id());
    }

    int size() {
        return texts.length;
    }

    /** True while an id has no text. */
    boolean isFree(int id) {
        return texts[id] == null;
    }

    /** The id of a text. */
    OptionalInt find(String text) {
        return IntStream.range(0, texts.length).filter(id -> text.equals(texts[id])).findFirst();
    }

    /**
     * An id that the vocabulary has room for.
     *
     * @throws FerryException when the embedding has no such row
     */
    int checked(String text, int id) {
        if (id >= texts.length) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": token '" + text + "' has id " + id + ", but the embedding has only "
                    + texts.length + " rows; take the tokenizer that belongs to the weights, or resize the embedding.");
        }
        return id;
    }

    /** Sets a token; a later call for the same id wins. */
    void set(int id, String text, float score, TokenType type) {
        texts[id] = text;
        scores[id] = score;
        types[id] = type.id();
    }

    /** Sets an added token: control if it is special or looks so, else user-defined with SentencePiece's blanks as spaces. */
    void setAdded(int id, String text, boolean special, float score) {
        if (special || TokenType.looksSpecial(text)) {
            set(id, text, score, TokenType.CONTROL);
        } else {
            set(id, text.replace('\u2581', ' '), score, TokenType.USER_DEFINED);
        }
    }

    /**
     * Writes tokens, scores if wanted, and types.
     *
     * @throws FerryException when two ids have the same text, which llama.cpp does not load
     */
    void write(GgufMetadata into, boolean withScores) {
        Map<String, Integer> seen = new HashMap<>(texts.length * 2);
        for (int id = 0; id < texts.length; id++) {
            if (texts[id] == null) {
                texts[id] = "[PAD" + id + "]";
            }
            Integer before = seen.put(texts[id], id);
            if (before != null) {
                throw new FerryException("Cannot convert the tokenizer of " + model + ": ids " + before + " and " + id + " both have the text '" + texts[id]
                        + "', which llama.cpp does not load; remove one of them from the tokenizer files.");
            }
        }
        into.putStrings("tokenizer.ggml.tokens", List.of(texts));
        if (withScores) {
            into.putFloats("tokenizer.ggml.scores", scores);
        }
        into.putInts("tokenizer.ggml.token_type", types);
    }
}
