package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Architecture.Parameter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.List;

/**
 * Writes the keys of an architecture from a configuration, in the order of its file. A value that the configuration
 * lacks is left out unless the file marks it as required. Entries without a type name a writer of {@link SpecialParameters}.
 */
final class Hyperparameters {
    private final String model;
    private final Architecture architecture;
    private final ModelConfig config;
    private final GgufMetadata into;
    private final SpecialParameters special;

    /** @param model the checkpoint's name, for messages */
    Hyperparameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        this.model = model;
        this.architecture = architecture;
        this.config = config;
        this.into = into;
        this.special = new SpecialParameters(model, architecture, config, into);
    }

    /**
     * Writes the given entries.
     *
     * @throws FerryException when a required value is missing or a value is of the wrong kind; names the field of config.json
     */
    void write(List<Parameter> parameters) {
        for (Parameter parameter : parameters) {
            if (parameter.type().isEmpty()) {
                special.write(parameter.key());
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
                        + architecture.arch() + " needs for " + parameter.key() + ". Take config.json from the base model again.");
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
            case "uint32s" -> {
                if (value instanceof JsonNode list && list.isArray()) {
                    into.putInts(parameter.key(), perLayer(parameter, list));
                } else {
                    write(new Parameter(parameter.key(), "uint32", parameter.expression(), parameter.required()));
                }
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

    private int[] perLayer(Parameter parameter, JsonNode list) {
        int[] values = new int[list.size()];
        for (int i = 0; i < values.length; i++) {
            if (!list.get(i).isInt() || list.get(i).intValue() < 0) {
                throw wrong(parameter, "whole numbers, one per layer,", list);
            }
            values[i] = list.get(i).intValue();
        }
        if (values.length != config.findLong("block_count").orElse(-1L)) {
            throw wrong(parameter, "one whole number per layer", list);
        }
        return values;
    }

    private FerryException wrong(Parameter parameter, String expected, Object found) {
        return new FerryException("Cannot convert " + model + ": config.json, '" + parameter.expression().firstNames() + "': expected " + expected
                + " for " + parameter.key() + ", found " + found + ". Take config.json from the base model again.");
    }
}
