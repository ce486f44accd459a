package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which ids are BOS, EOS and the like, and which of them are added by default: gathered from the post-processor of
 * tokenizer.json, the texts in tokenizer_config.json and the ids in config.json, in llama.cpp's converter's order.
 */
final class SpecialTokens {
    private static final Map<String, String> ID_KEYS = Map.of("bos", "bos_token_id", "eos", "eos_token_id", "unk", "unknown_token_id", "sep", "seperator_token_id",
            "pad", "padding_token_id", "mask", "mask_token_id", "eot", "eot_token_id", "eom", "eom_token_id");
    private static final List<String> FLAGS = List.of("bos", "eos", "sep");

    private final String model;
    private final List<String> kinds = new ArrayList<>(List.of("bos", "eos", "unk", "sep", "pad", "cls", "mask"));
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final Map<String, Boolean> added = new LinkedHashMap<>();
    private final ObjectNode tokenizerConfig;
    private final int limit;

    /**
     * @param model           name of the checkpoint, for messages
     * @param json            tokenizer.json, if there is one
     * @param tokens          tokens that have an id of their own beside the model's vocabulary
     * @param tokenizerConfig tokenizer_config.json, if there is one
     * @param config          config.json
     * @param limit           ids from here on are ignored
     */
    SpecialTokens(String model, Optional<TokenizerJson> json, List<TokenizerJson.AddedToken> tokens, Optional<ObjectNode> tokenizerConfig, ObjectNode config, int limit) {
        this.model = model;
        this.limit = limit;
        this.tokenizerConfig = tokenizerConfig.map(ObjectNode::deepCopy).orElse(null);
        json.ifPresent(this::readPostProcessor);
        if (this.tokenizerConfig != null) {
            readTexts(tokens);
        }
        for (String kind : kinds) {
            JsonNode id = config.path(kind + "_token_id");
            id = id.isMissingNode() || id.isNull() ? config.path("text_config").path(kind + "_token_id") : id;
            if (id.isIntegralNumber()) {
                set(kind, id.longValue());
            }
        }
    }

    /** Sets an id that is not known yet. */
    void setIfAbsent(String kind, int id) {
        ids.putIfAbsent(kind, id);
    }

    /** Sets an id, whatever was found. */
    void override(String kind, int id) {
        ids.put(kind, id);
    }

    /** Writes ids and flags. */
    void write(GgufMetadata into) {
        ids.forEach((kind, id) -> {
            if (ID_KEYS.containsKey(kind)) {
                into.putUint32("tokenizer.ggml." + ID_KEYS.get(kind), id);
            }
        });
        added.forEach((kind, value) -> {
            if (FLAGS.contains(kind)) {
                into.putBool("tokenizer.ggml.add_" + kind + "_token", value);
            }
        });
    }

    /** Writes whether a token is added, where the files say nothing about it. */
    void writeFlagIfAbsent(String kind, boolean add, GgufMetadata into) {
        if (!added.containsKey(kind)) {
            into.putBool("tokenizer.ggml.add_" + kind + "_token", add);
        }
    }

    private void set(String kind, long id) {
        // HunyuanOCR's way to say that there is none.
        if (id == -1 && kind.equals("pad")) {
            return;
        }
        if (id < 0) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": config.json gives " + kind + "_token_id " + id + "; remove it or give a valid id.");
        }
        if (id < limit) {
            ids.putIfAbsent(kind, (int) id);
        }
    }

    private void readTexts(List<TokenizerJson.AddedToken> tokens) {
        for (String kind : kinds) {
            JsonNode flag = tokenizerConfig.path("add_" + kind + "_token");
            if (flag.isBoolean()) {
                added.put(kind, flag.booleanValue());
            }
            JsonNode entry = tokenizerConfig.path(kind + "_token");
            JsonNode text = entry.isObject() ? entry.path("content") : entry;
            if (text.isTextual()) {
                tokens.stream().filter(t -> t.content().equals(text.asText())).findFirst().ifPresent(t -> set(kind, t.id()));
            }
        }
    }

    /** The text of a special token as tokenizer_config.json has it; an object is no text here, as in the reference. */
    private String text(String kind) {
        JsonNode node = tokenizerConfig == null ? null : tokenizerConfig.get(kind + "_token");
        return node == null || !node.isTextual() || node.asText().isEmpty() ? null : node.asText();
    }

    private boolean given(String kind) {
        JsonNode node = tokenizerConfig == null ? null : tokenizerConfig.get(kind + "_token");
        return node != null && (node.isObject() || node.isTextual() && !node.asText().isEmpty());
    }

    private void put(String kind, String text) {
        if (tokenizerConfig != null) {
            tokenizerConfig.put(kind + "_token", text);
        }
    }

    private void readPostProcessor(TokenizerJson json) {
        if (!given("bos") && given("cls")) {
            tokenizerConfig.set("bos_token", tokenizerConfig.get("cls_token"));
        }
        if (!given("eos") && given("sep")) {
            tokenizerConfig.set("eos_token", tokenizerConfig.get("sep_token"));
        }
        JsonNode processor = json.postProcessor();
        for (JsonNode one : processor.path("processors").isArray() ? processor.path("processors") : List.of(processor)) {
            switch (one.path("type").asText()) {
                case "RobertaProcessing" -> roberta(one);
                case "TemplateProcessing" -> template(one);
                default -> { }
            }
        }
    }

    private void roberta(JsonNode processor) {
        FLAGS.forEach(kind -> added.put(kind, true));
        for (String kind : List.of("cls", "sep")) {
            if (!given(kind) && processor.path(kind).path(0).isTextual()) {
                put(kind, processor.path(kind).path(0).asText());
            }
        }
    }

    private void template(JsonNode processor) {
        JsonNode single = processor.path("single");
        String first = single.size() > 1 ? special(single.get(0)) : null;
        String last = single.size() > 1 ? special(single.get(single.size() - 1)) : null;
        if (first != null) {
            if (tokenizerConfig != null && !first.equals(text("bos")) && !first.equals(text("cls"))) {
                for (String kind : List.of("bos", "cls")) {
                    if (!given(kind)) {
                        put(kind, first);
                    }
                }
            }
            added.put("bos", tokenizerConfig == null || first.equals(text("bos")) || first.equals(text("cls")));
        }
        if (last != null) {
            if (tokenizerConfig != null && !last.equals(text("eos"))) {
                for (String kind : List.of("eot", "eom")) {
                    if (!kinds.contains(kind)) {
                        // The old end of sequence lives on as end of turn.
                        kinds.add(kind);
                        if (given("eos")) {
                            tokenizerConfig.set(kind + "_token", tokenizerConfig.get("eos_token"));
                        }
                        break;
                    }
                }
                put("eos", last);
            }
            added.put("eos", true);
        }
        separator(processor.path("pair"), first, last);
    }

    private void separator(JsonNode pair, String first, String last) {
        int from = first != null && first.equals(special(pair.path(0))) ? 1 : 0;
        int to = last != null && last.equals(special(pair.path(pair.size() - 1))) ? pair.size() - 1 : pair.size();
        if (to - from < 3 || !sequence(pair.get(from)).equals("A") || !sequence(pair.get(to - 1)).equals("B")) {
            return;
        }
        boolean add = last == null && separates(pair.get(from + 1));
        if (to - from == 4) {
            add |= separates(pair.get(from + 2));
        }
        added.put("sep", add);
        if (add && !given("sep") && text("eos") != null) {
            put("sep", text("eos"));
        }
    }

    private boolean separates(JsonNode item) {
        String text = special(item);
        return text != null && (text.equals(text("sep")) || text.equals(text("eos")));
    }

    private static String special(JsonNode item) {
        String id = item.path("SpecialToken").path("id").asText();
        return id.isEmpty() ? null : id;
    }

    private static String sequence(JsonNode item) {
        return item.path("Sequence").path("id").asText();
    }
}
