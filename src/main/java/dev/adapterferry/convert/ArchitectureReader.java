package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Architecture.Conditional;
import dev.adapterferry.convert.Architecture.Output;
import dev.adapterferry.convert.Architecture.Parameter;
import dev.adapterferry.convert.Architecture.Step;
import dev.adapterferry.convert.transform.Transforms;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads architecture files: merges what {@code extends} names, checks every field, parses expressions. The files are
 * part of this program, so a defect is an {@link IllegalArgumentException} that names file and field.
 */
final class ArchitectureReader {
    /** Keys that stand outside the architecture's own group. */
    private static final List<String> FOREIGN_GROUPS = List.of("general.", "tokenizer.", "xielu.", "diffusion.");
    private static final Set<String> TYPES = Set.of("uint32", "uint32s", "float32", "bool", "string");
    private static final Set<String> FIELDS = Set.of("arch", "classes", "extends", "since", "defaults", "values", "forget", "parameters", "tensors", "counted",
            "rename", "drop", "layers", "notes", "refuse", "generated", "tokenizer", "embeds", "after");

    private final String file;
    private final String arch;

    private ArchitectureReader(String file, String arch) {
        this.file = file;
        this.arch = arch;
    }

    /**
     * Lays a file over the one it extends. Maps are merged and null removes an entry; lists replace the parent's, and an
     * element {@code inherit} stands for all of the parent's. Classes and {@code since} are never inherited.
     */
    static ObjectNode merge(ObjectNode parent, ObjectNode child) {
        ObjectNode merged = parent.deepCopy();
        merged.remove(List.of("classes", "since"));
        child.fields().forEachRemaining(e -> {
            JsonNode before = merged.get(e.getKey());
            if (e.getValue() instanceof ObjectNode map && before instanceof ObjectNode base) {
                map.fields().forEachRemaining(f -> {
                    if (f.getValue().isNull()) {
                        base.remove(f.getKey());
                    } else {
                        base.set(f.getKey(), f.getValue());
                    }
                });
            } else if (e.getValue() instanceof ArrayNode list && before instanceof ArrayNode base) {
                ArrayNode joined = JsonNodeFactory.instance.arrayNode();
                list.forEach(item -> {
                    if (item.asText().equals("inherit")) {
                        joined.addAll(base);
                    } else {
                        joined.add(item);
                    }
                });
                merged.set(e.getKey(), joined);
            } else {
                merged.set(e.getKey(), e.getValue());
            }
        });
        return merged;
    }

    /** Turns a merged file into an architecture. */
    static Architecture read(String file, ObjectNode node) {
        return new ArchitectureReader(file, node.path("arch").asText()).read(node);
    }

    private Architecture read(ObjectNode node) {
        node.fieldNames().forEachRemaining(name -> check(FIELDS.contains(name), "unknown field '" + name + "'"));
        check(!arch.isEmpty(), "no 'arch'");
        check(!node.path("tokenizer").asText().isEmpty(), "no 'tokenizer'");
        Map<String, JsonNode> defaults = new LinkedHashMap<>();
        node.path("defaults").fields().forEachRemaining(e -> defaults.put(e.getKey(), e.getValue()));
        Map<String, List<Output>> tensors = new LinkedHashMap<>();
        node.path("tensors").fields().forEachRemaining(e -> tensors.put(e.getKey(), outputs(e.getValue())));
        return new Architecture(file, arch, texts(node.path("classes")), node.path("since").asText(""), defaults, textMap(node.path("values")),
                Set.copyOf(texts(node.path("forget"))), parameters(node.path("parameters")), tensors, textMap(node.path("counted")), textMap(node.path("rename")),
                conditionals(node.path("drop")), node.has("layers") ? expression(node.get("layers").asText()) : null, conditionals(node.path("notes")), conditionals(node.path("refuse")), texts(node.path("generated")), node.path("tokenizer").asText(),
                node.path("embeds").asBoolean(), parameters(node.path("after")));
    }

    private List<Parameter> parameters(JsonNode list) {
        List<Parameter> parameters = new ArrayList<>();
        for (JsonNode item : list) {
            if (item.isTextual()) {
                parameters.add(new Parameter(item.asText(), "", null, false));
                continue;
            }
            check(item.isObject() && item.size() == 1, "a parameter is a name or one 'key: type expression', not " + item);
            Map.Entry<String, JsonNode> entry = item.fields().next();
            String[] parts = entry.getValue().asText().split(" ", 2);
            boolean required = parts[0].endsWith("!");
            String type = required ? parts[0].substring(0, parts[0].length() - 1) : parts[0];
            check(parts.length == 2 && TYPES.contains(type), "no type in parameter " + item);
            String key = FOREIGN_GROUPS.stream().anyMatch(entry.getKey()::startsWith) ? entry.getKey() : arch + "." + entry.getKey();
            parameters.add(new Parameter(key, type, expression(parts[1]), required));
        }
        return List.copyOf(parameters);
    }

    private List<Output> outputs(JsonNode value) {
        List<Output> outputs = new ArrayList<>();
        if (value.isArray()) {
            value.forEach(item -> outputs.add(output(item.asText())));
        } else {
            outputs.add(output(value.asText()));
        }
        return List.copyOf(outputs);
    }

    /** {@code lm_head.weight when tie_word_embeddings}: the text, and the condition where there is one. */
    private List<Conditional> conditionals(JsonNode list) {
        return texts(list).stream().map(text -> {
            int at = text.lastIndexOf(" when ");
            return at < 0 ? new Conditional(text, null) : new Conditional(text.substring(0, at), expression(text.substring(at + 6)));
        }).toList();
    }

    /**
     * {@code blk.N.attn_q? > permute heads > plus-one}: the name, {@code ?} when a checkpoint may lack it, the transforms in order. A word
     * after the {@code ?} names a part of the layer that is there whole or not at all.
     */
    private Output output(String text) {
        String[] parts = text.split(">");
        String[] named = parts[0].strip().split("\\?", -1);
        boolean optional = named.length > 1;
        List<Step> steps = new ArrayList<>();
        for (int i = 1; i < parts.length; i++) {
            String[] words = parts[i].strip().split(" ", 2);
            List<Expression> arguments = new ArrayList<>();
            if (words.length > 1) {
                for (String argument : words[1].split(",")) {
                    arguments.add(expression(argument.strip()));
                }
            }
            boolean ends = TensorPlan.FINAL_STEPS.contains(words[0]);
            check(ends || Transforms.arguments(words[0]) == arguments.size(), "'" + text + "': " + words[0] + " with " + arguments.size() + " arguments");
            check(!ends || i == parts.length - 1, "'" + text + "': " + words[0] + " must come last");
            steps.add(new Step(words[0], arguments));
        }
        return new Output(named[0], optional, optional ? named[1] : "", List.copyOf(steps));
    }

    private Expression expression(String text) {
        try {
            return Expression.parse(text);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("architecture file " + file + ".yaml: " + e.getMessage(), e);
        }
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(item -> texts.add(item.asText()));
        return List.copyOf(texts);
    }

    private static Map<String, String> textMap(JsonNode map) {
        Map<String, String> texts = new LinkedHashMap<>();
        map.fields().forEachRemaining(e -> texts.put(e.getKey(), e.getValue().asText()));
        return texts;
    }

    private void check(boolean holds, String what) {
        if (!holds) {
            throw new IllegalArgumentException("architecture file " + file + ".yaml: " + what);
        }
    }
}
