package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.FurtherTemplates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Finds the chat template of a checkpoint: tokenizer_config.json (a text, or a list of named ones), chat_template.jinja with those in
 * additional_chat_templates beside it, or chat_template.json, in this order. What an adapter brings goes before what its base says.
 */
public final class ChatTemplates {
    private static final String DEFAULT = "default";

    private ChatTemplates() { }

    /**
     * The templates by name; the usual one is called {@code default}.
     *
     * @param files gives the files beside the checkpoint by name
     * @return name to Jinja source, sorted; empty when the model has no template
     */
    public static Map<String, String> find(Function<String, Optional<Path>> files) {
        Optional<Path> config = files.apply("tokenizer_config.json");
        Optional<Path> jinja = files.apply("chat_template.jinja");
        Optional<Path> json = files.apply("chat_template.json");
        Optional<JsonNode> configured = config.map(CheckpointFolder::readObject).map(c -> c.get("chat_template"));
        boolean trained = jinja.or(() -> json).filter(file -> isAnAdaptersAlone(file, config)).isPresent();
        if (configured.isPresent() && !trained) {
            return templates(configured.get());
        }
        return jinja.map(ChatTemplates::beside).or(() -> json.map(CheckpointFolder::readObject).map(c -> templates(c.path("chat_template")))).orElse(new TreeMap<>());
    }

    /** Whether a template was saved by a training whose tokenizer_config.json did not come along: the base's says nothing about it. */
    private static boolean isAnAdaptersAlone(Path template, Optional<Path> config) {
        return Files.isRegularFile(template.resolveSibling("adapter_config.json")) && config.filter(c -> template.resolveSibling(c.getFileName()).equals(c)).isEmpty();
    }

    private static Map<String, String> beside(Path jinja) {
        Map<String, String> templates = new TreeMap<>();
        FurtherTemplates.beside(jinja).forEach(file -> templates.put(name(file.getFileName().toString().replaceFirst("\\.jinja$", "")), TextFile.read(file)));
        templates.put(DEFAULT, TextFile.read(jinja));
        return templates;
    }

    private static Map<String, String> templates(JsonNode given) {
        Map<String, String> templates = new TreeMap<>();
        if (given.isTextual()) {
            templates.put(DEFAULT, given.asText());
        }
        if (given.isArray()) {
            for (JsonNode entry : given) {
                if (entry.path("name").isTextual() && entry.path("template").isTextual()) {
                    templates.put(name(entry.get("name").asText()), entry.get("template").asText());
                }
            }
        }
        return templates;
    }

    /** Letters and digits of a name; keys may hold nothing else. */
    private static String name(String given) {
        return given.replaceAll("[^A-Za-z0-9]", "_");
    }

    /** Writes templates: named ones, their list, and the default last. */
    static void write(Map<String, String> templates, GgufMetadata into) {
        List<String> named = templates.keySet().stream().filter(name -> !name.equals(DEFAULT)).toList();
        named.forEach(name -> into.putString("tokenizer.chat_template." + name, templates.get(name)));
        into.putStrings("tokenizer.chat_templates", named);
        into.putString("tokenizer.chat_template", templates.get(DEFAULT));
    }
}
