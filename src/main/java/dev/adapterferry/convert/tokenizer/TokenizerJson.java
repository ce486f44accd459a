package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.ArrayList;
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

    TokenizerJson(Path file) {
        this.file = file;
        this.root = CheckpointFolder.readObject(file);
        if (!(root.get("model") instanceof ObjectNode)) {
            throw wrong("'model' is missing");
        }
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
        vocab.fields().forEachRemaining(e -> ids.put(e.getKey(), id(e.getValue(), "model.vocab, token '" + e.getKey() + "'")));
        return ids;
    }

    List<AddedToken> addedTokens() {
        List<AddedToken> tokens = new ArrayList<>();
        for (JsonNode token : root.path("added_tokens")) {
            if (!token.path("content").isTextual()) {
                throw wrong("an entry of 'added_tokens' has no 'content': " + token);
            }
            tokens.add(new AddedToken(id(token.path("id"), "added token '" + token.get("content").asText() + "'"), token.get("content").asText(),
                    token.path("special").asBoolean()));
        }
        return tokens;
    }

    /** Merges in the notation of GGUF, {@code "left right"}; spaces inside a part become U+0120. */
    List<String> merges() {
        List<String> merges = new ArrayList<>(model().path("merges").size());
        for (JsonNode merge : model().path("merges")) {
            if (merge.isTextual() && merge.asText().indexOf(' ') > 0) {
                merges.add(merge.asText());
            } else if (merge.isArray() && merge.size() == 2 && merge.get(0).isTextual() && merge.get(1).isTextual()) {
                merges.add(merge.get(0).asText().replace(' ', '\u0120') + " " + merge.get(1).asText().replace(' ', '\u0120'));
            } else {
                throw wrong("merge " + merges.size() + " is neither \"left right\" nor [\"left\", \"right\"] but " + merge);
            }
        }
        return merges;
    }

    /** What each merge yields, in order. */
    List<String> mergeResults() {
        List<String> results = new ArrayList<>(model().path("merges").size());
        for (JsonNode merge : model().path("merges")) {
            results.add(merge.isArray() ? merge.path(0).asText() + merge.path(1).asText() : merge.asText().replaceFirst(" ", ""));
        }
        return results;
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
        return new MalformedFile(file, -1, defect + ". Take the tokenizer files from the base model again.");
    }

    private int id(JsonNode node, String what) {
        if (!node.isInt() || node.intValue() < 0) {
            throw wrong(what + " has the id " + node + " where a whole number is expected");
        }
        return node.intValue();
    }
}
