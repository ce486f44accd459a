package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The vocabulary of PLaMo 2 and 3: GGUF model {@code plamo2}, a text is cut so that its tokens' scores have the largest sum. Each line of its file is a list that begins
 * with a token, its score and its kind; the line's number is the id.
 */
final class PlamoVocabulary {
    /** The file beside the weights. */
    static final String FILE = "tokenizer.jsonl";
    /** Begins a turn of a conversation, so that it ends an answer. */
    private static final String TURN = "<|plamo:op|>";
    private static final JsonMapper JSON = JsonMapper.builder().build();

    private final Vocabulary vocabulary;
    private final List<TokenizerJson.AddedToken> specials = new ArrayList<>();

    private PlamoVocabulary(Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
    }

    /**
     * Reads the file.
     *
     * @param model name of the checkpoint, for messages
     * @param rows  rows of the embedding
     * @throws FerryException when a line is none; names it
     */
    static PlamoVocabulary read(String model, Path file, int rows) {
        PlamoVocabulary read = new PlamoVocabulary(new Vocabulary(model, rows));
        int id = 0;
        for (String line : TextFile.read(file).split("\n")) {
            if (!line.isBlank()) {
                JsonNode row = row(line);
                if (!row.path(0).isTextual() || !row.path(1).isNumber()) {
                    throw new FerryException("Cannot convert the tokenizer of " + model + ": line " + (id + 1) + " of " + file.getFileName() + " is '" + line
                            + "', where a list of a token, its score and its kind is expected. Take the file from the base model again.");
                }
                read.set(read.vocabulary.checked(row.get(0).asText(), id++), row.get(0).asText(), row.get(1).floatValue(), row.path(2).asText());
            }
        }
        return read;
    }

    private static JsonNode row(String line) {
        try {
            return JSON.readTree(line);
        } catch (JsonProcessingException e) {
            return JSON.missingNode();
        }
    }

    private void set(int id, String text, float score, String kind) {
        TokenType type = switch (kind) {
            case "UNKNOWN" -> TokenType.UNKNOWN;
            case "CONTROL" -> TokenType.CONTROL;
            case "BYTE" -> TokenType.BYTE;
            default -> text.startsWith("<|plamo:") && text.endsWith("|>") ? TokenType.CONTROL : TokenType.NORMAL;
        };
        vocabulary.set(id, text, score, type);
        if (type == TokenType.CONTROL || type == TokenType.UNKNOWN) {
            specials.add(new TokenizerJson.AddedToken(id, text, true));
        }
    }

    /** Tokens that texts do not hold. */
    List<TokenizerJson.AddedToken> specials() {
        return specials;
    }

    /** Writes the tokens; texts begin with no blank that is not theirs. */
    void write(SpecialTokens special, GgufMetadata into) {
        into.putString("tokenizer.ggml.model", "plamo2").putString("tokenizer.ggml.pre", "default");
        vocabulary.write(into, true);
        vocabulary.find(TURN).ifPresent(id -> special.setIfAbsent("eot", id));
        special.write(into);
        special.writeFlagIfAbsent("bos", false, into);
        into.putBool("tokenizer.ggml.add_space_prefix", false);
    }
}
