package dev.adapterferry.deploy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The defaults that LM Studio's window keeps per model file: system prompt, temperature and context for those who chat
 * there. The file is not documented by its makers; several programs write it in this form, without a byte order mark,
 * which would make LM Studio ignore it. Requests over the API do not use the prompt and the temperature, so clients and
 * probes send their own.
 */
public final class LmStudioDefaults implements Target {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String FOLDER = "user-concrete-model-default-config";

    private final Path internal;

    /** @param home LM Studio's own folder */
    public LmStudioDefaults(LmStudioHome home) {
        internal = home.path().resolve(".internal");
    }

    @Override
    public String name() {
        return "LM Studio's defaults in " + internal;
    }

    /** Writes the defaults of every file of a release. */
    @Override
    public void put(Release release, Path files, ModelProfile profile) {
        release.files().forEach(file -> write(profile, file.name()));
    }

    /** Nothing to do: a file that is not there has no defaults, and those that the user set come back with the next release. */
    @Override
    public void remove(ModelProfile profile) { }

    /**
     * Writes the defaults of one installed file, keeps what the user set there otherwise, and reads them back.
     *
     * @param profile  the model
     * @param fileName name of the file in the model's folder
     * @return the file that holds them, or null when this LM Studio was never started
     * @throws FerryException when an existing file is no JSON, or what is read back differs
     */
    public Path write(ModelProfile profile, String fileName) {
        if (!Files.isDirectory(internal)) {
            return null;
        }
        Path file = internal.resolve(FOLDER).resolve(profile.publisher()).resolve(profile.folder()).resolve(fileName + ".json");
        try {
            ObjectNode root = Files.exists(file) && JSON.readTree(file.toFile()) instanceof ObjectNode existing ? existing : JSON.createObjectNode().put("preset", "");
            Map<String, JsonNode> operation = Map.of("llm.prediction.systemPrompt", JSON.getNodeFactory().textNode(profile.system()),
                    "llm.prediction.temperature", JSON.getNodeFactory().numberNode(profile.temperature()));
            Map<String, JsonNode> load = Map.of("llm.load.contextLength", JSON.getNodeFactory().numberNode(profile.context()));
            set(root, "operation", operation);
            set(root, "load", load);
            Durable.write(file, root.toString());
            JsonNode read = JSON.readTree(file.toFile());
            if (!holds(read, "operation", operation) || !holds(read, "load", load)) {
                throw new FerryException("LM Studio's defaults in " + file + " do not hold what was written there.");
            }
            return file;
        } catch (IOException e) {
            throw new FerryException("Cannot write LM Studio's defaults of " + profile.model() + " to " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    private static void set(ObjectNode root, String part, Map<String, JsonNode> values) {
        ObjectNode node = root.withObject("/" + part);
        List<JsonNode> fields = new ArrayList<>();
        node.path("fields").forEach(field -> {
            if (!values.containsKey(field.path("key").asText())) {
                fields.add(field);
            }
        });
        ArrayNode all = node.putArray("fields").addAll(fields);
        values.forEach((key, value) -> all.addObject().put("key", key).set("value", value));
    }

    private static boolean holds(JsonNode root, String part, Map<String, JsonNode> values) {
        return values.entrySet().stream().allMatch(entry -> {
            for (JsonNode field : root.path(part).path("fields")) {
                if (field.path("key").asText().equals(entry.getKey())) {
                    return field.path("value").asText().equals(entry.getValue().asText());
                }
            }
            return false;
        });
    }
}
