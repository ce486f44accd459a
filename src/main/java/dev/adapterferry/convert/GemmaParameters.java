package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.List;

/** Values per layer of Gemma 3n and Gemma 4, and what llama.cpp's graph of Gemma 3n takes for granted. */
final class GemmaParameters extends ParameterWriter {
    private static final int SPARSE_LAYERS = 10;
    private static final double SPARSITY = 0.95;
    /** The quantile of the normal distribution at 0.95, as torch computes it in f32. */
    private static final float QUANTILE = 1.6448533535003662f;
    private static final int LAYERS_WITH_KEYS = 20;

    /** @param model the checkpoint's name, for messages */
    GemmaParameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        super(model, architecture, config, into);
    }

    /** Runs one writer of {@link SpecialParameters}. */
    void write(String name) {
        switch (name) {
            case "gemma-layer-pattern" -> into.putBools(key("attention.sliding_window_pattern"), sliding());
            case "gemma3n-sparsity" -> sparsity();
            case "gemma4-feed-forward-length" -> feedForwardLength();
            default -> keyHeads();
        }
    }

    /** True for layers that see a window only: as {@code layer_types} says, else all but every fifth (Gemma 3n) or sixth (Gemma 4); the last one of Gemma 4 never. */
    private List<Boolean> sliding() {
        JsonNode types = config.fields().path("layer_types");
        long period = whole("layer_period");
        List<Boolean> pattern = new ArrayList<>();
        for (int i = 0; i < blocks(); i++) {
            pattern.add(types.isArray() ? types.path(i).asText().equals("sliding_attention") : (i + 1) % period != 0);
        }
        if (architecture.arch().equals("gemma4")) {
            // Whatever the list says: transformers sees to it too.
            pattern.set(pattern.size() - 1, false);
        }
        return pattern;
    }

    /** How much of the gates stays, in standard deviations; llama.cpp knows one pattern, and where layers begin to share keys. */
    private void sparsity() {
        JsonNode given = config.fields().path("activation_sparsity_pattern");
        float[] scales = new float[blocks()];
        for (int i = 0; i < scales.length; i++) {
            boolean sparse = i < SPARSE_LAYERS;
            double value = given.isArray() ? given.path(i).asDouble(-1) : sparse ? SPARSITY : 0;
            require("activation_sparsity_pattern[" + i + "]", value, sparse ? SPARSITY : 0);
            scales[i] = sparse ? QUANTILE : Float.NEGATIVE_INFINITY;
        }
        require("altup_num_inputs", whole("altup_num_inputs"), 4);
        require("altup_active_idx", whole("altup_active_idx"), 0);
        require("num_hidden_layers - num_kv_shared_layers", blocks() - whole("num_kv_shared_layers"), LAYERS_WITH_KEYS);
        into.putFloats(key("activation_sparsity_scale"), scales);
    }

    private void require(String field, double found, double expected) {
        if (found != expected) {
            throw new FerryException("Cannot convert " + model + ": config.json, " + field + " is " + text(found) + ", but llama.cpp computes every " + architecture.arch() + " with "
                    + text(expected) + ".");
        }
    }

    private static String text(double value) {
        return value == Math.rint(value) ? Long.toString((long) value) : Double.toString(value);
    }

    /** Where {@code use_double_wide_mlp} is set, layers that share keys have feed-forwards of double width. */
    private void feedForwardLength() {
        if (Boolean.TRUE.equals(config.get("use_double_wide_mlp"))) {
            int[] lengths = new int[blocks()];
            for (int i = 0; i < lengths.length; i++) {
                lengths[i] = Math.toIntExact(whole("intermediate_size") * (i < blocks() - whole("num_kv_shared_layers") ? 1 : 2));
            }
            into.putInts(key("feed_forward_length"), lengths);
        }
    }

    /** Layers that see everything may have other key heads; transformers takes them so only where keys are values too. */
    private void keyHeads() {
        if (config.get("num_global_key_value_heads") instanceof Number global && Boolean.TRUE.equals(config.get("attention_k_eq_v"))) {
            List<Boolean> sliding = sliding();
            int[] heads = new int[blocks()];
            for (int i = 0; i < heads.length; i++) {
                heads[i] = Math.toIntExact(sliding.get(i) ? whole("num_key_value_heads") : global.longValue());
            }
            into.putInts(key("attention.head_count_kv"), heads);
        }
    }
}
