package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;

/** Sizes of models whose layers differ: heads and feed-forwards of DeciLM (Nemotron 51B, Super, Ultra) and OpenELM. */
final class LayerSizes extends ParameterWriter {
    /** @param model the checkpoint's name, for messages */
    LayerSizes(String model, Architecture architecture, ModelConfig config, GgufMetadata into) {
        super(model, architecture, config, into);
    }

    /** Runs one writer of {@link SpecialParameters}. */
    void write(String name) {
        switch (name) {
            case "deci-layers" -> deciLayers();
            default -> openElmFeedForward();
        }
    }

    /**
     * DeciLM's {@code block_configs}. llama.cpp tells the kinds of layers by their counts: no heads at all where there is no attention, no key heads where one
     * matrix stands in its place, a feed-forward of no width where there is none.
     */
    private void deciLayers() {
        JsonNode blocks = config.fields().path("block_configs");
        int layers = blocks();
        if (!blocks.isArray()) {
            keyHeadsAlone(layers);
            return;
        }
        require(blocks.size() == layers, "block_configs has " + blocks.size() + " entries, but num_hidden_layers says " + layers);
        int all = Math.toIntExact(config.findLong("heads").orElseThrow());
        int[] heads = new int[layers];
        int[] keyHeads = new int[layers];
        int[] inner = new int[layers];
        for (int i = 0; i < layers; i++) {
            String block = "block_configs[" + i + "]";
            JsonNode attention = blocks.get(i).path("attention");
            require(attention.path("window_length").isMissingNode() || attention.path("window_length").isNull(), block + ".attention: the layer sees a window of "
                    + attention.path("window_length") + " tokens, but llama.cpp lets every layer see all");
            int group = attention.path("n_heads_in_group").asInt();
            boolean linear = attention.path("replace_with_linear").asBoolean();
            boolean attends = !linear && !attention.path("no_op").asBoolean(group == 0);
            require(!attends || group > 0 && all % group == 0, block + ".attention.n_heads_in_group is " + attention.path("n_heads_in_group") + ", expected a divisor of the " + all + " heads");
            heads[i] = attends || linear ? all : 0;
            keyHeads[i] = attends ? all / group : 0;
            inner[i] = feedForward(block, blocks.get(i).path("ffn"));
            require(inner[i] > 0 || heads[i] == 0, block + ": the layer has attention and no feed-forward, and llama.cpp leaves out the attention of such layers");
        }
        into.putInts(key("attention.head_count"), heads).putInts(key("attention.head_count_kv"), keyHeads).putInts(key("feed_forward_length"), inner);
    }

    /** DeciLM's {@code _ffn_mult_to_intermediate_size}: two thirds, rounded up to a multiple of 256. */
    private int feedForward(String block, JsonNode ffn) {
        require(!ffn.path("replace_with_linear").asBoolean(), block + ".ffn: one matrix stands in the place of the feed-forward, which llama.cpp does not know");
        JsonNode factor = ffn.path("ffn_mult");
        if (ffn.path("no_op").asBoolean(!factor.isNumber())) {
            return 0;
        }
        require(factor.isNumber(), block + ".ffn.ffn_mult is no number but " + factor);
        long inner = (long) (2 * factor.doubleValue() * config.findLong("hidden_size").orElseThrow() / 3);
        return Math.toIntExact((inner + 255) / 256 * 256);
    }

    /** OpenELM's {@code make_divisible} of each layer's share of the width. */
    private void openElmFeedForward() {
        JsonNode factors = config.fields().path("ffn_multipliers");
        int layers = blocks();
        require(factors.isArray() && factors.size() == layers, "ffn_multipliers: expected a list of " + layers + " numbers, one per layer, found " + factors);
        int divisor = Math.toIntExact(config.findLong("ffn_dim_divisor").orElseThrow());
        int[] inner = new int[layers];
        for (int i = 0; i < layers; i++) {
            double wanted = factors.get(i).doubleValue() * config.findLong("model_dim").orElseThrow();
            int rounded = Math.max(divisor, (int) (wanted + divisor / 2.0) / divisor * divisor);
            inner[i] = rounded < 0.9 * wanted ? rounded + divisor : rounded;
        }
        into.putInts(key("feed_forward_length"), inner);
    }

    /** DeciLM 6B and 7B: only the key heads differ. */
    private void keyHeadsAlone(int layers) {
        JsonNode list = config.fields().path("num_key_value_heads_per_layer");
        require(!list.isArray() || list.size() == layers, "num_key_value_heads_per_layer has " + list.size() + " entries, but num_hidden_layers says " + layers);
        int[] heads = new int[layers];
        int[] keyHeads = new int[layers];
        for (int i = 0; i < layers; i++) {
            heads[i] = Math.toIntExact(config.findLong("heads").orElseThrow());
            keyHeads[i] = list.isArray() ? list.get(i).asInt() : Math.toIntExact(config.findLong("num_key_value_heads ?? heads").orElseThrow());
        }
        into.putInts(key("attention.head_count"), heads).putInts(key("attention.head_count_kv"), keyHeads);
    }

    private void require(boolean holds, String otherwise) {
        if (!holds) {
            throw new FerryException("Cannot convert " + model + ": config.json, " + otherwise + ".");
        }
    }
}
