package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * Encoders whose norms stand before the parts of a layer, as decoders have them: ModernBERT, EuroBERT (transformers) and NeoBERT (model.py of its repository). From
 * the definitions; a {@link Decoder} in which all tokens see each other.
 */
final class EvenEncoder {
    private static final int HEADS = 4;
    private static final int SIZE = 16;

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String prefix;
    private final Decoder d = new Decoder();

    private EvenEncoder(MemoryCheckpoint checkpoint) {
        stored = new CheckpointTensors(checkpoint);
        config = checkpoint.rawConfig();
        prefix = checkpoint.tensors().tensors().stream().allMatch(tensor -> tensor.name().matches("(model|head|decoder|lm_head|dense|classifier)\\..*")) ? "model." : "";
    }

    static boolean knows(MemoryCheckpoint checkpoint) {
        return checkpoint.rawConfig().at("/architectures/0").asText().matches("(ModernBert|EuroBert|NeoBERT).*");
    }

    static Decoder of(MemoryCheckpoint checkpoint, boolean coarse) {
        EvenEncoder encoder = new EvenEncoder(checkpoint);
        Decoder d = encoder.d;
        d.ahead = true;
        d.coarse = coarse;
        d.heads = HEADS;
        d.keyHeads = HEADS;
        d.headSize = SIZE;
        d.ropeDimensions = SIZE;
        d.attentionScale = 0.25;
        String name = encoder.config.at("/architectures/0").asText();
        if (name.startsWith("Modern")) {
            encoder.modern();
        } else if (name.startsWith("Euro")) {
            encoder.euro();
        } else {
            encoder.neo();
        }
        return d;
    }

    private void modern() {
        d.layerNorm = true;
        d.epsilon = config.get("norm_eps").asDouble();
        d.activation = config.path("hidden_activation").asText("gelu").equals("silu") ? Decoder.Activation.SILU : Decoder.Activation.GELU;
        d.embedding = stored.matrix(prefix + "embeddings.tok_embeddings");
        d.embeddingNorm = norm("embeddings.norm");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = prefix + "layers." + i + ".";
            Layer layer = new Layer();
            layer.attentionNorm = i == 0 ? null : norm("layers." + i + ".attn_norm");
            fused(layer, stored.matrix(l + "attn.Wqkv"));
            layer.output = stored.linear(l + "attn.Wo");
            boolean full = i % config.get("global_attn_every_n_layers").asInt() == 0;
            // A token sees local_attention / 2 to either side; the window counts itself too.
            layer.window = full ? 0 : config.get("local_attention").asInt() / 2 + 1;
            layer.ropeBase = config.get(full ? "global_rope_theta" : "local_rope_theta").asDouble();
            layer.feedForwardNorm = norm("layers." + i + ".mlp_norm");
            layer.dense = halves(stored.matrix(l + "mlp.Wi"), stored.linear(l + "mlp.Wo"));
            d.layers.add(layer);
        }
        d.outputNorm = norm("final_norm");
    }

    private void euro() {
        d.keyHeads = 2;
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.embedding = stored.matrix(prefix + "embed_tokens");
        for (int i = 0; i < 2; i++) {
            String l = prefix + "layers." + i + ".";
            Layer layer = new Layer();
            layer.ropeBase = config.get("rope_theta").asDouble();
            layer.attentionNorm = norm("layers." + i + ".input_layernorm");
            layer.query = stored.linear(l + "self_attn.q_proj");
            layer.key = stored.linear(l + "self_attn.k_proj");
            layer.value = stored.linear(l + "self_attn.v_proj");
            layer.output = stored.linear(l + "self_attn.o_proj");
            layer.feedForwardNorm = norm("layers." + i + ".post_attention_layernorm");
            layer.dense = stored.gated(l + "mlp.");
            d.layers.add(layer);
        }
        d.outputNorm = norm("norm");
    }

    /** Queries, keys and values of a head stand together; complex numbers turn, neighbours that is. */
    private void neo() {
        d.neighbours = true;
        d.epsilon = config.get("norm_eps").asDouble();
        d.embedding = stored.matrix(prefix + "encoder");
        for (int i = 0; i < 2; i++) {
            String l = prefix + "transformer_encoder." + i + ".";
            Layer layer = new Layer();
            layer.ropeBase = 10000;
            layer.attentionNorm = norm("transformer_encoder." + i + ".attention_norm");
            double[][] rows = stored.matrix(l + "qkv");
            double[][] sorted = new double[rows.length][];
            for (int h = 0; h < HEADS; h++) {
                for (int part = 0; part < 3; part++) {
                    System.arraycopy(rows, (3 * h + part) * SIZE, sorted, (part * HEADS + h) * SIZE, SIZE);
                }
            }
            fused(layer, sorted);
            layer.output = stored.linear(l + "wo");
            layer.feedForwardNorm = norm("transformer_encoder." + i + ".ffn_norm");
            layer.dense = halves(stored.matrix(l + "ffn.w12"), stored.linear(l + "ffn.w3"));
            d.layers.add(layer);
        }
        d.outputNorm = norm("layer_norm");
    }

    private static void fused(Layer layer, double[]... rows) {
        layer.query = new Linear(Arrays.copyOfRange(rows, 0, 64), null);
        layer.key = new Linear(Arrays.copyOfRange(rows, 64, 128), null);
        layer.value = new Linear(Arrays.copyOfRange(rows, 128, 192), null);
    }

    /** The function is taken of the first half. */
    private static FeedForward halves(double[][] both, Linear down) {
        return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, both.length / 2), null), new Linear(Arrays.copyOfRange(both, both.length / 2, both.length), null), down);
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(prefix + name + ".weight"), null);
    }
}
