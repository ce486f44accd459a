package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A tokenizer.json, checked where it matters here. Format: the serialization of Hugging Face's tokenizers library.
 *
 * @see <a href="https://huggingface.co/docs/tokenizers">tokenizers</a>
 */
final class TokenizerJson {
    /**
     * A token added to the model's own vocabulary.
     *
     * @param id      its id
     * @param content its text
     * @param special whether decoding skips it
     */
    record AddedToken(int id, String content, boolean special) { }

    private final Path file;
    private final ObjectNode root;
    private final List<AddedToken> further;

    TokenizerJson(Path file) {
        this(file, CheckpointFolder.readObject(file));
    }

    /** What a tokenizer.json would say of a vocabulary in an older form, read from a file. */
    TokenizerJson(Path file, ObjectNode root) {
        this(file, root, List.of());
    }

    private TokenizerJson(Path file, ObjectNode root, List<AddedToken> further) {
        this.file = file;
        this.root = root;
        this.further = further;
        if (!(root.get("model") instanceof ObjectNode)) {
            throw wrong("'model' is missing");
        }
    }

    /** The same with further added tokens, which are none of its own. */
    TokenizerJson with(List<AddedToken> further) {
        return further.isEmpty() ? this : new TokenizerJson(file, root, List.copyOf(further));
    }

    Path file() {
        return file;
    }

    /** BPE, Unigram, WordPiece, WordLevel; BPE when the file is old and does not say. */
    String modelType() {
        return model().path("type").asText("BPE");
    }

    JsonNode model() {
        return root.get("model");
    }

    JsonNode preTokenizer() {
        return root.path("pre_tokenizer");
    }

    JsonNode normalizer() {
        return root.path("normalizer");
    }

    JsonNode postProcessor() {
        return root.path("post_processor");
    }

    JsonNode decoder() {
        return root.path("decoder");
    }

    /** Text to id, of the model alone. */
    Map<String, Integer> vocabulary() {
        JsonNode vocab = model().path("vocab");
        if (!vocab.isObject() || vocab.isEmpty()) {
            throw wrong("'model.vocab' is no map of tokens");
        }
        Map<String, Integer> ids = new LinkedHashMap<>(vocab.size() * 2);
        Map<Integer, String> texts = new HashMap<>(vocab.size() * 2);
        vocab.fields().forEachRemaining(e -> {
            int id = id(e.getValue(), "model.vocab, token '" + e.getKey() + "'");
            String other = texts.put(id, e.getKey());
            if (other != null) {
                throw wrong("the tokens '" + other + "' and '" + e.getKey() + "' of 'model.vocab' have the same id " + id);
            }
            ids.put(e.getKey(), id);
        });
        return ids;
    }

    /** Text to id, of the model alone, whether it is a map of tokens or (unigram) a list of pieces and scores. */
    Map<String, Integer> ids() {
        JsonNode pieces = model().path("vocab");
        if (!pieces.isArray()) {
            return vocabulary();
        }
        Map<String, Integer> ids = new HashMap<>(pieces.size() * 2);
        for (int id = 0; id < pieces.size(); id++) {
            ids.put(pieces.get(id).path(0).asText(), id);
        }
        return ids;
    }

    List<AddedToken> addedTokens() {
        List<AddedToken> tokens = new ArrayList<>();
        Map<Object, AddedToken> seen = new HashMap<>();
        for (JsonNode token : root.path("added_tokens")) {
            if (!token.path("content").isTextual()) {
                throw wrong("an entry of 'added_tokens' has no 'content': " + token);
            }
            AddedToken added = new AddedToken(id(token.path("id"), "added token '" + token.get("content").asText() + "'"), token.get("content").asText(), token.path("special").asBoolean());
            for (Object key : List.of(added.id(), added.content())) {
                AddedToken other = seen.putIfAbsent(key, added);
                if (other != null && (other.id() != added.id() || !other.content().equals(added.content()))) {
                    throw wrong("the added tokens '" + other.content() + "' (id " + other.id() + ") and '" + added.content() + "' (id " + added.id() + ") clash");
                }
            }
            tokens.add(added);
        }
        tokens.addAll(further);
        return tokens;
    }

    /**
     * Whether the tokenizer puts a blank before the text, in one of the three ways in which such files say so.
     */
    boolean prependsBlank() {
        return prepends(normalizer()) || prepends(preTokenizer());
    }

    private static boolean prepends(JsonNode step) {
        return switch (step.path("type").asText()) {
            case "Sequence" -> {
                for (JsonNode inner : step.has("normalizers") ? step.path("normalizers") : step.path("pretokenizers")) {
                    if (prepends(inner)) {
                        yield true;
                    }
                }
                yield false;
            }
            case "Prepend" -> true;
            case "Metaspace" -> step.path("prepend_scheme").isTextual() ? !step.path("prepend_scheme").asText().equals("never")
                    : step.path("add_prefix_space").asBoolean(true);
            default -> false;
        };
    }

    MalformedFile wrong(String defect) {
        return new MalformedFile(file, -1, defect, "Take the tokenizer files from the base model again");
    }

    private int id(JsonNode node, String what) {
        if (!node.isInt() || node.intValue() < 0) {
            throw wrong(what + " has the id " + node + " where a whole number is expected");
        }
        return node.intValue();
    }
}
