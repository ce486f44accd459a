package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** All architecture files of this program, by HF class name. Read once; immutable. */
public final class ArchitectureCatalog {
    private final Map<String, Architecture> byFile = new TreeMap<>();
    private final Map<String, Architecture> byClass = new TreeMap<>();

    private ArchitectureCatalog(Map<String, ObjectNode> files) {
        for (String name : files.keySet()) {
            ObjectNode merged = merged(name, files, 0);
            // A file without classes exists to be extended.
            if (!files.get(name).path("classes").isEmpty()) {
                Architecture architecture = ArchitectureReader.read(name, merged);
                byFile.put(name, architecture);
                for (String className : architecture.classes()) {
                    if (byClass.put(className, architecture) != null) {
                        throw new IllegalArgumentException("architecture file " + name + ".yaml: class " + className + " stands in two files");
                    }
                }
            }
        }
    }

    /** The built-in catalog. */
    public static ArchitectureCatalog builtIn() {
        return Holder.CATALOG;
    }

    /** HF class names that can be converted, sorted. */
    public Collection<String> classNames() {
        return Stream.concat(byClass.keySet().stream().filter(name -> !name.contains("/")), TextParts.builtIn().wholes().stream()).sorted().toList();
    }

    /** All architectures, by file name. */
    Collection<Architecture> all() {
        return byFile.values();
    }

    /** The architecture of an HF class name. */
    Optional<Architecture> find(String className) {
        return Optional.ofNullable(byClass.get(className));
    }

    /**
     * Refuses a checkpoint that cannot be converted, by its configuration alone.
     *
     * @param config its config.json
     * @param model  its name, for messages
     * @throws FerryException when config.json names no architecture or one that is not known; names the nearest ones. When llama.cpp would compute
     *                        otherwise what the configuration asks for, or lacks a field that the file needs; says what
     */
    public void check(ObjectNode config, String model) {
        Architecture architecture = require(config, model);
        new Hyperparameters(model, architecture, ModelConfig.of(config, architecture, List.of()), new GgufMetadata()).write(architecture.parameters());
    }

    /**
     * The architecture of a checkpoint.
     *
     * @param config its config.json
     * @param model  its name, for messages
     * @throws FerryException when config.json names none, one that is not known or one whose configuration llama.cpp would compute otherwise
     */
    Architecture require(ObjectNode config, String model) {
        Architecture architecture = named(config, model);
        architecture.requireComputable(model, ModelConfig.of(config, architecture, List.of()));
        return architecture;
    }

    private Architecture named(ObjectNode config, String model) {
        String className = ModelConfig.textClass(config, model).orElseThrow(() -> new FerryException("Cannot convert " + model
                + ": config.json has no 'architectures' entry; take the config.json that belongs to the base model."));
        ObjectNode text = ModelConfig.flattened(config);
        return forms(text).stream().map(form -> find(className + "/" + form)).flatMap(Optional::stream).findFirst().or(() -> find(className))
                .orElseThrow(() -> new FerryException("Cannot convert " + model + ": architecture '" + className + "' is not supported. The nearest supported ones are "
                        + String.join(", ", nearest(className, 3)) + "."));
    }

    /** What may stand behind the slash of a class name for this model. */
    private static List<String> forms(ObjectNode text) {
        List<String> forms = new ArrayList<>(List.of(text.path("model_type").asText()));
        JsonNode layers = text.path("layer_types");
        if (!layers.isEmpty() && layers.valueStream().allMatch(type -> type.asText().matches("(full_)?attention"))) {
            forms.add("attention");
        }
        if (text.path("block_configs").valueStream().anyMatch(block -> block.at("/ffn/no_op").asBoolean())) {
            forms.add("gaps");
        }
        if (text.path("moe_every_n_layers").asInt() > 0 || text.path("hybrid_override_pattern").asText().contains("E")
                || Stream.of(layers, text.path("layers_block_type")).flatMap(JsonNode::valueStream).anyMatch(type -> type.asText().equals("moe"))) {
            forms.add("mixture");
        }
        if (!text.path("lora_adaptations").isEmpty()) {
            forms.add("tasks");
        }
        if (text.has("use_flash_attn")) {
            forms.add("flash");
        }
        return forms;
    }

    /** The class names most like the given one, nearest first. */
    List<String> nearest(String className, int count) {
        // By the part that names the model; by the whole where the slip is in the rest, and among equals.
        return classNames().stream().sorted(Comparator.comparingInt((String known) -> Math.min(distance(core(className), core(known)), distance(className, known)))
                .thenComparingInt(known -> distance(className, known)).thenComparing(known -> known)).limit(count).toList();
    }

    /** The part of a class name that tells one model from another. */
    private static String core(String className) {
        return className.replaceAll("(ForCausalLM|LMHeadModel|ForConditionalGeneration|Model)$", "").toLowerCase(Locale.ROOT);
    }

    /** Levenshtein distance. */
    private static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.length()];
    }

    private static ObjectNode merged(String name, Map<String, ObjectNode> files, int depth) {
        ObjectNode file = files.get(name);
        if (file == null || depth > 5) {
            throw new IllegalArgumentException("architecture file " + name + ".yaml is missing or extends itself");
        }
        return file.has("extends") ? ArchitectureReader.merge(merged(file.get("extends").asText(), files, depth + 1), file) : file;
    }

    private static final class Holder {
        private static final ArchitectureCatalog CATALOG = load();

        private static ArchitectureCatalog load() {
            String folder = ArchitectureCatalog.class.getPackageName().replace('.', '/') + "/architectures";
            try {
                Path home = Path.of(ArchitectureCatalog.class.getProtectionDomain().getCodeSource().getLocation().toURI());
                if (Files.isDirectory(home)) {
                    return new ArchitectureCatalog(read(home.resolve(folder)));
                }
                try (FileSystem jar = FileSystems.newFileSystem(home)) {
                    return new ArchitectureCatalog(read(jar.getPath(folder)));
                }
            } catch (IOException e) {
                throw new UncheckedIOException("Cannot read the architecture files of this installation", e);
            } catch (URISyntaxException e) {
                throw new IllegalStateException(e);
            }
        }

        private static Map<String, ObjectNode> read(Path folder) throws IOException {
            ObjectMapper yaml = new YAMLMapper();
            Map<String, ObjectNode> files = new TreeMap<>();
            List<Path> paths;
            try (Stream<Path> listing = Files.list(folder)) {
                paths = new ArrayList<>(listing.filter(p -> p.toString().endsWith(".yaml")).toList());
            }
            for (Path path : paths) {
                String name = path.getFileName().toString();
                if (!(yaml.readTree(Files.readString(path)) instanceof ObjectNode node)) {
                    throw new IllegalArgumentException("architecture file " + name + " is not a map");
                }
                files.put(name.substring(0, name.length() - ".yaml".length()), node);
            }
            return files;
        }
    }
}
