package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Finds the chat template of a checkpoint: tokenizer_config.json (a text, or a list of named ones), chat_template.jinja,
 * or chat_template.json, in this order.
 */
public final class ChatTemplates {
    private ChatTemplates() { }

    /**
     * The templates by name; the usual one is called {@code default}.
     *
     * @param tokenizerConfig tokenizer_config.json, if there is one
     * @param files           gives the files beside the checkpoint by name
     * @return name to Jinja source, sorted; empty when the model has no template
     */
    public static Map<String, String> find(Optional<ObjectNode> tokenizerConfig, Function<String, Optional<Path>> files) {
        Map<String, String> templates = new TreeMap<>();
        JsonNode given = tokenizerConfig.map(c -> c.get("chat_template")).orElse(null);
        if (given == null) {
            Optional<Path> jinja = files.apply("chat_template.jinja");
            if (jinja.isPresent()) {
                templates.put("default", TextFile.read(jinja.get()));
                return templates;
            }
            given = files.apply("chat_template.json").map(CheckpointFolder::readObject).map(json -> json.get("chat_template")).orElse(null);
        }
        if (given != null && given.isTextual()) {
            templates.put("default", given.asText());
        } else if (given != null && given.isArray()) {
            for (JsonNode entry : given) {
                if (entry.path("name").isTextual() && entry.path("template").isTextual()) {
                    templates.put(entry.get("name").asText().replaceAll("[^A-Za-z0-9]", "_"), entry.get("template").asText());
                }
            }
        }
        return templates;
    }

    /** Writes templates: named ones, their list, and the default last. */
    static void write(Map<String, String> templates, GgufMetadata into) {
        List<String> named = templates.keySet().stream().filter(name -> !name.equals("default")).toList();
        named.forEach(name -> into.putString("tokenizer.chat_template." + name, templates.get(name)));
        into.putStrings("tokenizer.chat_templates", named);
        into.putString("tokenizer.chat_template", templates.get("default"));
    }
}
