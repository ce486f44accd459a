package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.stream.StreamSupport;

/**
 * Gemma 4's tokenizer: byte-pair merges over SentencePiece's spelling (blanks as U+2581, unknown characters as bytes), GGUF model
 * {@code gemma4}. llama.cpp merges by rank; scores are written because its loader wants them.
 */
final class Gemma4Vocabulary {
    /** Markers that a chat program reads in the answer: they are shown, so they must not be control tokens. */
    private static final Set<String> VISIBLE = Set.of("<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>");
    private static final float SCORE = -1000;

    private Gemma4Vocabulary() { }

    /**
     * Writes model, tokens, scores, types and merges.
     *
     * @param model name of the checkpoint, for messages
     * @param size  rows of the embedding
     * @throws FerryException when tokenizer.json holds something else, or no merges
     */
    static void write(String model, TokenizerJson json, int size, GgufMetadata into) {
        if (!MergedPieces.isBytePairWithFallback(json)) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": " + json.file().getFileName() + " holds a " + json.modelType()
                    + " model where BPE with byte fallback is expected. Take the tokenizer files from the base model.");
        }
        Vocabulary vocabulary = new Vocabulary(model, size);
        json.vocabulary().forEach((text, id) -> vocabulary.set(vocabulary.checked(text, id), text, SCORE, text.matches("<0x[0-9A-Fa-f]{2}>") ? TokenType.BYTE : TokenType.NORMAL));
        json.addedTokens().forEach(token -> vocabulary.set(vocabulary.checked(token.content(), token.id()), token.content(), SCORE,
                token.special() && !VISIBLE.contains(token.content()) ? TokenType.CONTROL : TokenType.USER_DEFINED));
        into.putString("tokenizer.ggml.model", "gemma4");
        vocabulary.write(into, true);
        List<String> merges = Merges.of(json).stream().map(Merges.Merge::notation).toList();
        if (merges.isEmpty()) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": tokenizer.json has no merges, which llama.cpp needs. Take the tokenizer files from the base model again.");
        }
        into.putStrings("tokenizer.ggml.merges", merges);
    }

    /** Ids that generation_config.json rules out as answers, such as those that open an image. */
    static void writeSuppressed(Path generationConfig, GgufMetadata into) {
        JsonNode ids;
        try {
            ids = CheckpointFolder.readObject(generationConfig).path("suppress_tokens");
        } catch (FerryException e) {
            // Advice for whoever samples the model; a file that cannot be read gives none.
            return;
        }
        if (ids.isArray() && !ids.isEmpty() && StreamSupport.stream(ids.spliterator(), false).allMatch(JsonNode::isInt)) {
            into.putInts("tokenizer.ggml.suppress_tokens", StreamSupport.stream(ids.spliterator(), false).mapToInt(JsonNode::intValue).toArray());
        }
    }
}
