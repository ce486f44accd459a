package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model's configuration as its config class in transformers would present it: the text part of nested configurations
 * on top, fields that config.json omits filled with the class's defaults, rope settings of all generations under one
 * spelling. Values computed by the architecture file ({@code values:}) are names like any other.
 */
final class ModelConfig implements Expression.Names {
    /** Architectures of nested configurations whose own name must not replace the root's. */
    private static final Set<String> ROOT_NAME_WINS = Set.of("StepVLForConditionalGeneration", "Sarashina2VisionForCausalLM",
            "Exaone4_5_ForConditionalGeneration", "Step3p7ForConditionalGeneration", "KimiK3ForConditionalGeneration");

    private final ObjectNode fields;
    private final Map<String, Expression> computed = new LinkedHashMap<>();
    private ObjectNode rope = JsonNodeFactory.instance.objectNode();

    private ModelConfig(ObjectNode fields) {
        this.fields = fields;
    }

    /** The configuration with the text part laid over the root; no defaults yet but those of a text part that says no more than its kind. */
    static ObjectNode flattened(ObjectNode root) {
        ObjectNode flat = overlaid(root);
        whole(root).ifPresent(whole -> TextParts.builtIn().fill(whole, flat.path("text_config"), flat));
        return flat;
    }

    private static ObjectNode overlaid(ObjectNode root) {
        ObjectNode flat = root.deepCopy();
        for (String path : List.of("/llm_config", "/lm_config", "/thinker_config/text_config", "/language_config", "/lfm")) {
            if (root.at(path) instanceof ObjectNode nested) {
                flat.set("text_config", nested.deepCopy());
            }
        }
        if (flat.get("text_config") instanceof ObjectNode text) {
            text.fields().forEachRemaining(e -> {
                if (!e.getKey().equals("architectures")) {
                    flat.set(e.getKey(), e.getValue());
                }
            });
        }
        return flat;
    }

    /** The class name under which the model is known: {@code architectures[0]}, of the text part where it has one. */
    static Optional<String> className(ObjectNode root) {
        Optional<String> outer = firstText(root.get("architectures"));
        if (outer.isEmpty() && root.path("ssm_cfg").isObject()) {
            // The original repositories of Mamba name no class.
            return Optional.of(root.path("ssm_cfg").path("layer").asText("Mamba1").equals("Mamba2") ? "Mamba2ForCausalLM" : "MambaForCausalLM");
        }
        Optional<String> inner = firstText(overlaid(root).path("text_config").get("architectures"));
        return inner.isPresent() && outer.filter(ROOT_NAME_WINS::contains).isEmpty() ? inner : outer;
    }

    /** The class of the whole where it is one of those that wrap a text model of an ordinary kind. */
    static Optional<String> whole(ObjectNode root) {
        return firstText(root.get("architectures")).filter(TextParts.builtIn()::isWhole);
    }

    /**
     * The class name by which the architecture is chosen: that of the text part, also where config.json says no more than its kind.
     *
     * @param model the model's name, for messages
     * @throws FerryException when the kind is not known
     */
    static Optional<String> textClass(ObjectNode root, String model) {
        Optional<String> name = className(root);
        return name.filter(TextParts.builtIn()::isWhole).isEmpty() ? name : name.map(whole -> TextParts.builtIn().classOf(whole, overlaid(root).path("text_config"), model));
    }

    private static Optional<String> firstText(JsonNode list) {
        return list == null || !list.isArray() || list.isEmpty() || !list.get(0).isTextual() ? Optional.empty() : Optional.of(list.get(0).asText());
    }

    /**
     * The configuration of a model of a known architecture.
     *
     * @param root         config.json
     * @param architecture gives defaults and computed values
     * @param tensors      names of the checkpoint's tensors
     */
    static ModelConfig of(ObjectNode root, Architecture architecture, List<String> tensors) {
        ModelConfig config = new ModelConfig(flattened(root));
        architecture.counted().forEach((name, text) -> config.fields.put(name, count(Pattern.compile(text), tensors)));
        architecture.forget().forEach(config.fields::remove);
        // Plain defaults first: defaults that are computed (head_dim = hidden_size // heads) build on them.
        architecture.defaults().forEach((name, value) -> {
            if (!config.fields.has(name) && !(value.isTextual() && value.asText().startsWith("="))) {
                config.fields.set(name, value);
            }
        });
        architecture.defaults().forEach((name, value) -> {
            if (!config.fields.has(name)) {
                config.computed.put(name, Expression.parse(value.asText().substring(1).strip()));
            }
        });
        architecture.values().forEach((name, text) -> config.computed.put(name, Expression.parse(text)));
        // Older transformers write null for "as many as the query heads".
        if (config.fields.has("num_key_value_heads") && config.fields.get("num_key_value_heads").isNull() && config.fields.hasNonNull("num_attention_heads")) {
            config.fields.set("num_key_value_heads", config.fields.get("num_attention_heads"));
        }
        config.rope = normalisedRope(config.fields);
        return config;
    }

    private static long count(Pattern pattern, List<String> names) {
        return names.stream().map(pattern::matcher).filter(Matcher::matches).map(match -> match.group(1)).distinct().count();
    }

    private static ObjectNode normalisedRope(ObjectNode fields) {
        ObjectNode rope = JsonNodeFactory.instance.objectNode();
        for (String key : List.of("rope_parameters", "rope_scaling")) {
            if (fields.get(key) instanceof ObjectNode given) {
                rope = given.deepCopy();
                break;
            }
        }
        if (rope.has("full_attention") || rope.has("sliding_attention")) {
            return rope;
        }
        JsonNode local = first(fields, "local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq");
        if (local != null) {
            rope.putObject("sliding_attention").set("rope_theta", local);
        }
        fill(rope, "rope_theta", first(fields, "global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base"));
        fill(rope, "rope_type", rope.get("type"));
        fill(rope, "partial_rotary_factor", first(fields, "partial_rotary_factor", "rope_pct", "rope_percent"));
        fill(rope, "original_max_position_embeddings", fields.get("original_max_position_embeddings"));
        return rope;
    }

    private static void fill(ObjectNode rope, String key, JsonNode value) {
        if (!rope.hasNonNull(key) && value != null && !value.isNull()) {
            rope.set(key, value);
        }
    }

    private static JsonNode first(ObjectNode fields, String... names) {
        for (String name : names) {
            if (fields.hasNonNull(name)) {
                return fields.get(name);
            }
        }
        return null;
    }

    /** The rope settings of all layers ({@code R} of the converter): sections, sliding attention, long and short factors. */
    ObjectNode rope() {
        return rope;
    }

    /** The rope settings of full attention: type, theta, factors. */
    ObjectNode fullRope() {
        return rope.get("full_attention") instanceof ObjectNode full ? full : rope;
    }

    /** All fields, defaults included; read only. */
    ObjectNode fields() {
        return fields;
    }

    @Override
    public boolean has(String name) {
        return computed.containsKey(name) || !node(name).isMissingNode();
    }

    @Override
    public Object get(String name) {
        Expression expression = computed.get(name);
        return expression != null ? expression.value(this) : plain(node(name));
    }

    private JsonNode node(String name) {
        JsonNode node = fields;
        String path = name;
        if (name.startsWith("rope.") || name.startsWith("rope_all.")) {
            node = name.startsWith("rope.") ? fullRope() : rope;
            path = name.substring(name.indexOf('.') + 1);
        }
        for (String step : path.split("\\.")) {
            node = node.isArray() && Character.isDigit(step.charAt(0)) ? node.path(Integer.parseInt(step)) : node.path(step);
        }
        return node;
    }

    /** A JSON node as an expression sees it. */
    static Object plain(JsonNode node) {
        if (node == null || node.isNull() || node.isMissingNode()) {
            return null;
        }
        if (node.isIntegralNumber() && node.canConvertToLong()) {
            return node.longValue();
        }
        if (node.isNumber()) {
            return node.doubleValue();
        }
        return node.isBoolean() ? (Object) node.booleanValue() : node.isTextual() ? node.textValue() : node;
    }

    /** The value of an expression over this configuration, or null. */
    Object evaluate(String expression) {
        return Expression.parse(expression).value(this);
    }

    /** A whole number, or empty when the field is absent or null. */
    Optional<Long> findLong(String expression) {
        return findLong(Expression.parse(expression));
    }

    /** A whole number, or empty when the field is absent or null. */
    Optional<Long> findLong(Expression expression) {
        return findNumber(expression).map(Double::longValue);
    }

    /** A number, or empty when the field is absent or null. */
    Optional<Double> findNumber(Expression expression) {
        return expression.value(this) instanceof Number number ? Optional.of(number.doubleValue()) : Optional.empty();
    }
}
