package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.List;

/** What Gemma 3n and Gemma 4 have in common. */
final class GemmaParts {
    private static final Norm BARE = new Norm(null, null);

    private GemmaParts() { }

    /** Keys and values of the layer's own; values are normalised without weights. */
    static void own(SelfAttention attention, Linear key, Norm keyNorm, Linear value) {
        attention.key = key;
        attention.keyNorm = keyNorm;
        attention.value = value;
        attention.valueNorm = BARE;
    }

    /** Scores are not scaled, norms divide by the root mean square. */
    static SelfAttention finished(SelfAttention attention, double epsilon) {
        attention.scale = 1;
        attention.norm = (row, weights) -> Arithmetic.rms(row, weights, epsilon);
        return attention;
    }

    /** The last layer of the same type that has keys of its own. */
    static SelfAttention lastOfItsType(JsonNode config, List<SelfAttention> before) {
        String type = type(config, before.size());
        for (int i = before.size() - 1; ; i--) {
            if (type(config, i).equals(type) && before.get(i).shared == null) {
                return before.get(i);
            }
        }
    }

    /** {@code sliding_attention} or {@code full_attention}. */
    static String type(JsonNode config, int layer) {
        return config.at("/layer_types/" + layer).asText();
    }

    /** The table and projection for each layer's input. */
    static PerLayerEmbedding perLayer(CheckpointTensors stored, int size, double epsilon) {
        return new PerLayerEmbedding(stored.matrix("model.embed_tokens_per_layer"), stored.linear("model.per_layer_model_projection"), norm(stored, "model.per_layer_projection_norm"), size, epsilon);
    }

    /** Norms are stored as they are, not as offsets from one. */
    static Norm norm(CheckpointTensors stored, String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
