package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerJson.AddedToken;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Tokens that stand beside a vocabulary: in {@code added_tokens_decoder} of tokenizer_config.json, or, of models saved before it was there, in added_tokens.json.
 * transformers adds them to what tokenizer.json knows when it opens a tokenizer.
 */
final class NamedTokens {
    private NamedTokens() { }

    /**
     * The tokens, in order of their ids.
     *
     * @param config tokenizer_config.json, if there is one
     * @param file   added_tokens.json, if there is one; counts where tokenizer_config.json has no list
     */
    static List<AddedToken> of(Optional<ObjectNode> config, Optional<Path> file) {
        return config.filter(fields -> fields.path("added_tokens_decoder").isObject()).map(fields -> in(config)).orElseGet(() -> inFile(file));
    }

    /** Those in tokenizer_config.json. */
    static List<AddedToken> in(Optional<ObjectNode> config) {
        Map<Integer, AddedToken> tokens = new TreeMap<>();
        config.map(fields -> fields.path("added_tokens_decoder")).ifPresent(decoder -> decoder.fields().forEachRemaining(entry -> {
            JsonNode content = entry.getValue().path("content");
            if (entry.getKey().matches("[0-9]{1,9}") && content.isTextual()) {
                int id = Integer.parseInt(entry.getKey());
                tokens.put(id, new AddedToken(id, content.asText(), entry.getValue().path("special").asBoolean()));
            }
        }));
        return List.copyOf(tokens.values());
    }

    /** Those in added_tokens.json, which does not say which of them are special. */
    static List<AddedToken> inFile(Optional<Path> file) {
        Map<Integer, AddedToken> tokens = new TreeMap<>();
        file.map(CheckpointFolder::readObject).ifPresent(added -> added.fields().forEachRemaining(entry -> {
            if (entry.getValue().isInt() && entry.getValue().intValue() >= 0) {
                tokens.put(entry.getValue().intValue(), new AddedToken(entry.getValue().intValue(), entry.getKey(), false));
            }
        }));
        return List.copyOf(tokens.values());
    }

    /**
     * Those of them that a tokenizer.json lacks. A token whose id means something else there is left out, as is one that the embedding has no row for.
     *
     * @param named the tokens
     * @param json  the tokenizer
     * @param rows  rows of the embedding
     */
    static List<AddedToken> missing(List<AddedToken> named, TokenizerJson json, int rows) {
        List<AddedToken> missing = named.stream().filter(token -> token.id() < rows).collect(Collectors.toCollection(ArrayList::new));
        if (missing.isEmpty()) {
            return missing;
        }
        List<AddedToken> there = json.addedTokens();
        Set<Integer> ids = there.stream().map(AddedToken::id).collect(Collectors.toSet());
        Set<String> texts = there.stream().map(AddedToken::content).collect(Collectors.toSet());
        missing.removeIf(token -> ids.contains(token.id()) || texts.contains(token.content()));
        if (missing.isEmpty()) {
            return missing;
        }
        Map<String, Integer> vocabulary = json.ids();
        Set<Integer> taken = Set.copyOf(vocabulary.values());
        missing.removeIf(token -> vocabulary.containsKey(token.content()) ? vocabulary.get(token.content()) != token.id() : taken.contains(token.id()));
        return missing;
    }
}
