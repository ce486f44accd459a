package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** Values per layer of Step 3.5 and MiMo V2, whose layers with a window have other heads than those that see everything. */
final class WindowParameters extends ParameterWriter {
    /** @param model the checkpoint's name, for messages */
    WindowParameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        super(model, architecture, config, into);
    }

    /** Runs one writer of {@link SpecialParameters}. */
    void write(String name) {
        if (name.equals("step35-layers")) {
            step();
        } else {
            mimo();
        }
    }

    private void step() {
        List<Boolean> windowed = new ArrayList<>();
        for (int i = 0; i < blocks(); i++) {
            windowed.add(entry("layer_types", i).asText().equals("sliding_attention"));
        }
        into.putInts(key("attention.head_count"), perLayer(windowed, "num_attention_heads", "attention_other_setting.num_attention_heads ?? num_attention_heads"));
        into.putInts(key("attention.head_count_kv"), perLayer(windowed, "num_attention_groups", "attention_other_setting.num_attention_groups ?? num_attention_groups"));
        window(windowed);
        turned(windowed);
        limits("swiglu_clamp_exp", "swiglu_limits");
        limits("swiglu_clamp_shexp", "swiglu_limits_shared");
    }

    private void mimo() {
        List<Boolean> windowed = new ArrayList<>();
        for (int i = 0; i < blocks(); i++) {
            windowed.add(entry("hybrid_layer_pattern", i).asInt() == 1);
        }
        into.putInts(key("attention.head_count_kv"), perLayer(windowed, "num_key_value_heads", "swa_num_key_value_heads"));
        window(windowed);
    }

    private int[] perLayer(List<Boolean> windowed, String full, String local) {
        IntUnaryOperator value = i -> whole(windowed.get(i) ? local : full);
        return IntStream.range(0, windowed.size()).map(value).toArray();
    }

    private void window(List<Boolean> windowed) {
        into.putUint32(key("attention.sliding_window"), whole("sliding_window"));
        into.putBools(key("attention.sliding_window_pattern"), windowed);
    }

    /** Bases of the two kinds of layers; llama.cpp takes for granted how much of a head each turns, and stretches those that see everything alone. */
    private void turned(List<Boolean> windowed) {
        double[] bases = new double[2];
        for (int i = 0; i < windowed.size(); i++) {
            int kind = windowed.get(i) ? 1 : 0;
            JsonNode theta = config.fields().path("rope_theta");
            double base = (theta.isArray() ? theta.path(i) : theta).asDouble();
            require(bases[kind] == 0 || bases[kind] == base, "rope_theta", "one base for all layers of a kind", theta);
            bases[kind] = base;
            JsonNode part = config.fields().path("partial_rotary_factors");
            require(part.path(i).asDouble(1) == (windowed.get(i) ? 1 : 0.5), "partial_rotary_factors", "1 for layers with a window and 0.5 for others", part);
        }
        into.putFloat32(key("rope.freq_base"), (float) bases[0]);
        into.putFloat32(key("rope.freq_base_swa"), (float) bases[1]);
        if (config.fields().get("rope_scaling") instanceof ObjectNode scaling) {
            require(scaling.path("rope_type").asText(scaling.path("type").asText()).equals("llama3"), "rope_scaling", "the type llama3", scaling);
            JsonNode types = config.fields().path("yarn_only_types");
            require(types.size() == 1 && types.path(0).asText().equals("full_attention"), "yarn_only_types", "[\"full_attention\"]", types);
        }
        JsonNode rotated = config.fields().path("use_rope_layers");
        require(rotated.valueStream().allMatch(flag -> flag.asBoolean() || flag.asInt() != 0), "use_rope_layers", "all true", rotated);
    }

    private void require(boolean holds, String field, String expected, JsonNode found) {
        if (!holds) {
            throw new FerryException("Cannot convert " + model + ": config.json, " + field + ": " + architecture.arch() + " of llama.cpp knows " + expected + ", found " + (found.isMissingNode() ? "nothing" : found) + ".");
        }
    }

    /** Where gate and up are cut off; 0 and null for nowhere. */
    private void limits(String name, String field) {
        JsonNode given = config.fields().path(field);
        if (given.isArray()) {
            float[] limits = new float[blocks()];
            for (int i = 0; i < limits.length; i++) {
                limits[i] = (float) given.path(i).asDouble(0);
            }
            into.putFloats(key(name), limits);
        }
    }

    private JsonNode entry(String field, int layer) {
        JsonNode entry = config.fields().path(field).path(layer);
        if (entry.isMissingNode()) {
            throw new FerryException("Cannot convert " + model + ": config.json, '" + field + "': expected one entry per layer, found " + config.fields().path(field).size() + " for " + blocks() + " layers.");
        }
        return entry;
    }
}
