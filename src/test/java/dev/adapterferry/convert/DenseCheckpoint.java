package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.Set;

/** Reads the checkpoints of {@link DenseTinyModels} as the model classes do that were published beside the weights. */
final class DenseCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("DeciLMForCausalLM", "OpenELMForCausalLM");
    /** Adds nothing to what comes in. */
    private static final FeedForward NONE = new FeedForward(null, new Linear(new double[1][TinyModels.WIDTH], null), new Linear(new double[TinyModels.WIDTH][1], null));

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private DenseCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new DenseCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.path("num_key_value_heads").asInt();
        d.headSize = config.path("head_dim").asInt(TinyModels.WIDTH / d.heads);
        d.ropeDimensions = d.headSize;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.path("rms_norm_eps").asDouble(1e-6);
        CheckpointRope.read(config, d);
        switch (model) {
            case "OpenELMForCausalLM" -> outer("transformer.token_embeddings", "transformer.norm", "lm_head");
            default -> outer("model.embed_tokens", "model.norm", "lm_head");
        }
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            Layer layer = new Layer();
            layer.ropeBase = config.path("rope_theta").asDouble(config.path("rope_freq_constant").asDouble(10000));
            switch (model) {
                case "OpenELMForCausalLM" -> openElm(layer, i);
                default -> deci(layer, i);
            }
            d.layers.add(layer);
        }
        return d;
    }

    private void outer(String embedding, String norm, String output) {
        d.embedding = stored.matrix(embedding);
        d.outputNorm = norm(norm);
        d.output = stored.has(output + ".weight") ? stored.linear(output) : new Linear(d.embedding, null);
    }

    /** DeciLMDecoderLayer: what a block configuration calls no_op is not there, and residuals are added around what is. */
    private void deci(Layer layer, int number) {
        String l = "model.layers." + number + ".";
        JsonNode block = config.at("/block_configs/" + number);
        if (block.at("/attention/no_op").asBoolean()) {
            layer.mixer = x -> new double[x.length][TinyModels.WIDTH];
        } else if (block.at("/attention/replace_with_linear").asBoolean()) {
            layer.attentionNorm = norm(l + "input_layernorm");
            Linear linear = stored.linear(l + "self_attn.linear_attn");
            layer.mixer = x -> Arithmetic.each(x, row -> Arithmetic.times(linear, row));
        } else {
            layer.attentionNorm = norm(l + "input_layernorm");
            d.keyHeads = block.isMissingNode() ? config.at("/num_key_value_heads_per_layer/" + number).asInt() : d.heads / block.at("/attention/n_heads_in_group").asInt();
            separate(layer, l + "self_attn.");
            layer.mixer = d.attention(layer);
        }
        if (block.at("/ffn/no_op").asBoolean()) {
            layer.dense = NONE;
        } else {
            layer.feedForwardNorm = norm(l + "post_attention_layernorm");
            layer.dense = stored.gated(l + "mlp.");
        }
    }

    private void openElm(Layer layer, int number) {
        String l = "transformer.layers." + number + ".";
        layer.attentionNorm = norm(l + "attn_norm");
        layer.feedForwardNorm = norm(l + "ffn_norm");
        layer.queryNorm = norm(l + "attn.q_norm");
        layer.keyNorm = norm(l + "attn.k_norm");
        d.heads = config.at("/num_query_heads/" + number).asInt();
        d.keyHeads = config.at("/num_kv_heads/" + number).asInt();
        FusedRows.split(stored.linear(l + "attn.qkv_proj"), 1, d, layer);
        layer.output = stored.linear(l + "attn.out_proj");
        layer.mixer = d.attention(layer);
        layer.dense = halves(stored.matrix(l + "ffn.proj_1"), stored.linear(l + "ffn.proj_2"));
    }

    /** Gate first, up second. */
    private static FeedForward halves(double[][] both, Linear down) {
        return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, both.length / 2), null), new Linear(Arrays.copyOfRange(both, both.length / 2, both.length), null), down);
    }

    private void separate(Layer layer, String a) {
        layer.query = stored.linear(a + "q_proj");
        layer.key = stored.linear(a + "k_proj");
        layer.value = stored.linear(a + "v_proj");
        layer.output = stored.linear(a + "o_proj");
    }

    private Norm norm(String name) {
        return stored.has(name + ".weight") ? new Norm(stored.vector(name + ".weight"), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null) : null;
    }
}
