package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.scaled;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Reads Cohere 2 with experts as transformers does ({@code modular_cohere2_moe.py}). */
final class Cohere2MoeCheckpoint {
    private final CheckpointTensors stored;
    private final JsonNode config;

    private Cohere2MoeCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new Cohere2MoeCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        Decoder d = new Decoder();
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.get("num_key_value_heads").asInt();
        d.headSize = config.get("head_dim").asInt();
        d.ropeDimensions = d.headSize;
        d.neighbours = true;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.layerNorm = !config.path("rms_norm_eps").isNumber();
        d.epsilon = config.get(d.layerNorm ? "layer_norm_eps" : "rms_norm_eps").asDouble();
        d.parallel = true;
        d.outputScale = config.get("logit_scale").asDouble();
        d.embedding = stored.matrix("model.embed_tokens");
        d.outputNorm = norm("model.norm");
        d.output = stored.has("lm_head.weight") ? stored.linear("lm_head") : new Linear(d.embedding, null);
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(layer(i, "model.layers." + i + "."));
        }
        return d;
    }

    private Layer layer(int number, String l) {
        Layer layer = new Layer();
        layer.ropeBase = config.get("rope_theta").asDouble();
        boolean sliding = config.at("/layer_types/" + number).asText().equals("sliding_attention");
        boolean dense = number < config.path("first_k_dense_replace").asInt();
        layer.window = sliding ? config.get("sliding_window").asInt() : 0;
        layer.rotated = sliding || dense;
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.query = stored.linear(l + "self_attn.q_proj");
        layer.key = stored.linear(l + "self_attn.k_proj");
        layer.value = stored.linear(l + "self_attn.v_proj");
        layer.output = stored.linear(l + "self_attn.o_proj");
        if (dense) {
            layer.dense = stored.gated(l + "mlp.");
            return layer;
        }
        boolean shared = config.path("num_shared_experts").asInt() > 0;
        List<FeedForward> experts = IntStream.range(0, config.get("num_experts").asInt()).mapToObj(e -> stored.has(l + "mlp.experts.gate_up_proj") ? packed(l, e) : stored.gated(l + "mlp.experts." + e + ".")).toList();
        ExpertMixture mixture = new ExpertMixture(stored.linear(l + "mlp.gate"), experts, config.get("num_experts_per_tok").asInt(), config.get("norm_topk_prob").asBoolean(),
                shared ? stored.gated(l + "mlp.shared_experts.") : null, null);
        if (config.get("expert_selection_fn").asText().equals("softmax")) {
            mixture.shares = Shares.SOFTMAX_OF_CHOSEN;
            mixture.renormalise = false;
        } else {
            mixture.shares = Shares.SIGMOID;
        }
        // Shared and chosen experts are averaged.
        layer.neighbourly = x -> each(x, row -> scaled(mixture.of(row, (parts, input) -> Decoder.feedForward(parts, input, (gate, up) -> Arithmetic.silu(gate) * up)), shared ? 0.5 : 1));
        return layer;
    }

    private FeedForward packed(String l, int expert) {
        double[][] both = stored.slab(l + "mlp.experts.gate_up_proj", expert);
        int inner = both.length / 2;
        return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, inner), null), new Linear(Arrays.copyOfRange(both, inner, 2 * inner), null), new Linear(stored.slab(l + "mlp.experts.down_proj", expert), null));
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
