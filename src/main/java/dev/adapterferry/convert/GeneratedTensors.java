package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.transform.Constant;
import dev.adapterferry.convert.transform.TensorView;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/** Tensors that no checkpoint holds among its weights: rope frequency factors, computed from the configuration, and what stands behind the pooling. They come first in the file. */
final class GeneratedTensors {
    private static final float UNTURNED = 1e30f;

    private final String model;
    private final Architecture architecture;
    private final ModelConfig config;
    private final GgufMetadata keys;
    private final Optional<DenseLayers> dense;

    /**
     * @param dense the layers behind the pooling, where they can be written
     * @param keys  receives keys that belong to these tensors, such as longrope's attention factor
     */
    GeneratedTensors(String model, Architecture architecture, ModelConfig config, Optional<DenseLayers> dense, GgufMetadata keys) {
        this.model = model;
        this.dense = dense;
        this.architecture = architecture;
        this.config = config;
        this.keys = keys;
    }

    /** The generated tensors of this model, under GGUF names. */
    Map<String, TensorView> make() {
        Map<String, TensorView> made = new LinkedHashMap<>();
        for (String name : architecture.generated()) {
            switch (name) {
                case "llama3-rope-factors" -> llama3(made, 8, config.fullRope().path("rope_theta"), 1);
                case "llama3-rope-factors-of-16" -> llama3(made, 16, config.fullRope().path("rope_theta"), 1);
                case "llama3-rope-factors-of-half" -> llama3(made, 8, baseOfFullAttention(), 2);
                case "proportional-rope-factors" -> proportional(made);
                case "longrope-factors" -> longrope(made);
                case "longrope-factors-with-attention" -> {
                    longrope(made);
                    attentionFactor();
                }
                // A model without segments; llama.cpp adds the first one's row to every token.
                case "segment-of-zeros" -> made.put("token_types.weight", segmentOfZeros());
                case "dense-layers" -> dense.ifPresent(layers -> layers.write(architecture.arch(), made, keys));
                default -> throw new IllegalStateException("architecture file " + architecture.file() + ".yaml: no generated tensor '" + name + "'");
            }
        }
        return made;
    }

    private TensorView segmentOfZeros() {
        int width = Math.toIntExact(config.findLong("hidden_size | n_embd | dim").orElseThrow());
        return new Constant(new float[width], List.of(1L, (long) width));
    }

    /** Of a base for each layer, that of the first layer that sees everything. */
    private JsonNode baseOfFullAttention() {
        JsonNode bases = config.fields().path("rope_theta");
        List<JsonNode> types = config.fields().path("layer_types").valueStream().toList();
        return bases.isArray() ? IntStream.range(0, types.size()).filter(i -> types.get(i).asText().equals("full_attention")).mapToObj(bases::path).findFirst().orElse(bases.path(0)) : bases;
    }

    /** @param part of each head, its first half for 2, turns; llama.cpp wants factors for all of it */
    private void llama3(Map<String, TensorView> made, float usualFactor, JsonNode theta, int part) {
        JsonNode rope = config.fullRope();
        if (rope.path("rope_type").asText().equals("llama3")) {
            int size = Math.toIntExact(config.findLong("head_size").orElseThrow());
            float[] factors = new float[size / 2];
            Arrays.fill(factors, 1);
            float[] turned = llama3Factors(theta.asDouble(10000), size / part, number(rope, "factor", usualFactor), number(rope, "low_freq_factor", 1),
                    number(rope, "high_freq_factor", 4), number(rope, "original_max_position_embeddings", 8192));
            System.arraycopy(turned, 0, factors, 0, turned.length);
            made.put("rope_freqs.weight", new Constant(factors));
        }
    }

    /** Gemma 4 turns only the first part of its pairs; llama.cpp turns all, those with an infinite divisor by nothing. */
    private void proportional(Map<String, TensorView> made) {
        JsonNode rope = config.fullRope();
        if (!rope.path("rope_type").asText().equals("proportional")) {
            throw new FerryException("Cannot convert " + model + ": config.json, rope_parameters: full attention has the type '" + rope.path("rope_type").asText()
                    + "'; " + architecture.arch() + " is known with 'proportional' only.");
        }
        int size = Math.toIntExact(config.findLong("global_head_dim").orElseThrow());
        float[] factors = new float[size / 2];
        Arrays.fill(factors, UNTURNED);
        Arrays.fill(factors, 0, (int) (size * rope.path("partial_rotary_factor").asDouble(1) / 2), 1);
        made.put("rope_freqs.weight", new Constant(factors));
    }

    private void longrope(Map<String, TensorView> made) {
        ObjectNode rope = config.rope();
        if (!rope.path("long_factor").isArray()) {
            return;
        }
        int expected = Math.toIntExact(config.findLong("rope_dimensions").orElseThrow() / 2);
        for (String length : List.of("long", "short")) {
            JsonNode given = rope.path(length + "_factor");
            float[] factors = new float[given.size()];
            for (int i = 0; i < factors.length; i++) {
                factors[i] = given.get(i).floatValue();
            }
            if (factors.length != expected) {
                throw new FerryException("Cannot convert " + model + ": config.json, rope_scaling: '" + length + "_factor' has " + factors.length
                        + " entries, expected " + expected + ". Take config.json from the base model again.");
            }
            made.put("rope_factors_" + length + ".weight", new Constant(factors));
        }
    }

    /** Longrope raises the attention's temperature with the logarithm of the stretch; Phi-3.5-MoE says itself by how much. */
    private void attentionFactor() {
        ObjectNode rope = config.rope();
        if (!rope.path("long_factor").isArray()) {
            return;
        }
        double original = config.findLong("original_max_position_embeddings ?? rope.original_max_position_embeddings").orElseThrow();
        double stretch = config.findLong("max_position_embeddings").orElseThrow() / original;
        String type = rope.path("rope_type").asText();
        double factor = rope.path("short_mscale").isNumber() ? rope.get("short_mscale").doubleValue() : switch (type) {
            case "su", "longrope" -> stretch > 1 ? Math.sqrt(1 + Math.log(stretch) / Math.log(original)) : 1;
            case "yarn" -> stretch > 1 ? 0.1 * Math.log(stretch) + 1 : 1;
            default -> throw new FerryException("Cannot convert " + model + ": config.json, rope_scaling: type '" + type
                    + "' with long and short factors; known are su, longrope, yarn. Take config.json from the base model again.");
        };
        keys.putFloat32(architecture.arch() + ".rope.scaling.attn_factor", (float) factor);
    }

    private float number(JsonNode rope, String field, double otherwise) {
        JsonNode value = rope.path(field);
        if (!value.isMissingNode() && !value.isNumber()) {
            throw new FerryException("Cannot convert " + model + ": config.json, rope_scaling: '" + field + "' is not a number but " + value + ". Take config.json from the base model again.");
        }
        return (float) value.asDouble(otherwise);
    }

    /**
     * Divisors of the rope frequencies of Llama 3.1: 1 for high frequencies, {@code factor} for low ones, a ramp between.
     * Every step is rounded to f32, as the reference converter computes, so that the bits agree.
     *
     * @param dimensions head size; half as many factors result
     */
    static float[] llama3Factors(double theta, int dimensions, float factor, float low, float high, float context) {
        float[] factors = new float[dimensions / 2];
        for (int i = 0; i < factors.length; i++) {
            float exponent = (float) (2 * i) / dimensions;
            float frequency = 1 / (float) Math.pow(theta, exponent);
            float wavelength = (1 / frequency) * (float) (2 * Math.PI);
            if (wavelength < context / high) {
                factors[i] = 1;
            } else if (wavelength > context / low) {
                factors[i] = factor;
            } else {
                float smooth = ((1 / wavelength) * context - low) / (high - low);
                factors[i] = 1 / (((1 - smooth) / factor) + smooth);
            }
        }
        return factors;
    }
}
