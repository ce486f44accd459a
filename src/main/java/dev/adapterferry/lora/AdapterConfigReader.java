package dev.adapterferry.lora;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.PrintableName;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads {@code adapter_config.json} and refuses, by name and with the reason, what does not merge into weights. Source: PEFT's
 * {@code LoraConfig} and mlx-lm's {@code lora.py}.
 */
final class AdapterConfigReader {
    /** Methods other than LoRA, and why they are not merged. */
    private static final Map<String, String> OTHER_METHODS = Map.ofEntries(
            Map.entry("LOHA", "its delta is a Hadamard product of two products"), Map.entry("LOKR", "its delta is a Kronecker product"),
            Map.entry("IA3", "it scales activations"), Map.entry("ADALORA", "its ranks were allotted in training"),
            Map.entry("VERA", "its matrices are shared and random"), Map.entry("OFT", "it rotates the weights"), Map.entry("BOFT", "it rotates the weights"),
            Map.entry("HRA", "it reflects the weights"), Map.entry("XLORA", "it routes between adapters while the model runs"),
            Map.entry("PROMPT_TUNING", "it learns a prompt, not weights"), Map.entry("P_TUNING", "it learns a prompt, not weights"),
            Map.entry("PREFIX_TUNING", "it learns a prefix, not weights"), Map.entry("MULTITASK_PROMPT_TUNING", "it learns a prompt, not weights"),
            Map.entry("CPT", "it learns a prompt, not weights"), Map.entry("CARTRIDGE", "it learns a cache, not weights"),
            Map.entry("ADAPTION_PROMPT", "it learns a prompt, not weights"), Map.entry("LN_TUNING", "it replaces layer norms"),
            Map.entry("TRAINABLE_TOKENS", "it replaces token rows without LoRA"));

    /** Fields that, when set, make a LoRA that is no plain delta of the weights. */
    private static final Map<String, String> UNMERGEABLE = Map.of(
            "use_qalora", "QALoRA pools the inputs, which no weight can express",
            "alora_invocation_tokens", "an activated LoRA applies to some tokens only",
            "arrow_config", "Arrow routes between adapters while the model runs",
            "kasa_config", "KaSA cuts components out of the base",
            "use_bdlora", "block-diagonal factors are stored compactly",
            "monteclora_config", "Monteclora samples its factors",
            "megatron_config", "Megatron splits layers over devices",
            "enable_lora", "adapters of fused projections of the first PEFT versions are stored in another form");

    private static final String CLASSIFIES = "SEQ_CLS";
    private static final Set<String> TASKS = Set.of("CAUSAL_LM", "SEQ_2_SEQ_LM", "FEATURE_EXTRACTION", CLASSIFIES);

    /** Fields that say nothing about the merge, or that are read below. */
    private static final Set<String> KNOWN = Set.of("alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config",
            "ensure_weight_tying", "eva_config", "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layer_replication",
            "layers_pattern", "layers_to_transform", "loftq_config", "lora_alpha", "lora_bias", "lora_dropout", "lora_ga_config", "megatron_core",
            "merge_weights", "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config",
            "target_modules", "target_parameters", "task_type", "trainable_token_indices", "use_dora", "use_rslora", "velora_config");

    private final Path file;
    private final ObjectNode json;

    /**
     * @param file its name, for messages
     * @param json its content
     */
    AdapterConfigReader(Path file, ObjectNode json) {
        this.file = file;
        this.json = json;
    }

    AdapterConfig read() {
        if (json.has("peft_type")) {
            return readPeft();
        }
        if (json.has("fine_tune_type") || json.has("lora_parameters")) {
            return readMlx();
        }
        throw new MalformedFile(file, -1, "it has neither 'peft_type' (PEFT) nor 'lora_parameters' (mlx-lm); this is no adapter configuration that can be merged",
                "Take the adapter_config.json that was saved beside the weights");
    }

    private AdapterConfig readPeft() {
        String method = text("peft_type").orElse("").toUpperCase(Locale.ROOT);
        if (!method.equals("LORA")) {
            throw refusal("peft_type " + PrintableName.of(method), OTHER_METHODS.getOrDefault(method, "only LORA has a delta of the form s·B·A. Train a LoRA, or merge it with PEFT and carry the merged checkpoint"));
        }
        UNMERGEABLE.forEach((field, reason) -> {
            if (isSet(json.get(field))) {
                throw refusal(field, reason);
            }
        });
        text("task_type").filter(task -> !TASKS.contains(task.toUpperCase(Locale.ROOT))).ifPresent(task -> {
            throw refusal("task_type " + PrintableName.of(task), "its model classifies tokens or finds answers in a text, for which llama.cpp has no head. Carry an adapter of a language model, an encoder or a classifier of whole texts");
        });
        String init = json.path("init_lora_weights").isNull() || !json.has("init_lora_weights") ? "true" : json.get("init_lora_weights").asText().toLowerCase(Locale.ROOT);
        boolean dora = flag("use_dora");
        if (dora && flag("lora_bias")) {
            throw refusal("lora_bias together with use_dora", "PEFT cannot have made it. Pull the adapter again");
        }
        String bias = text("bias").orElse("none");
        if (!Set.of("none", "all", "lora_only").contains(bias)) {
            throw wrong("bias", "'none', 'all' or 'lora_only'");
        }
        boolean classifies = text("task_type").filter(CLASSIFIES::equalsIgnoreCase).isPresent();
        return new AdapterConfig(file, AdapterConfig.Format.PEFT, classifies, text("peft_version"), rank(json.get("r"), "r"), number("lora_alpha", 8),
                flag("use_rslora"), map("rank_pattern", value -> rank(value, "rank_pattern")), map("alpha_pattern", value -> finite(value, "alpha_pattern")),
                flag("fan_in_fan_out"), dora, init, strings("modules_to_save"), tokens(), strings("target_parameters"), replication(),
                flag("ensure_weight_tying"), bias, text("base_model_name_or_path").filter(name -> !name.isBlank()), text("revision"), unknownFields());
    }

    private AdapterConfig readMlx() {
        String kind = text("fine_tune_type").orElse("lora");
        if (!Set.of("lora", "dora", "full").contains(kind)) {
            throw refusal("fine_tune_type " + PrintableName.of(kind), "mlx-lm knows lora, dora and full. Train it again as one of these");
        }
        JsonNode parameters = json.path("lora_parameters");
        boolean full = kind.equals("full");
        if (!parameters.isObject() && !full) {
            throw wrong("lora_parameters", "an object with rank and scale");
        }
        int rank = full ? 1 : rank(parameters.get("rank"), "lora_parameters.rank");
        double scale = full ? 1 : parameters.has("scale") ? finite(parameters.get("scale"), "lora_parameters.scale") : 20;
        return new AdapterConfig(file, AdapterConfig.Format.MLX, false, Optional.empty(), rank, scale, false, Map.of(), Map.of(), false, kind.equals("dora"), "true",
                List.of(), Map.of(), List.of(), List.of(), false, "none", text("model").filter(name -> !name.isBlank()), Optional.empty(), List.of());
    }

    private List<String> unknownFields() {
        List<String> warnings = new ArrayList<>();
        json.properties().forEach(field -> {
            if (!KNOWN.contains(field.getKey()) && !UNMERGEABLE.containsKey(field.getKey()) && isSet(field.getValue())) {
                warnings.add("adapter_config.json sets '" + PrintableName.of(field.getKey()) + "', which is unknown here and may change the weights");
            }
        });
        return warnings;
    }

    /** Null, false, and empty are how PEFT writes "not used". */
    private static boolean isSet(JsonNode value) {
        return value != null && !value.isNull() && !(value.isBoolean() && !value.booleanValue()) && !(value.isContainerNode() && value.isEmpty())
                && !(value.isTextual() && value.textValue().isEmpty());
    }

    private Map<String, List<Long>> tokens() {
        JsonNode value = json.path("trainable_token_indices");
        if (value.isMissingNode() || value.isNull()) {
            return Map.of();
        }
        if (value.isArray()) {
            return Map.of("", indices(value));
        }
        return map("trainable_token_indices", this::indices);
    }

    private List<Long> indices(JsonNode list) {
        List<Long> indices = new ArrayList<>();
        list.forEach(index -> {
            if (!index.isIntegralNumber() || !index.canConvertToLong() || index.longValue() < 0) {
                throw wrong("trainable_token_indices", "lists of token ids");
            }
            indices.add(index.longValue());
        });
        if (!list.isArray() || Set.copyOf(indices).size() != indices.size()) {
            throw wrong("trainable_token_indices", "lists of different token ids");
        }
        return List.copyOf(indices);
    }

    private List<List<Integer>> replication() {
        JsonNode value = json.path("layer_replication");
        List<List<Integer>> ranges = new ArrayList<>();
        for (JsonNode range : value.isNull() ? List.<JsonNode>of() : value) {
            if (!range.isArray() || range.size() != 2 || !range.get(0).canConvertToInt() || !range.get(1).canConvertToInt()
                    || !range.get(0).isIntegralNumber() || !range.get(1).isIntegralNumber()
                    || range.get(0).intValue() < 0 || range.get(1).intValue() <= range.get(0).intValue()) {
                throw wrong("layer_replication", "pairs of layer numbers, from below to");
            }
            ranges.add(List.of(range.get(0).intValue(), range.get(1).intValue()));
        }
        return ranges;
    }

    private <V> Map<String, V> map(String field, Function<JsonNode, V> reader) {
        JsonNode value = json.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return Map.of();
        }
        if (!value.isObject()) {
            throw wrong(field, "an object");
        }
        Map<String, V> map = new LinkedHashMap<>();
        value.properties().forEach(entry -> map.put(entry.getKey(), reader.apply(entry.getValue())));
        return map;
    }

    private List<String> strings(String field) {
        JsonNode value = json.path(field);
        List<String> strings = new ArrayList<>();
        for (JsonNode item : value.isMissingNode() || value.isNull() ? List.<JsonNode>of() : value) {
            if (!item.isTextual()) {
                throw wrong(field, "a list of names");
            }
            strings.add(item.textValue());
        }
        if (!value.isMissingNode() && !value.isNull() && !value.isArray()) {
            throw wrong(field, "a list of names");
        }
        return List.copyOf(strings);
    }

    private Optional<String> text(String field) {
        JsonNode value = json.path(field);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isTextual()) {
            throw wrong(field, "a text");
        }
        return Optional.of(value.textValue());
    }

    private boolean flag(String field) {
        JsonNode value = json.path(field);
        if (!value.isMissingNode() && !value.isNull() && !value.isBoolean()) {
            throw wrong(field, "true or false");
        }
        return value.booleanValue();
    }

    private double number(String field, double otherwise) {
        JsonNode value = json.path(field);
        return value.isMissingNode() || value.isNull() ? otherwise : finite(value, field);
    }

    private double finite(JsonNode value, String field) {
        if (!value.isNumber() || !Double.isFinite(value.doubleValue())) {
            throw wrong(field, "a number");
        }
        return value.doubleValue();
    }

    private int rank(JsonNode value, String field) {
        if (value == null || value.isNull()) {
            return 8;
        }
        if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
            throw wrong(field, "an integer from 1");
        }
        return value.intValue();
    }

    private MalformedFile wrong(String field, String expected) {
        String path = "/" + field.replace('.', '/');
        return new MalformedFile(file, -1, "'" + field + "' should be " + expected + ", found " + PrintableName.of(json.at(path).toString()), "Pull the adapter again, or correct that field");
    }

    private FerryException refusal(String what, String why) {
        return new FerryException("Cannot merge " + file.getParent() + ": adapter_config.json has " + what + ", which cannot be merged: " + why + ".");
    }
}
