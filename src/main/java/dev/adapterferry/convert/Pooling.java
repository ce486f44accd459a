package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * How the vectors of a text's tokens become the one vector of the text, as sentence-transformers writes it down: modules.json beside the
 * weights names a folder, usually {@code 1_Pooling}, whose config.json says it.
 *
 * @param type  llama.cpp's number for it, the value of {@code pooling_type}: 1 mean, 2 first token, 3 last token
 * @param notes what the user should know, one sentence each
 * @see <a href="https://sbert.net/docs/package_reference/sentence_transformer/models.html">sentence-transformers</a>
 */
record Pooling(int type, List<String> notes) {
    private static final int MEAN = 1;
    private static final int FIRST = 2;
    private static final int LAST = 3;
    private static final String MODULES = "modules.json";

    /**
     * The pooling of a checkpoint.
     *
     * @param embeds whether models of this architecture do nothing but embed
     * @return empty for a model that goes on with a text
     * @throws FerryException when it is of a kind that llama.cpp does not have, or the files contradict each other
     */
    static Optional<Pooling> of(Checkpoint checkpoint, boolean embeds) {
        Optional<Path> file = checkpoint.file(MODULES);
        if (file.isEmpty()) {
            return embeds ? Optional.of(new Pooling(MEAN, List.of("The checkpoint does not say how the vectors of a text's tokens become one (it has no " + MODULES
                    + "); the file says by their mean, as sentence-transformers takes it then."))) : Optional.empty();
        }
        List<JsonNode> modules = modules(file.get());
        Optional<JsonNode> pooling = modules.stream().filter(module -> kind(module).equals("Pooling")).findFirst();
        if (pooling.isEmpty()) {
            return Optional.empty();
        }
        List<String> dense = modules.stream().filter(module -> kind(module).equals("Dense")).map(module -> module.path("path").asText()).toList();
        return Optional.of(new Pooling(type(checkpoint.name(), config(file.get(), pooling.get())), dense.isEmpty() ? List.of()
                : List.of("The layers behind the pooling (" + String.join(", ", dense) + ") are left out: the file's vectors are those before them.")));
    }

    private static List<JsonNode> modules(Path file) {
        try {
            JsonNode list = new ObjectMapper().readTree(Files.readAllBytes(file));
            if (list == null || !list.isArray()) {
                throw new MalformedFile(file, 0, "expected a list of modules");
            }
            List<JsonNode> modules = new ArrayList<>();
            list.forEach(modules::add);
            return modules;
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + e.getMessage() + ".", e);
        }
    }

    /** The class of a module without its package, which changes between versions of sentence-transformers. */
    private static String kind(JsonNode module) {
        String type = module.path("type").asText();
        return type.substring(type.lastIndexOf('.') + 1);
    }

    private static JsonNode config(Path modules, JsonNode pooling) {
        String folder = pooling.path("path").asText();
        if (!folder.matches("[A-Za-z0-9_][A-Za-z0-9_.-]*")) {
            throw new MalformedFile(modules, -1, "the path of its pooling is no folder's name");
        }
        return CheckpointFolder.readObject(modules.resolveSibling(folder).resolve("config.json"));
    }

    private static int type(String model, JsonNode config) {
        List<String> modes = new ArrayList<>();
        JsonNode named = config.path("pooling_mode");
        if (named.isTextual()) {
            modes.add(named.asText());
        }
        config.fields().forEachRemaining(field -> {
            if (field.getKey().startsWith("pooling_mode_") && field.getValue().asBoolean()) {
                modes.add(field.getKey().substring("pooling_mode_".length()).replaceAll("_tokens?$", ""));
            }
        });
        return switch (modes.size() == 1 ? modes.getFirst() : "") {
            case "mean" -> MEAN;
            case "cls" -> FIRST;
            case "lasttoken" -> LAST;
            default -> throw new FerryException("Cannot convert " + model + ": its vectors are pooled by " + (modes.isEmpty() ? "nothing that is named" : String.join(" and ", modes))
                    + "; llama.cpp has mean, cls and lasttoken, one of them at a time.");
        };
    }
}
