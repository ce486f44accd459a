package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.silu;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.Set;

/** Reads the checkpoints of {@link SsmTinyModels} as transformers' model classes do, or those that their authors published. */
final class SsmCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("FalconH1ForCausalLM");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private SsmCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new SsmCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = config.path("num_attention_heads").asInt();
        d.keyHeads = config.path("num_key_value_heads").asInt();
        d.headSize = config.path("head_dim").asInt(TinyModels.WIDTH / Math.max(1, d.heads));
        d.ropeDimensions = d.headSize;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.path("rms_norm_eps").asDouble(1e-5);
        falconH1();
        return d;
    }

    /** FalconH1DecoderLayer: attention and Mamba 2 read the same normed rows, each with factors before and behind it, and are added. */
    private void falconH1() {
        d.embedding = stored.matrix("model.embed_tokens");
        d.embeddingScale = factor("embedding_multiplier");
        d.outputNorm = norm("model.final_layernorm");
        d.output = stored.has("lm_head.weight") ? stored.linear("lm_head") : new Linear(d.embedding, null);
        d.outputScale = factor("lm_head_multiplier");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = "model.layers." + i + ".";
            Layer attended = new Layer();
            attended.ropeBase = config.get("rope_theta").asDouble();
            attended.query = stored.linear(l + "self_attn.q_proj");
            // The key's factor stands behind its projection, as mup_vector stands behind in_proj.
            attended.key = new Linear(each(stored.matrix(l + "self_attn.k_proj"), row -> scaled(row, factor("key_multiplier"))), null);
            attended.value = stored.linear(l + "self_attn.v_proj");
            attended.output = stored.linear(l + "self_attn.o_proj");
            SelfAttention attention = d.attention(attended);
            Mamba2 mamba = Mamba2.ofFalcon(stored, config, l + "mamba.");
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "input_layernorm");
            layer.mixer = x -> {
                double[][] seen = attention.of(each(x, row -> scaled(row, factor("attention_in_multiplier"))));
                double[][] kept = mamba.of(x);
                double[][] sum = new double[x.length][];
                Arrays.setAll(sum, t -> plus(scaled(seen[t], factor("attention_out_multiplier")), kept[t], factor("ssm_out_multiplier")));
                return sum;
            };
            layer.feedForwardNorm = norm(l + "pre_ff_layernorm");
            FeedForward plain = stored.gated(l + "feed_forward.");
            layer.dense = new FeedForward(plain.gate(), plain.up(), new Linear(each(plain.down().weight(), row -> scaled(row, config.at("/mlp_multipliers/1").asDouble())), null));
            layer.gating = (gate, up) -> silu(gate * config.at("/mlp_multipliers/0").asDouble()) * up;
            d.layers.add(layer);
        }
    }

    private double factor(String field) {
        return config.get(field).asDouble();
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
