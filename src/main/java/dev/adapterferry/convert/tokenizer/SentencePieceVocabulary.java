package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * A vocabulary from tokenizer.model with the tokens that the files beside it add: GGUF model {@code llama} for BPE,
 * {@code t5} for unigram models.
 */
final class SentencePieceVocabulary {
    private static final float ADDED_SCORE = -1000;

    private final Vocabulary vocabulary;

    /**
     * Collects the tokens.
     *
     * @param model  name of the checkpoint, for messages
     * @param pieces tokenizer.model
     * @param files  gives the files beside the checkpoint by name
     * @param config tokenizer_config.json, if there is one
     * @param size   rows of the embedding
     * @param plain  take the special flags of added tokens as they are (Phi-3, InternLM2), instead of judging by looks too
     */
    SentencePieceVocabulary(String model, SentencePieceModel pieces, Function<String, Optional<Path>> files, Optional<ObjectNode> config, int size, boolean plain) {
        vocabulary = new Vocabulary(model, size);
        for (int id = 0; id < pieces.pieces().size(); id++) {
            SentencePieceModel.Piece piece = pieces.pieces().get(id);
            vocabulary.checked(piece.text(), id);
            if (pieces.unigram() && piece.type() == TokenType.USER_DEFINED) {
                // Always cut out whole, as added tokens are (MADLAD's languages).
                vocabulary.setAdded(id, piece.text(), false, piece.score());
                continue;
            }
            // GGUF readers take a NUL for the end of a text; InternLM2 has such a piece.
            vocabulary.set(id, piece.text().equals("\0") ? "\uD83D\uDC09" : piece.text(), piece.score(), type(piece, plain));
        }
        NamedTokens.inFile(files.apply("added_tokens.json")).stream().filter(token -> token.id() < size)
                .forEach(token -> vocabulary.set(token.id(), token.content(), ADDED_SCORE, TokenType.USER_DEFINED));
        NamedTokens.in(config).forEach(token -> add(token.id(), token.content(), token.special(), plain));
        boolean named = config.map(c -> c.get("added_tokens_decoder")).isPresent();
        // Tokens that an adapter added may stand in its tokenizer.json alone.
        files.apply("tokenizer.json").map(TokenizerJson::new).map(TokenizerJson::addedTokens).orElse(List.of()).stream()
                .filter(token -> plain || !named || token.id() < size && vocabulary.isFree(token.id()))
                .forEach(token -> add(token.id(), token.content(), token.special(), plain));
    }

    private static TokenType type(SentencePieceModel.Piece piece, boolean plain) {
        if (plain && piece.text().startsWith("[UNUSED")) {
            return TokenType.UNUSED;
        }
        // llama.cpp's converter writes user-defined pieces as normal ones; added_tokens_decoder says which matter.
        return piece.type() == TokenType.USER_DEFINED ? TokenType.NORMAL : piece.type();
    }

    private void add(int id, String text, boolean special, boolean plain) {
        if (id >= vocabulary.size()) {
            return;
        }
        if (plain) {
            vocabulary.set(id, text, ADDED_SCORE, special ? TokenType.CONTROL : TokenType.USER_DEFINED);
        } else {
            vocabulary.setAdded(id, text, special, ADDED_SCORE);
        }
    }

    /** The tokens. */
    Vocabulary vocabulary() {
        return vocabulary;
    }
}
