package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;

/**
 * WordPiece vocabularies (BERT): GGUF model {@code bert}. llama.cpp marks the piece that begins a word, with U+2581 in front, where BERT
 * marks those that go on with one, by {@code ##}.
 */
final class WordPieceVocabulary {
    private static final String GOES_ON = "##";

    private WordPieceVocabulary() { }

    /**
     * Writes model, tokens, types, and what becomes of a text before it is cut.
     *
     * @param model name of the checkpoint, for messages
     * @param json  the tokenizer
     * @param size  rows of the embedding
     * @throws FerryException when the pieces are marked in another way
     */
    static void write(String model, TokenizerJson json, int size, GgufMetadata into) {
        String mark = json.model().path("continuing_subword_prefix").asText(GOES_ON);
        if (!mark.equals(GOES_ON)) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": pieces that go on with a word begin with '" + mark + "', expected '##'.");
        }
        Vocabulary vocabulary = new Vocabulary(model, size);
        json.vocabulary().forEach((text, id) -> vocabulary.set(vocabulary.checked(text, id), phantom(text), 0, TokenType.NORMAL));
        json.addedTokens().forEach(token -> {
            boolean control = token.special() || TokenType.looksSpecial(token.content());
            vocabulary.set(vocabulary.checked(token.content(), token.id()), control ? token.content() : phantom(token.content()), 0, control ? TokenType.CONTROL : TokenType.USER_DEFINED);
        });
        into.putString("tokenizer.ggml.model", "bert").putString("tokenizer.ggml.pre", "default");
        vocabulary.write(into, false);
        normalizer(json.normalizer(), into);
    }

    private static String phantom(String text) {
        return text.startsWith(GOES_ON) ? text.substring(GOES_ON.length()) : "\u2581" + text;
    }

    /** BERT's normalizer strips accents where it lowers letters, unless it says otherwise. */
    private static void normalizer(JsonNode node, GgufMetadata into) {
        switch (node.path("type").asText()) {
            case "Sequence" -> node.path("normalizers").forEach(inner -> normalizer(inner, into));
            case "Lowercase" -> into.putBool("tokenizer.ggml.normalizer.lowercase", true);
            case "StripAccents" -> into.putBool("tokenizer.ggml.normalizer.strip_accents", true);
            case "BertNormalizer" -> {
                boolean lowercase = node.path("lowercase").asBoolean(true);
                into.putBool("tokenizer.ggml.normalizer.lowercase", lowercase);
                into.putBool("tokenizer.ggml.normalizer.strip_accents", node.path("strip_accents").asBoolean(lowercase));
            }
            default -> { }
        }
    }
}
