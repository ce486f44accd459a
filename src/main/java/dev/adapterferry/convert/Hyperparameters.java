package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Architecture.Parameter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.List;
import java.util.Map;

/**
 * Writes the keys of an architecture from a configuration, in the order of its file. A value that the configuration
 * lacks is left out unless the file marks it as required. Entries without a type are the special writers below.
 */
final class Hyperparameters {
    private static final Map<String, Long> GATING = Map.of("softmax", 1L, "sigmoid", 2L, "sqrtsoftplus", 4L);

    private final String model;
    private final Architecture architecture;
    private final ModelConfig config;
    private final GgufMetadata into;

    /** @param model the checkpoint's name, for messages */
    Hyperparameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        this.model = model;
        this.architecture = architecture;
        this.config = config;
        this.into = into;
    }

    /**
     * Writes the given entries.
     *
     * @throws FerryException when a required value is missing or a value is of the wrong kind; names the field of config.json
     */
    void write(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            if (parameter.type().isEmpty()) {
                special(parameter.key());
            } else {
                write(parameter);
            }
        }
    }

    private void write(Parameter parameter) {
        Object value = parameter.expression().value(config);
        if (value == null) {
            if (parameter.required()) {
                throw new FerryException("Cannot convert " + model + ": config.json lacks '" + parameter.expression().firstNames() + "', which "
                        + architecture.arch() + " needs for " + parameter.key() + ".");
            }
            return;
        }
        switch (parameter.type()) {
            case "uint32" -> {
                if (!(value instanceof Number n) || n.doubleValue() != Math.rint(n.doubleValue()) || n.doubleValue() < 0 || n.doubleValue() > 0xFFFFFFFFL) {
                    throw wrong(parameter, "a whole number", value);
                }
                into.putUint32(parameter.key(), n.longValue());
            }
            case "float32" -> {
                if (!(value instanceof Number n)) {
                    throw wrong(parameter, "a number", value);
                }
                into.putFloat32(parameter.key(), n.floatValue());
            }
            case "bool" -> {
                if (!(value instanceof Boolean b)) {
                    throw wrong(parameter, "true or false", value);
                }
                into.putBool(parameter.key(), b);
            }
            default -> into.putString(parameter.key(), value.toString());
        }
    }

    private FerryException wrong(Parameter parameter, String expected, Object found) {
        return new FerryException("Cannot convert " + model + ": config.json, '" + parameter.expression().firstNames() + "': expected " + expected
                + " for " + parameter.key() + ", found " + found + ".");
    }

    private void special(String name) {
        switch (name) {
            case "causal" -> {
                if (Boolean.FALSE.equals(config.get("is_causal"))) {
                    into.putBool(key("attention.causal"), false);
                }
            }
            case "rope-scaling" -> ropeScaling();
            case "rope-sections" -> ropeSections();
            case "expert-gating" -> expertGating();
            // The writer of each file replaces this value in place with its own type.
            case "file-type" -> into.putUint32("general.file_type", 1);
            default -> throw new IllegalStateException("architecture file " + architecture.file() + ".yaml: no special writer '" + name + "'");
        }
    }

    private void ropeScaling() {
        ObjectNode rope = config.fullRope();
        String type = rope.path("rope_type").asText("default");
        boolean hasFactor = rope.path("factor").isNumber();
        if (type.equals("linear") && hasFactor) {
            into.putString(key("rope.scaling.type"), "linear").putFloat32(key("rope.scaling.factor"), rope.get("factor").floatValue());
        } else if (type.equals("yarn") && hasFactor) {
            if (!rope.path("original_max_position_embeddings").isNumber()) {
                throw new FerryException("Cannot convert " + model + ": config.json, rope_scaling of type yarn: 'original_max_position_embeddings' is missing.");
            }
            into.putString(key("rope.scaling.type"), "yarn").putFloat32(key("rope.scaling.factor"), rope.get("factor").floatValue());
            into.putUint32(key("rope.scaling.original_context_length"), rope.get("original_max_position_embeddings").longValue());
            putRope("yarn_ext_factor", rope, "extrapolation_factor");
            putRope("yarn_attn_factor", rope, rope.hasNonNull("attention_factor") ? "attention_factor" : "attn_factor");
            putRope("yarn_beta_fast", rope, "beta_fast");
            putRope("yarn_beta_slow", rope, "beta_slow");
        } else if (type.equals("su") || type.equals("longrope")) {
            into.putString(key("rope.scaling.type"), "longrope");
        }
    }

    private void putRope(String key, ObjectNode rope, String field) {
        if (rope.path(field).isNumber()) {
            into.putFloat32(key("rope.scaling." + key), rope.get(field).floatValue());
        }
    }

    private void ropeSections() {
        JsonNode sections = config.rope().path("mrope_section");
        if (sections.isArray()) {
            int[] four = new int[4];
            for (int i = 0; i < Math.min(4, sections.size()); i++) {
                four[i] = sections.get(i).intValue();
            }
            into.putInts(key("rope.dimension_sections"), four);
        }
    }

    private void expertGating() {
        Object name = config.evaluate("score_function | scoring_func | score_func | moe_router_activation | moe_router_activation_func | expert_selection_fn");
        if (name != null) {
            Long id = GATING.get(name.toString());
            if (id == null) {
                throw new FerryException("Cannot convert " + model + ": config.json names the expert gating function '" + name + "'; known are "
                        + String.join(", ", GATING.keySet().stream().sorted().toList()) + ".");
            }
            into.putUint32(key("expert_gating_func"), id);
        }
    }

    private String key(String name) {
        return architecture.arch() + "." + name;
    }
}
