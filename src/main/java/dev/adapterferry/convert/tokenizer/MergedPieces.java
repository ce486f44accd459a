package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * SentencePiece vocabularies that exist only as tokenizer.json: BPE with byte fallback (GGUF model {@code llama}), and
 * unigram (GGUF model {@code t5}).
 */
final class MergedPieces {
    private static final float ADDED_SCORE = -1000;
    /** Below every merge: a piece that no merge makes is never preferred. */
    private static final float UNMERGED_SCORE = -1e9f;

    private MergedPieces() { }

    /** True for a BPE model that spells unknown characters as bytes, as SentencePiece does. */
    static boolean isBytePairWithFallback(TokenizerJson json) {
        return json.modelType().equals("BPE") && json.model().path("byte_fallback").asBoolean();
    }

    /**
     * The tokens of a BPE model with byte fallback.
     *
     * <p>llama.cpp's SentencePiece code joins the pair whose result has the highest score. A tokenizer.json has no scores
     * but ranks its merges, so the score of a piece is made from the rank of the first merge that yields it. (llama.cpp's
     * own converter writes the same score for all, and text is cut differently then.)
     *
     * @param model name of the checkpoint, for messages
     * @param size  rows of the embedding
     */
    static Vocabulary bytePairs(String model, TokenizerJson json, int size) {
        List<Merges.Merge> merges = Merges.of(json);
        Map<String, Float> scores = new HashMap<>(merges.size() * 2);
        for (int rank = 0; rank < merges.size(); rank++) {
            scores.putIfAbsent(merges.get(rank).left() + merges.get(rank).right(), (float) -rank);
        }
        Vocabulary vocabulary = new Vocabulary(model, size);
        String unknown = json.model().path("unk_token").asText("");
        json.vocabulary().forEach((text, id) -> vocabulary.set(vocabulary.checked(text, id), text, scores.getOrDefault(text, UNMERGED_SCORE),
                text.matches("<0x[0-9A-Fa-f]{2}>") ? TokenType.BYTE : text.equals(unknown) ? TokenType.UNKNOWN : TokenType.NORMAL));
        addTokens(json, vocabulary);
        return vocabulary;
    }

    /**
     * The tokens of a unigram model.
     *
     * @param model name of the checkpoint, for messages
     * @param size  rows of the embedding
     */
    static Vocabulary unigrams(String model, TokenizerJson json, int size) {
        JsonNode pieces = json.model().path("vocab");
        if (!pieces.isArray() || pieces.isEmpty()) {
            throw json.wrong("'model.vocab' is no list of pieces");
        }
        if (json.model().path("byte_fallback").asBoolean()) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": a unigram model with byte fallback, which llama.cpp does not have.");
        }
        Vocabulary vocabulary = new Vocabulary(model, size);
        int unknown = json.model().path("unk_id").asInt(-1);
        for (int id = 0; id < pieces.size(); id++) {
            JsonNode piece = pieces.get(id);
            if (!piece.path(0).isTextual() || !piece.path(1).isNumber()) {
                throw json.wrong("piece " + id + " is not [\"text\", score] but " + piece);
            }
            vocabulary.set(vocabulary.checked(piece.get(0).asText(), id), piece.get(0).asText(), piece.get(1).floatValue(),
                    id == unknown ? TokenType.UNKNOWN : TokenType.NORMAL);
        }
        addTokens(json, vocabulary);
        return vocabulary;
    }

    private static void addTokens(TokenizerJson json, Vocabulary vocabulary) {
        String unknown = json.model().path("unk_token").asText("");
        int unknownId = json.model().path("unk_id").asInt(-1);
        for (TokenizerJson.AddedToken token : json.addedTokens()) {
            if (token.id() == unknownId || token.content().equals(unknown)) {
                continue;
            }
            vocabulary.setAdded(vocabulary.checked(token.content(), token.id()), token.content(), token.special(), ADDED_SCORE);
        }
    }
}
