package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.stream.IntStream;

/** Reads Kimi Linear as the code does that was published with it ({@code modeling_kimi.py}). */
final class KimiCheckpoint {
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final Decoder d = new Decoder();

    private KimiCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new KimiCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = config.get("num_attention_heads").asInt();
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.embedding = stored.matrix("model.embed_tokens");
        d.outputNorm = norm("model.norm");
        d.output = stored.linear("lm_head");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    private Layer layer(int number) {
        String l = "model.layers." + number + ".";
        Layer layer = new Layer();
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        // Counted from one.
        boolean delta = config.at("/linear_attn_config/kda_layers").valueStream().anyMatch(one -> one.asInt() == number + 1);
        layer.mixer = delta ? new KimiDelta(stored, config, l + "self_attn.") : latent(l + "self_attn.");
        if (number < config.get("first_k_dense_replace").asInt()) {
            layer.dense = stored.gated(l + "mlp.");
        } else {
            layer.experts = experts(l + "block_sparse_moe.");
        }
        return layer;
    }

    private Decoder.Mixer latent(String a) {
        LatentAttention attention = new LatentAttention(stored, config, d, a);
        attention.rotated = false;
        return attention;
    }

    private ExpertMixture experts(String m) {
        ExpertMixture experts = new ExpertMixture(stored.linear(m + "gate"), IntStream.range(0, config.get("num_experts").asInt()).mapToObj(e -> m + "experts." + e + ".")
                .map(e -> new FeedForward(stored.linear(e + "w1"), stored.linear(e + "w3"), stored.linear(e + "w2"))).toList(), config.get("num_experts_per_token").asInt(), true,
                stored.gated(m + "shared_experts."), null);
        experts.shares = Shares.SIGMOID;
        experts.choice = stored.vector(m + "gate.e_score_correction_bias");
        experts.scale = config.get("routed_scaling_factor").asDouble();
        return experts;
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
