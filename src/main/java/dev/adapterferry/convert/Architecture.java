package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one architecture file says: how a checkpoint of certain config classes becomes a GGUF of one architecture.
 *
 * @param file       name of the file, without ending
 * @param arch       {@code general.architecture}
 * @param classes    HF class names (config.json, {@code architectures})
 * @param since      month of the first llama.cpp that knows the architecture, for example {@code 2025-04}; empty for old ones
 * @param defaults   values that the config class fills in when config.json omits them; a text that begins with {@code =} is computed
 * @param values     names computed from the configuration, for use in parameters and transforms
 * @param forget     fields of config.json to ignore
 * @param parameters the hyperparameter keys in order
 * @param tensors    HF name patterns and what becomes of them; {@code N} stands for the layer, {@code E} for the expert
 * @param rename     regular expressions and replacements applied to checkpoint names before the patterns
 * @param drop       regular expressions of checkpoint tensors to leave out
 * @param generated  names of generated tensors
 * @param tokenizer  vocabulary kind
 * @param after      special writers that run after the tokenizer, such as {@code add-space-prefix false}
 */
record Architecture(String file, String arch, List<String> classes, String since, Map<String, JsonNode> defaults, Map<String, String> values,
        Set<String> forget, List<Parameter> parameters, Map<String, List<Output>> tensors, Map<String, String> rename, List<String> drop,
        List<String> generated, String tokenizer, List<Parameter> after) {

    /**
     * One hyperparameter.
     *
     * @param key        full key, or the name of a special writer when {@code type} is empty
     * @param type       {@code uint32}, {@code float32}, {@code bool}, {@code string}, or empty for a special writer
     * @param expression where the value comes from, null for a special writer
     * @param required   whether a missing value is an error
     */
    record Parameter(String key, String type, Expression expression, boolean required) { }

    /**
     * What a checkpoint tensor becomes.
     *
     * @param name     GGUF name pattern, with a suffix only where the pattern has one
     * @param optional whether a checkpoint may lack it
     * @param steps    transforms, in order; {@code stack} as the last one collects experts
     */
    record Output(String name, boolean optional, List<Step> steps) { }

    /**
     * One transform.
     *
     * @param name      its name
     * @param arguments expressions over the configuration
     */
    record Step(String name, List<Expression> arguments) { }
}
