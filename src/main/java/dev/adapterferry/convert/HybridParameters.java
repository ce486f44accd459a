package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.stream.IntStream;

/** Hyperparameters of models whose layers are of several kinds: which have attention, which keep a state, which have a feed-forward alone. */
final class HybridParameters extends ParameterWriter {
    /** @param model the checkpoint's name, for messages */
    HybridParameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        super(model, architecture, config, into);
    }

    /**
     * Runs one writer.
     *
     * @param name as architecture files name it
     */
    void write(String name) {
        switch (name) {
            case "head-count-kv-where-attention" -> put("attention.head_count_kv", layer -> attends(layer) ? whole("kv_heads") : 0);
            // Attention over latent vectors has one key head. config.json counts from one.
            case "kimi-layers" -> put("attention.head_count_kv", layer -> config.fields().at("/linear_attn_config/full_attn_layers").valueStream().anyMatch(full -> full.asInt() == layer + 1) ? 1 : 0);
            case "nemotron-h-layers" -> nemotronHLayers();
            case "plamo2-head-count-kv" -> put("attention.head_count_kv", layer -> plamo2Attends(layer) ? whole("kv_heads") : 0);
            default -> throw new IllegalStateException("architecture file " + architecture.file() + ".yaml: no special writer '" + name + "'");
        }
    }

    /** Layers without attention have no key-value heads. By a word for each layer, a list of those that have attention, or every so many. */
    private boolean attends(int layer) {
        JsonNode kinds = kinds(config);
        if (kinds.isArray()) {
            String kind = kinds.path(layer).asText("attention");
            return kind.endsWith("attention") && !kind.equals("linear_attention");
        }
        JsonNode indices = config.fields().path("attn_layer_indices");
        if (indices.isArray()) {
            return indices.valueStream().anyMatch(index -> index.asInt() == layer);
        }
        return config.findLong("attn_layer_period").map(period -> layer % period == config.findLong("attn_layer_offset").orElse(0L)).orElse(true);
    }

    /** One of every mamba_step layers, in the middle; in a model of few layers the last one. */
    private boolean plamo2Attends(int layer) {
        int step = whole("mamba_step");
        int layers = blocks();
        return Boolean.FALSE.equals(config.get("mamba_enabled")) || (layers <= step / 2 ? layer == layers - 1 : layer % step == step / 2);
    }

    private static JsonNode kinds(ModelConfig config) {
        return config.fields().path("layer_types").isArray() ? config.fields().get("layer_types") : config.fields().path("layers_block_type");
    }

    /** llama.cpp takes a layer with neither key-value heads nor a feed-forward for one that keeps a state. */
    private void nemotronHLayers() {
        String letters = nemotronHLetters(config);
        boolean experts = letters.indexOf('E') >= 0;
        if (letters.length() != blocks()) {
            throw new FerryException("Cannot convert " + model + ": config.json means " + blocks() + " layers, but names the kinds of " + letters.length() + " ('" + letters + "'). Take config.json from the base model again.");
        }
        if (experts && letters.indexOf('-') >= 0) {
            throw new FerryException("Cannot convert " + model + ": it has layers with experts and layers with an ordinary feed-forward ('" + letters + "'); llama.cpp knows models with either.");
        }
        put("attention.head_count_kv", layer -> letters.charAt(layer) == '*' ? whole("kv_heads") : 0);
        put("feed_forward_length", layer -> switch (letters.charAt(layer)) {
            case 'E' -> whole("moe_intermediate_size");
            case '-' -> whole("intermediate_size");
            case 'M', '*' -> 0;
            default -> throw new FerryException("Cannot convert " + model + ": config.json names the kind of layer " + layer + " '" + letters.charAt(layer) + "'; known are M, *, - and E. Take config.json from the base model again.");
        });
    }

    /** One letter per layer, whether config.json says letters or words. */
    static String nemotronHLetters(ModelConfig config) {
        JsonNode pattern = config.fields().path("hybrid_override_pattern");
        if (pattern.isTextual()) {
            return pattern.asText();
        }
        StringBuilder letters = new StringBuilder();
        kinds(config).forEach(kind -> letters.append(switch (kind.asText()) {
            case "mamba", "linear_attention" -> 'M';
            case "attention", "full_attention" -> '*';
            case "moe" -> 'E';
            case "mlp" -> '-';
            default -> '?';
        }));
        return letters.toString();
    }

    private interface PerLayer {
        int of(int layer);
    }

    private void put(String name, PerLayer values) {
        into.putInts(key(name), IntStream.range(0, blocks()).map(values::of).toArray());
    }
}
