package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.List;
import java.util.stream.IntStream;

/** Reads MiniMax-Text-01 as its modelling code and transformers' {@code MiniMaxForCausalLM} do. */
final class MiniMax01Checkpoint {
    private final CheckpointTensors stored;
    private final JsonNode config;

    private MiniMax01Checkpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new MiniMax01Checkpoint(checkpoint).read();
    }

    private Decoder read() {
        Decoder d = new Decoder();
        d.heads = number("num_attention_heads");
        d.keyHeads = number("num_key_value_heads");
        d.headSize = number("head_dim");
        d.ropeDimensions = number("rotary_dim");
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.normedResidual = config.get("layernorm_mlp_alpha").asDouble();
        d.embedding = stored.matrix("model.embed_tokens");
        d.outputNorm = norm("model.norm");
        d.output = stored.linear("lm_head");
        for (int i = 0; i < number("num_hidden_layers"); i++) {
            d.layers.add(layer(d, i, "model.layers." + i + "."));
        }
        return d;
    }

    private Layer layer(Decoder d, int number, String l) {
        Layer layer = new Layer();
        String a = l + "self_attn.";
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        if (config.at("/attn_type_list/" + number).asInt() == 0) {
            double share = 1 - number / (number("num_hidden_layers") - 1.0) + 1e-5;
            layer.mixer = new LightningAttention(stored.linear(a + "qkv_proj"), stored.linear(a + "output_gate"), norm(a + "norm"), stored.linear(a + "out_proj"), d.heads, d.headSize, share);
        } else {
            layer.ropeBase = config.get("rope_theta").asDouble();
            layer.query = stored.linear(a + "q_proj");
            layer.key = stored.linear(a + "k_proj");
            layer.value = stored.linear(a + "v_proj");
            layer.output = stored.linear(a + "o_proj");
        }
        String m = l + "block_sparse_moe.";
        List<FeedForward> experts = IntStream.range(0, number("num_local_experts")).mapToObj(e -> m + "experts." + e + ".")
                .map(e -> new FeedForward(stored.linear(e + "w1"), stored.linear(e + "w3"), stored.linear(e + "w2"))).toList();
        layer.experts = new ExpertMixture(stored.linear(m + "gate"), experts, number("num_experts_per_tok"), true, null, null);
        return layer;
    }

    private int number(String field) {
        return config.get(field).asInt();
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
