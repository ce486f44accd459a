package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads the checkpoints of {@link ExpertsTinyModels} as the model classes do: those of transformers, else those that their authors published. */
final class ExpertsCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("HunYuanMoEV1ForCausalLM", "BailingMoeForCausalLM", "SarvamMoEForCausalLM", "SolarOpenForCausalLM", "AfmoeForCausalLM", "ExaoneMoEForCausalLM");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private ExpertsCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new ExpertsCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.get("num_key_value_heads").asInt();
        d.headSize = config.path("head_dim").asInt(TinyModels.WIDTH / d.heads);
        d.ropeDimensions = d.headSize;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.normedAfterTurning = model.equals("HunYuanMoEV1ForCausalLM");
        d.embedding = stored.matrix(stored.has("model.word_embeddings.weight") ? "model.word_embeddings" : "model.embed_tokens");
        d.embeddingScale = config.path("mup_enabled").asBoolean() ? Math.sqrt(TinyModels.WIDTH) : 1;
        d.outputNorm = norm("model.norm");
        double[][] head = stored.has("lm_head.weight") ? stored.matrix("lm_head") : d.embedding;
        d.output = new Linear(config.path("norm_head").asBoolean() ? columnsOfOne(head) : head, null);
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    /** {@code weight / (torch.norm(weight, p=2, dim=0) + 1e-7)}. */
    private static double[][] columnsOfOne(double[][] rows) {
        double[][] scaled = new double[rows.length][rows[0].length];
        for (int c = 0; c < rows[0].length; c++) {
            int column = c;
            double length = Math.sqrt(IntStream.range(0, rows.length).mapToDouble(r -> rows[r][column] * rows[r][column]).sum()) + 1e-7;
            IntStream.range(0, rows.length).forEach(r -> scaled[r][column] = rows[r][column] / length);
        }
        return scaled;
    }

    private Layer layer(int number) {
        String l = "model.layers." + number + ".";
        Layer layer = new Layer();
        layer.ropeBase = config.get("rope_theta").asDouble();
        if (config.has("layer_types")) {
            // Layers that see everything do not mind positions.
            layer.rotated = config.at("/layer_types/" + number).asText().equals("sliding_attention");
            layer.window = layer.rotated ? config.get("sliding_window").asInt() : 0;
        }
        if (config.at("/rope_scaling/alpha").isNumber()) {
            layer.ropeBase *= Math.pow(config.at("/rope_scaling/alpha").asDouble(), d.headSize / (d.headSize - 2.0));
        }
        layer.attentionNorm = norm(l + "input_layernorm");
        if (stored.has(l + "pre_mlp_layernorm.weight")) {
            layer.afterAttention = norm(l + "post_attention_layernorm");
            layer.feedForwardNorm = norm(l + "pre_mlp_layernorm");
            layer.afterFeedForward = norm(l + "post_mlp_layernorm");
        } else {
            layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        }
        attention(layer, l);
        feedForward(layer, l);
        return layer;
    }

    private void attention(Layer layer, String l) {
        if (stored.has(l + "attention.query_key_value.weight")) {
            FusedRows.split(stored.linear(l + "attention.query_key_value"), 1, d, layer);
            layer.output = stored.linear(l + "attention.dense");
            layer.queryNorm = norm(l + "attention.query_layernorm");
            layer.keyNorm = norm(l + "attention.key_layernorm");
            return;
        }
        String a = l + "self_attn.";
        layer.query = stored.linear(a + "q_proj");
        layer.key = stored.linear(a + "k_proj");
        layer.value = stored.linear(a + "v_proj");
        layer.output = stored.linear(a + "o_proj");
        layer.queryNorm = norm(a + (d.normedAfterTurning ? "query_layernorm" : "q_norm"));
        layer.keyNorm = norm(a + (d.normedAfterTurning ? "key_layernorm" : "k_norm"));
        if (stored.has(a + "gate_proj.weight")) {
            layer.mixer = CheckpointMixers.gated(stored.linear(a + "gate_proj"), stored.linear(a + "o_proj"), d, layer);
        }
    }

    private void feedForward(Layer layer, String l) {
        if (stored.has(l + "mlp.up_proj.weight")) {
            layer.dense = stored.gated(l + "mlp.");
            return;
        }
        layer.experts = switch (model) {
            case "HunYuanMoEV1ForCausalLM" -> mixture(l, "mlp.gate.wg", config.at("/moe_topk/0").asInt(), "mlp.shared_mlp.");
            case "BailingMoeForCausalLM" -> mixture(l, "mlp.gate", used(), "mlp.shared_experts.");
            case "AfmoeForCausalLM" -> sigmoid(mixture(l, "mlp.router.gate", used(), "mlp.shared_experts."), l + "mlp.expert_bias", config.get("route_scale").asDouble());
            default -> sigmoid(mixture(l, "mlp.gate", used(), "mlp.shared_experts."), l + switch (model) {
                case "SarvamMoEForCausalLM" -> "mlp.gate.expert_bias";
                case "SolarOpenForCausalLM" -> "mlp.gate.e_score_correction_bias";
                default -> "mlp.e_score_correction_bias";
            }, config.get("routed_scaling_factor").asDouble());
        };
    }

    private int used() {
        return config.get("num_experts_per_tok").asInt();
    }

    private ExpertMixture mixture(String l, String router, int used, String shared) {
        List<FeedForward> experts = IntStream.range(0, 4).mapToObj(e -> stored.gated(l + "mlp.experts." + e + ".")).toList();
        return new ExpertMixture(stored.linear(l + router), experts, used, true, shared == null ? null : stored.gated(l + shared), null);
    }

    private ExpertMixture sigmoid(ExpertMixture experts, String bias, double scale) {
        experts.shares = Shares.SIGMOID;
        experts.choice = stored.vector(bias);
        experts.scale = scale;
        return experts;
    }

    private Norm norm(String name) {
        return stored.has(name + ".weight") ? new Norm(stored.vector(name + ".weight"), null) : null;
    }
}
