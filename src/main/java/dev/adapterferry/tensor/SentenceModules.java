package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What sentence-transformers does with a text, step by step: {@code modules.json} beside the weights lists the modules, most of which have a folder
 * there ({@code 1_Pooling}, {@code 2_Dense}) with a config.json and sometimes weights.
 *
 * @param file    modules.json
 * @param modules in order
 * @see <a href="https://sbert.net/docs/package_reference/sentence_transformer/models.html">sentence-transformers</a>
 */
public record SentenceModules(Path file, List<Module> modules) {
    /** The file's name. */
    public static final String NAME = "modules.json";
    /** What belongs to such a model: modules.json; prompts and the metric; the longest text. */
    public static final List<String> FILES = List.of(NAME, "config_sentence_transformers.json", "sentence_bert_config.json");
    /** What a module's folder holds, as {@code 1_Pooling/config.json}. */
    public static final String IN_FOLDERS = "[0-9]_[A-Za-z][A-Za-z0-9]{0,60}/(config\\.json|model\\.safetensors)";

    private static final String FOLDER = "[A-Za-z0-9_][A-Za-z0-9_.-]*";

    /**
     * One step.
     *
     * @param kind the class without its package, which changes between versions of sentence-transformers: {@code Transformer}, {@code Pooling}, {@code Dense}
     * @param path folder beside modules.json, empty for the folder itself
     */
    public record Module(String kind, String path) { }

    /** Copies the list. */
    public SentenceModules {
        modules = List.copyOf(modules);
    }

    /**
     * The modules of a checkpoint.
     *
     * @return empty where it has no modules.json
     * @throws FerryException when it is none
     */
    public static Optional<SentenceModules> of(Checkpoint checkpoint) {
        return checkpoint.file(NAME).map(SentenceModules::read);
    }

    /**
     * Reads a modules.json.
     *
     * @throws FerryException when it is none
     */
    public static SentenceModules read(Path file) {
        JsonNode list;
        try {
            list = new ObjectMapper().readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
        if (list == null || !list.isArray()) {
            throw new MalformedFile(file, 0, "expected a list of modules");
        }
        List<Module> modules = new ArrayList<>();
        list.forEach(module -> {
            String type = module.path("type").asText();
            modules.add(new Module(type.substring(type.lastIndexOf('.') + 1), module.path("path").asText()));
        });
        return new SentenceModules(file, modules);
    }

    /** The modules of a kind. */
    public List<Module> of(String kind) {
        return modules.stream().filter(module -> module.kind().equals(kind)).toList();
    }

    /**
     * The folder of a module.
     *
     * @throws MalformedFile when its path is no folder beside modules.json
     */
    public Path folder(Module module) {
        if (!module.path().matches(FOLDER)) {
            throw new MalformedFile(file, -1, "the path of its " + module.kind() + " is no folder's name");
        }
        return file.resolveSibling(module.path());
    }

    /** What the modules' folders hold: their config.json and weights, where they are there. Nothing from outside the checkpoint. */
    public List<Path> files() {
        return modules.stream().filter(module -> module.path().matches(FOLDER)).map(this::folder).flatMap(folder -> Stream.of("config.json", "model.safetensors").map(folder::resolve))
                .filter(Files::isRegularFile).distinct().toList();
    }
}
