package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one architecture file says: how a checkpoint of certain config classes becomes a GGUF of one architecture.
 *
 * @param file       name of the file, without ending
 * @param arch       {@code general.architecture}
 * @param classes    HF class names (config.json, {@code architectures}); one that holds for a {@code model_type} of the text part only has it after a slash,
 *                   one that holds where every layer has attention {@code attention}, where some have no feed-forward {@code gaps}, where some have a mixture of experts
 *                   ({@code moe_every_n_layers}, or a list or text of the layers' kinds) {@code mixture}, where tasks have adapters inside ({@code lora_adaptations}) {@code tasks}, in Jina's own
 *                   code ({@code use_flash_attn}) {@code flash}
 * @param since      month of the first llama.cpp that knows the architecture, for example {@code 2025-04}; empty for old ones
 * @param defaults   values that the config class fills in when config.json omits them; a text that begins with {@code =} is computed
 * @param values     names computed from the configuration, for use in parameters and transforms
 * @param forget     fields of config.json to ignore
 * @param parameters the hyperparameter keys in order
 * @param tensors    HF name patterns and what becomes of them; {@code N} stands for the layer, {@code E} for the expert
 * @param counted    names whose value is counted: how many different texts the first group of the regular expression finds among the tensors' names
 * @param rename     regular expressions and replacements applied to checkpoint names before the patterns; expressions stand in braces
 * @param drop       regular expressions of checkpoint tensors to leave out
 * @param layers     tensors of layers from this one on are left out; null for none
 * @param notes      what the user should know
 * @param refuse     why a model that says so in its configuration is not converted
 * @param generated  names of generated tensors
 * @param tokenizer  vocabulary kind
 * @param embeds     whether models of these classes make vectors of texts and nothing else: nobody can chat with them
 * @param after      special writers that run after the tokenizer, such as {@code add-space-prefix false}
 */
record Architecture(String file, String arch, List<String> classes, String since, Map<String, JsonNode> defaults, Map<String, String> values,
        Set<String> forget, List<Parameter> parameters, Map<String, List<Output>> tensors, Map<String, String> counted, Map<String, String> rename, List<Conditional> drop,
        Expression layers, List<Conditional> notes, List<Conditional> refuse, List<String> generated, String tokenizer, boolean embeds, List<Parameter> after) {

    /**
     * Refuses a model for what its configuration asks.
     *
     * @param model its name, for the message
     * @throws FerryException when llama.cpp would compute something else; says what
     */
    void requireComputable(String model, ModelConfig config) {
        refuse.stream().filter(reason -> reason.holds(config)).findFirst().ifPresent(reason -> {
            throw new FerryException("Cannot convert " + model + ": " + reason.text() + ".");
        });
    }

    /**
     * One hyperparameter.
     *
     * @param key        full key, or the name of a special writer when {@code type} is empty
     * @param type       {@code uint32}, {@code uint32s} (one for all layers, or a list with one per layer), {@code float32}, {@code bool}, {@code string}, or empty for a special writer
     * @param expression where the value comes from, null for a special writer
     * @param required   whether a missing value is an error
     */
    record Parameter(String key, String type, Expression expression, boolean required) { }

    /**
     * What a checkpoint tensor becomes.
     *
     * @param name     GGUF name pattern, with a suffix only where the pattern has one
     * @param optional whether a checkpoint may lack it
     * @param part     the part of a layer that it belongs to, which a layer has whole or not at all; empty for none
     * @param steps    transforms, in order; {@code stack} as the last one collects experts
     */
    record Output(String name, boolean optional, String part, List<Step> steps) { }

    /**
     * A text that holds for some models only.
     *
     * @param text      what holds
     * @param condition true, or a number other than 0, where it holds; null for always
     */
    record Conditional(String text, Expression condition) {
        boolean holds(ModelConfig config) {
            Object value = condition == null ? Boolean.TRUE : condition.value(config);
            return value instanceof Boolean b ? b : value instanceof Number n && n.doubleValue() != 0;
        }
    }

    /**
     * One transform.
     *
     * @param name      its name
     * @param arguments expressions over the configuration
     */
    record Step(String name, List<Expression> arguments) { }
}
