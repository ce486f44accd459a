package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.Set;

/** Reads a checkpoint of ChatGLM2, ChatGLM3 or GLM-4-9B as the code does that was published with them ({@code modeling_chatglm.py}). */
final class ChatGlmCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("ChatGLMModel", "ChatGLMForConditionalGeneration");

    private ChatGlmCheckpoint() { }

    static Decoder of(MemoryCheckpoint checkpoint) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        JsonNode config = checkpoint.rawConfig();
        Decoder d = new Decoder();
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.get("multi_query_group_num").asInt();
        d.headSize = config.get("kv_channels").asInt();
        // RotaryEmbedding(rotary_dim // 2): pairs of neighbours, the second half of each head stays.
        d.ropeDimensions = d.headSize / 2;
        d.neighbours = true;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.get("layernorm_epsilon").asDouble();
        d.embedding = stored.matrix("transformer.embedding.word_embeddings");
        d.outputNorm = norm(stored, "transformer.encoder.final_layernorm");
        d.output = stored.linear("transformer.output_layer");
        for (int i = 0; i < config.get("num_layers").asInt(); i++) {
            String l = "transformer.encoder.layers." + i + ".";
            Layer layer = new Layer();
            layer.ropeBase = 10000 * config.path("rope_ratio").asDouble(1);
            layer.attentionNorm = norm(stored, l + "input_layernorm");
            layer.feedForwardNorm = norm(stored, l + "post_attention_layernorm");
            FusedRows.split(stored.linear(l + "self_attention.query_key_value"), 1, d, layer);
            layer.output = stored.linear(l + "self_attention.dense");
            // swiglu: silu of the first half times the second.
            double[][] both = stored.matrix(l + "mlp.dense_h_to_4h");
            int inner = both.length / 2;
            layer.dense = new FeedForward(new Linear(Arrays.copyOfRange(both, 0, inner), null), new Linear(Arrays.copyOfRange(both, inner, 2 * inner), null), stored.linear(l + "mlp.dense_4h_to_h"));
            d.layers.add(layer);
        }
        return d;
    }

    private static Norm norm(CheckpointTensors stored, String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
