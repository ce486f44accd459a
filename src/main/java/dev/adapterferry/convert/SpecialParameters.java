package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Hyperparameters that an expression cannot say: arrays per layer, and rope settings that depend on each other. */
final class SpecialParameters extends ParameterWriter {
    private static final Map<String, Long> GATING = Map.of("softmax", 1L, "sigmoid", 2L, "sqrtsoftplus", 4L);

    /** @param model the checkpoint's name, for messages */
    SpecialParameters(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        super(model, architecture, config, into);
    }

    /**
     * Runs one writer.
     *
     * @param name as architecture files name it
     */
    void write(String name) {
        switch (name) {
            case "causal" -> causal();
            case "rope-scaling" -> ropeScaling();
            case "rope-sections" -> ropeSections();
            case "qwen35-rope-sections" -> qwen35RopeSections();
            case "llama4-window" -> llama4Window();
            case "expert-gating" -> expertGating();
            // The writer of each file replaces this value in place with its own type.
            case "file-type" -> into.putUint32("general.file_type", 1);
            case "sliding-window-by-fours" -> slidingWindow("4");
            case "sliding-window-pattern" -> slidingWindow(String.valueOf(config.get("sliding_window_pattern")));
            case "full-attention-interval" -> fullAttentionInterval();
            case "output-labels" -> into.putStrings(key("classifier.output_labels"), labels());
            case "output-labels-of-shares" -> into.putStrings(key("classifier.output_labels"), labels().size() == 1 ? YesOrNo.LABELS : labels());
            case "linear-or-no-rope-scaling" -> linearOrNone();
            case "hunyuan-rope" -> hunyuanRope();
            case "lfm2-feed-forward-length" -> lfm2FeedForwardLength();
            case "head-count-kv-where-attention", "nemotron-h-layers", "plamo2-head-count-kv", "kimi-layers" -> new HybridParameters(model, architecture, config, into).write(name);
            case "indexer-types" -> indexerTypes();
            case "recurrent-layers" -> recurrentLayers();
            case "deci-layers", "openelm-feed-forward-length" -> new LayerSizes(model, architecture, config, into).write(name);
            case "step35-layers", "mimo2-layers" -> new WindowParameters(model, architecture, config, into).write(name);
            case "gemma-layer-pattern", "gemma3n-sparsity", "gemma4-feed-forward-length", "gemma4-head-count-kv" -> new GemmaParameters(model, architecture, config, into).write(name);
            default -> throw new IllegalStateException("architecture file " + architecture.file() + ".yaml: no special writer '" + name + "'");
        }
    }

    private void causal() {
        if (Boolean.FALSE.equals(config.get("is_causal"))) {
            into.putBool(key("attention.causal"), false);
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
                throw new FerryException("Cannot convert " + model + ": config.json, rope_scaling of type yarn: 'original_max_position_embeddings' is missing. Take config.json from the base model again.");
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
        JsonNode sections = config.rope().path(config.rope().has("mrope_section") ? "mrope_section" : "xdrope_section");
        if (sections.isArray()) {
            int[] four = new int[4];
            for (int i = 0; i < Math.min(4, sections.size()); i++) {
                four[i] = sections.get(i).intValue();
            }
            into.putInts(key("rope.dimension_sections"), four);
        }
    }

    /** llama.cpp insists on the sections; the config class knows them when config.json does not say them. */
    private void qwen35RopeSections() {
        if (!config.rope().path("mrope_section").isArray()) {
            into.putInts(key("rope.dimension_sections"), new int[] {11, 11, 10, 0});
        }
    }

    /** llama.cpp takes chunks of 8192 for granted, and a window of 0 for "every layer sees everything". */
    private void llama4Window() {
        JsonNode types = config.fields().path("layer_types");
        if (types.isArray() && !types.isEmpty() && types.valueStream().allMatch(type -> type.asText().equals("full_attention"))) {
            into.putUint32(key("attention.sliding_window"), 0);
        }
    }

    private void expertGating() {
        Object name = config.evaluate("score_function | scoring_func | score_func | moe_router_activation | moe_router_activation_func | expert_selection_fn");
        if (name != null) {
            Long id = GATING.get(name.toString());
            if (id == null) {
                throw new FerryException("Cannot convert " + model + ": config.json names the expert gating function '" + name + "'; known are "
                        + String.join(", ", GATING.keySet().stream().sorted().toList()) + ". Take config.json from the base model again.");
            }
            into.putUint32(key("expert_gating_func"), id);
        }
    }

    /**
     * Which layers see only a window, where config.json speaks of one.
     *
     * @param usual when there is no list of layer types: a number p for "all but every p-th", or letters of which L is a window
     */
    private void slidingWindow(String usual) {
        if (config.findLong("sliding_window").isEmpty()) {
            return;
        }
        into.putUint32(key("attention.sliding_window"), config.findLong("sliding_window").get());
        JsonNode types = config.fields().path("layer_types");
        List<Boolean> pattern = new ArrayList<>();
        for (int i = 0; i < blocks(); i++) {
            if (types.isArray() && i < types.size()) {
                pattern.add(types.get(i).asText().equals("sliding_attention"));
            } else if (usual.chars().allMatch(Character::isDigit)) {
                pattern.add((i + 1) % Integer.parseInt(usual) != 0);
            } else {
                pattern.add(usual.charAt(i % usual.length()) == 'L');
            }
        }
        into.putBools(key("attention.sliding_window_pattern"), pattern);
    }

    /** Every how many layers one sees everything, the first of them among these. */
    private void fullAttentionInterval() {
        JsonNode types = config.fields().path("layer_types");
        long interval = config.findLong("global_attn_every_n_layers").orElseThrow();
        if (types.isArray() && !types.isEmpty()) {
            interval = LongStream.rangeClosed(1, types.size()).filter(every -> IntStream.range(0, types.size()).allMatch(i -> types.get(i).asText().equals("full_attention") == (i % every == 0)))
                    .findFirst().orElseThrow(() -> new FerryException("Cannot convert " + model + ": config.json, layer_types: llama.cpp's " + architecture.arch()
                            + " lets the first layer see everything, and each of those after equal steps; these are others."));
        }
        into.putUint32(key("attention.sliding_window_pattern"), interval);
    }

    /** As config.json names them; transformers' config classes know two where it says nothing. */
    private List<String> labels() {
        JsonNode named = config.fields().path("id2label");
        long count = named.isEmpty() ? config.findLong("num_labels").orElse(2L) : named.size();
        return LongStream.range(0, count).mapToObj(i -> named.path(String.valueOf(i)).asText("LABEL_" + i)).toList();
    }

    private void linearOrNone() {
        JsonNode factor = config.fullRope().path("factor");
        into.putString(key("rope.scaling.type"), factor.isNumber() ? "linear" : "none");
        if (factor.isNumber()) {
            into.putFloat32(key("rope.scaling.factor"), factor.floatValue());
        }
    }

    /** Hunyuan's dynamic scaling stretches the base once and for all, for 256k tokens. */
    private void hunyuanRope() {
        ObjectNode rope = config.fullRope();
        if (rope.path("rope_type").asText().equals("dynamic")) {
            double alpha = rope.path("alpha").asDouble(1000);
            double theta = rope.path("rope_theta").asDouble(10000);
            double dimensions = config.findLong("head_size").orElseThrow();
            into.putFloat32(key("rope.freq_base"), (float) (theta * Math.pow(alpha, dimensions / (dimensions - 2))));
            into.putString(key("rope.scaling.type"), "none").putFloat32(key("rope.scaling.factor"), 1);
            into.putUint32(key("rope.scaling.original_context_length"), 256 * 1024).putUint32(key("context_length"), 256 * 1024);
        }
    }

    /** Which layers keep a state: those that {@code attn_type_list} has a 0 for. */
    private void recurrentLayers() {
        JsonNode types = config.fields().path("attn_type_list");
        if (types.size() != blocks()) {
            throw new FerryException("Cannot convert " + model + ": config.json has attn_type_list " + types + ", expected 0 or 1 for each of its " + blocks() + " layers.");
        }
        List<Boolean> recurrent = new ArrayList<>();
        types.forEach(type -> recurrent.add(type.asInt() == 0));
        into.putBools(key("attention.recurrent_layers"), recurrent);
    }

    private void lfm2FeedForwardLength() {
        long length = config.findLong("block_ff_dim | intermediate_size").orElseThrow(() -> new FerryException("Cannot convert " + model
                + ": config.json lacks 'block_ff_dim | intermediate_size', which lfm2 needs. Take config.json from the base model again."));
        if (Boolean.TRUE.equals(config.get("block_auto_adjust_ff_dim"))) {
            length = 2 * length / 3;
            if (config.get("block_ffn_dim_multiplier") instanceof Number multiplier) {
                length = (long) (multiplier.doubleValue() * length);
            }
            long multiple = config.findLong("block_multiple_of").orElse(256L);
            length = (length + multiple - 1) / multiple * multiple;
        }
        into.putUint32(key("feed_forward_length"), length);
    }

    /** Which layers choose tokens of their own; the others look at those that the last one before them chose. */
    private void indexerTypes() {
        JsonNode types = config.fields().path("indexer_types");
        JsonNode pattern = config.fields().path("index_topk_pattern");
        long every = Math.max(1, config.findLong("index_topk_freq").orElseThrow());
        long offset = config.findLong("index_skip_topk_offset").orElseThrow();
        List<Boolean> full = new ArrayList<>();
        for (int i = 0; i < blocks(); i++) {
            if (types.isArray()) {
                full.add(types.path(i).asText().equals("full"));
            } else {
                full.add(pattern.isTextual() ? pattern.asText().startsWith("F", i) : pattern.isArray() ? pattern.path(i).asText().equals("full") : Math.max(i - offset + 1, 0) % every == 0);
            }
        }
        into.putBools(key("attention.indexer.types"), full);
    }
}
