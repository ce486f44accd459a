package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.BooleanNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Models made of an encoder for images or sound and a text model of an ordinary kind, of which config.json says no more than the kind: which
 * class that is, and which sizes its config class fills in ({@code text-parts.yaml}). Immutable.
 */
final class TextParts {
    private static final TextParts BUILT_IN = load();

    private final JsonNode wholes;
    private final JsonNode kinds;

    private TextParts(JsonNode table) {
        this.wholes = table.path("wholes");
        this.kinds = table.path("kinds");
    }

    /** The built-in table. */
    static TextParts builtIn() {
        return BUILT_IN;
    }

    private static TextParts load() {
        try (InputStream in = TextParts.class.getResourceAsStream("text-parts.yaml")) {
            return new TextParts(new YAMLMapper().readTree(in));
        } catch (IOException e) {
            throw new UncheckedIOException("Cannot read text-parts.yaml of this installation", e);
        }
    }

    /** Classes of whole models, sorted. */
    List<String> wholes() {
        return names(wholes).stream().sorted().toList();
    }

    /** Classes of text models that may be part of one, sorted. */
    List<String> classes() {
        return kinds.valueStream().map(kind -> kind.get("class").asText()).sorted().toList();
    }

    /** True for a class whose text part is looked up here. */
    boolean isWhole(String className) {
        return wholes.has(className);
    }

    /**
     * The class of the text part.
     *
     * @param className a class of a whole model
     * @param text      its text configuration; a missing node where config.json has none
     * @param model     the model's name, for messages
     * @throws FerryException when the kind is not known
     */
    String classOf(String className, JsonNode text, String model) {
        String kind = kind(className, text);
        return Optional.ofNullable(kinds.get(kind)).map(known -> known.get("class").asText()).orElseThrow(() -> new FerryException("Cannot convert " + model + ": the text part of this "
                + className + " is of the type '" + kind + "', which is not supported. Supported are " + String.join(", ", names(kinds)) + "."));
    }

    /** What the user should know of the text part of such a model alone. */
    Optional<String> note(String className) {
        return Optional.ofNullable(wholes.path(className).get("note")).map(JsonNode::asText);
    }

    /**
     * Fills in what the text part's config class would.
     *
     * @param className a class of a whole model
     * @param text      its text configuration; a missing node where config.json has none
     * @param flat      the configuration with the text part laid over the whole; receives the fields that it lacks
     */
    void fill(String className, JsonNode text, ObjectNode flat) {
        String kind = kind(className, text);
        flat.put("model_type", kind);
        kinds.path(kind).properties().stream().filter(field -> !field.getKey().equals("class") && !flat.has(field.getKey())).forEach(field -> flat.set(field.getKey(), field.getValue()));
        if (!flat.has("tie_word_embeddings")) {
            // Wholes and parts disagree about the default; whether the checkpoint has an output decides.
            flat.set("tie_word_embeddings", BooleanNode.TRUE);
        }
    }

    private String kind(String className, JsonNode text) {
        return text.path("model_type").asText(wholes.path(className).path("kind").asText());
    }

    private static List<String> names(JsonNode map) {
        List<String> names = new ArrayList<>();
        map.fieldNames().forEachRemaining(names::add);
        return names;
    }
}
