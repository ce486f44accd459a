package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Reads the checkpoints of {@link ExpertsTinyModels} as the model classes do: those of transformers, else those that their authors published. */
final class ExpertsCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("HunYuanMoEV1ForCausalLM", "BailingMoeForCausalLM", "SarvamMoEForCausalLM", "SolarOpenForCausalLM", "AfmoeForCausalLM", "ExaoneMoEForCausalLM",
            "SmallThinkerForCausalLM", "GroveMoeForCausalLM", "MellumForCausalLM", "ArcticForCausalLM", "LagunaForCausalLM", "HYV3ForCausalLM");

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
        if (config.at("/rope_parameters/full_attention").isObject()) {
            double turned = config.at("/rope_parameters/full_attention/partial_rotary_factor").asDouble(1);
            d.ropeDimensions = (int) (d.headSize * turned);
            CheckpointRope.read(((ObjectNode) config.deepCopy()).set("rope_parameters", config.at("/rope_parameters/full_attention")), d);
        }
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
        boolean local = config.at("/layer_types/" + number).asText().equals("sliding_attention");
        layer.ropeBase = config.at("/rope_parameters/" + (local ? "sliding_attention" : "full_attention") + "/rope_theta").asDouble(config.path("rope_theta").asDouble());
        layer.window = local ? config.get("sliding_window").asInt() : config.at("/sliding_window_layout/" + number).asInt() * config.path("sliding_window_size").asInt();
        // Stretched is the rotation of layers that see everything, where they have one.
        layer.scaled = !local;
        layer.rotated = !Set.of("AfmoeForCausalLM", "ExaoneMoEForCausalLM").contains(model) || local;
        layer.rotated &= config.at("/rope_layout/" + number).asInt(1) == 1;
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
        if (model.equals("SmallThinkerForCausalLM")) {
            layer.routesByInput = true;
            layer.gating = (gate, up) -> Math.max(gate, 0) * up;
        }
        if (model.equals("ArcticForCausalLM")) {
            ExpertMixture experts = layer.experts;
            Norm before = layer.feedForwardNorm;
            layer.beside = given -> experts.of(Arithmetic.rms(given, before, d.epsilon), (parts, row) -> Decoder.feedForward(parts, row, (gate, up) -> Arithmetic.silu(gate) * up));
            layer.experts = null;
            layer.feedForwardNorm = norm(l + "residual_layernorm");
            layer.dense = numbered(l + "residual_mlp.");
        }
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
        if (stored.has(a + "g_proj.weight")) {
            layer.mixer = openedByHead(layer, stored.linear(a + "g_proj"));
        }
        if (stored.has(a + "gate_proj.weight")) {
            layer.mixer = CheckpointMixers.gated(stored.linear(a + "gate_proj"), stored.linear(a + "o_proj"), d, layer);
        }
    }

    /** LagunaAttention: as many heads as the layer has gates, each head's result times the softplus of its gate. Layers with a window turn whole heads. */
    private Decoder.Mixer openedByHead(Layer layer, Linear gates) {
        Linear output = layer.output;
        int heads = gates.weight().length;
        SelfAttention attention = d.attention(layer);
        attention.heads = heads;
        attention.ropeDimensions = layer.scaled ? d.ropeDimensions : d.headSize;
        attention.output = CheckpointMixers.unchanged(heads * d.headSize);
        return x -> {
            double[][] found = attention.of(x);
            for (int t = 0; t < x.length; t++) {
                double[] row = found[t];
                double[] gate = Arithmetic.times(gates, x[t]);
                Arrays.setAll(row, i -> row[i] * Math.log1p(Math.exp(gate[i / d.headSize])));
                found[t] = Arithmetic.times(output, row);
            }
            return found;
        };
    }

    private FeedForward numbered(String prefix) {
        return new FeedForward(stored.linear(prefix + "w1"), stored.linear(prefix + "w3"), stored.linear(prefix + "w2"));
    }

    private void feedForward(Layer layer, String l) {
        if (stored.has(l + "mlp.up_proj.weight")) {
            layer.dense = stored.gated(l + "mlp.");
            return;
        }
        layer.experts = switch (model) {
            case "HunYuanMoEV1ForCausalLM" -> mixture(l, "mlp.gate.wg", config.at("/moe_topk/0").asInt(), "mlp.shared_mlp.");
            case "SmallThinkerForCausalLM" -> {
                ExpertMixture experts = mixture(l + "block_sparse_moe.primary_router", used("moe_num_active_primary_experts"), e -> {
                    String x = l + "block_sparse_moe.experts." + e + ".";
                    return new FeedForward(stored.linear(x + "gate"), stored.linear(x + "up"), stored.linear(x + "down"));
                }, null);
                // The softmax of the chosen alone is their share in that of all.
                experts.shares = config.get("moe_primary_router_apply_softmax").asBoolean() ? Shares.SOFTMAX : Shares.SIGMOID;
                yield experts;
            }
            case "ArcticForCausalLM" -> mixture(l + "block_sparse_moe.gate", used(), e -> numbered(l + "block_sparse_moe.experts." + e + "."), null);
            case "MellumForCausalLM" -> mixture(l, "mlp.gate", used(), null);
            case "GroveMoeForCausalLM" -> {
                ExpertMixture experts = mixture(l, "mlp.gate", used(), null);
                experts.ofPairs = List.of(stored.gated(l + "mlp.chunk_experts.0."), stored.gated(l + "mlp.chunk_experts.1."));
                experts.pairScale = 0.05;
                yield experts;
            }
            case "LagunaForCausalLM" -> sigmoid(mixture(l, "mlp.gate", used(), "mlp.shared_experts."), l + "mlp.gate.e_score_correction_bias", config.get("moe_routed_scaling_factor").asDouble());
            case "BailingMoeForCausalLM" -> mixture(l, "mlp.gate", used(), "mlp.shared_experts.");
            case "HYV3ForCausalLM" -> {
                boolean released = stored.has(l + "mlp.expert_bias");
                ExpertMixture experts = mixture(l, released ? "mlp.router.gate" : "mlp.gate", used(), released ? "mlp.shared_mlp." : "mlp.shared_experts.");
                yield sigmoid(experts, l + (released ? "mlp.expert_bias" : "mlp.e_score_correction_bias"), config.get("router_scaling_factor").asDouble());
            }
            case "AfmoeForCausalLM" -> sigmoid(mixture(l, "mlp.router.gate", used(), "mlp.shared_experts."), l + "mlp.expert_bias", config.get("route_scale").asDouble());
            default -> sigmoid(mixture(l, "mlp.gate", used(), "mlp.shared_experts."), l + switch (model) {
                case "SarvamMoEForCausalLM" -> "mlp.gate.expert_bias";
                case "SolarOpenForCausalLM" -> "mlp.gate.e_score_correction_bias";
                default -> "mlp.e_score_correction_bias";
            }, config.get("routed_scaling_factor").asDouble());
        };
    }

    private int used() {
        return used("num_experts_per_tok");
    }

    private int used(String field) {
        return config.get(field).asInt();
    }

    private ExpertMixture mixture(String l, String router, int used, String shared) {
        return mixture(l + router, used, e -> stored.gated(l + "mlp.experts." + e + "."), shared == null ? null : stored.gated(l + shared));
    }

    private ExpertMixture mixture(String router, int used, IntFunction<FeedForward> expert, FeedForward shared) {
        return new ExpertMixture(stored.linear(router), IntStream.range(0, 4).mapToObj(expert).toList(), used, true, shared, null);
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
