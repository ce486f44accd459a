package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.sigmoid;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Gating;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Mixer;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Step 3.5 and MiMo V2 as the code computes them that was published with them ({@code modeling_step3p5.py}, {@code modeling_mimo_v2.py}): two kinds of layers. */
final class WindowedCheckpoint {
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final boolean step;

    WindowedCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = CheckpointDecoder.ofTheText(checkpoint.rawConfig());
        this.step = config.at("/architectures/0").asText().startsWith("Step");
    }

    /** One row of logits per token. */
    double[][] logits(int... tokens) {
        double[][] embedding = stored.matrix("model.embed_tokens");
        double[][] x = Arrays.stream(tokens).mapToObj(token -> embedding[token]).toArray(double[][]::new);
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = "model.layers." + i + ".";
            double[][] attended = attention(i, l + "self_attn.").of(each(x, row -> norm(row, l + "input_layernorm")));
            UnaryOperator<double[]> feedForward = feedForward(i, l);
            for (int t = 0; t < x.length; t++) {
                x[t] = plus(x[t], attended[t], 1);
                x[t] = plus(x[t], feedForward.apply(norm(x[t], l + "post_attention_layernorm")), 1);
            }
        }
        Linear output = stored.linear("lm_head");
        return each(x, row -> times(output, norm(row, "model.norm")));
    }

    private Mixer attention(int layer, String a) {
        boolean local = step ? config.at("/layer_types/" + layer).asText().equals("sliding_attention") : config.at("/hybrid_layer_pattern/" + layer).asInt() == 1;
        SelfAttention attention = new SelfAttention();
        attention.headSize = config.get("head_dim").asInt();
        attention.scale = 1 / Math.sqrt(attention.headSize);
        attention.window = local ? config.get("sliding_window").asInt() : 0;
        attention.norm = (row, norm) -> rms(row, norm, epsilon());
        attention.query = stored.linear(a + "q_proj");
        attention.key = stored.linear(a + "k_proj");
        attention.value = stored.linear(a + "v_proj");
        if (!step) {
            attention.heads = config.get("num_attention_heads").asInt();
            attention.keyHeads = config.get(local ? "swa_num_key_value_heads" : "num_key_value_heads").asInt();
            attention.valueSize = config.get("v_head_dim").asInt();
            attention.ropeDimensions = (int) (attention.headSize * config.get("partial_rotary_factor").asDouble());
            attention.ropeBase = config.get(local ? "swa_rope_theta" : "rope_theta").asDouble();
            attention.sinks = stored.has(a + "attention_sink_bias") ? stored.vector(a + "attention_sink_bias") : null;
            // Values are scaled before they are kept.
            double scale = config.path("attention_value_scale").asDouble(1);
            attention.value = new Linear(each(attention.value.weight(), row -> Arithmetic.scaled(row, scale)), null);
            attention.output = stored.linear(a + "o_proj");
            return attention;
        }
        JsonNode sizes = local ? config.get("attention_other_setting") : config;
        attention.heads = sizes.get("num_attention_heads").asInt();
        attention.keyHeads = sizes.get("num_attention_groups").asInt();
        attention.queryNorm = offset(a + "q_norm");
        attention.keyNorm = offset(a + "k_norm");
        attention.ropeDimensions = (int) (attention.headSize * config.at("/partial_rotary_factors/" + layer).asDouble());
        attention.ropeBase = config.at("/rope_theta/" + layer).asDouble();
        if (!local) {
            // yarn_only_types: scaled in these layers only.
            Decoder rope = new Decoder();
            rope.ropeDimensions = attention.ropeDimensions;
            ObjectNode scaling = JsonNodeFactory.instance.objectNode().put("rope_theta", attention.ropeBase);
            scaling.set("rope_scaling", config.get("rope_scaling"));
            CheckpointRope.read(scaling, rope);
            attention.ropeFactors = rope.ropeFactors;
        }
        int width = attention.heads * attention.headSize;
        attention.output = new Linear(IntStream.range(0, width).mapToObj(i -> unit(width, i)).toArray(double[][]::new), null);
        return x -> {
            double[][] found = attention.of(x);
            for (int t = 0; t < x.length; t++) {
                double[] gate = times(stored.linear(a + "g_proj"), x[t]);
                double[] row = found[t];
                Arrays.setAll(row, i -> row[i] * sigmoid(gate[i / attention.headSize]));
                found[t] = times(stored.linear(a + "o_proj"), row);
            }
            return found;
        };
    }

    private UnaryOperator<double[]> feedForward(int layer, String l) {
        Gating shared = limited(config.at("/swiglu_limits_shared/" + layer).asDouble(0));
        String experts = l + (step ? "moe." : "mlp.");
        if (!stored.has(experts + "gate.weight")) {
            FeedForward dense = stored.gated(l + "mlp.");
            return x -> Decoder.feedForward(dense, x, shared);
        }
        int count = config.get(step ? "moe_num_experts" : "n_routed_experts").asInt();
        List<FeedForward> parts = IntStream.range(0, count).mapToObj(e -> step ? new FeedForward(slab(experts + "gate_proj", e), slab(experts + "up_proj", e), slab(experts + "down_proj", e))
                : stored.gated(experts + "experts." + e + ".")).toList();
        ExpertMixture mixture = new ExpertMixture(stored.linear(experts + "gate"), parts, config.get(step ? "moe_top_k" : "num_experts_per_tok").asInt(), true, null, null);
        mixture.shares = Shares.SIGMOID;
        mixture.choice = stored.vector(experts + (step ? "router_bias" : "gate.e_score_correction_bias"));
        mixture.scale = config.path(step ? "moe_router_scaling_factor" : "routed_scaling_factor").asDouble(1);
        Gating own = limited(config.at("/swiglu_limits/" + layer).asDouble(0));
        FeedForward always = step ? stored.gated(l + "share_expert.") : null;
        return x -> {
            double[] mixed = mixture.of(x, (feedForward, row) -> Decoder.feedForward(feedForward, row, own));
            return always == null ? mixed : plus(mixed, Decoder.feedForward(always, x, shared), 1);
        };
    }

    private Linear slab(String name, int expert) {
        return new Linear(stored.slab(name + ".weight", expert), null);
    }

    /** {@code clamp} of the activated gate from above and of up on both sides. */
    private static Gating limited(double limit) {
        return (gate, up) -> limit == 0 ? silu(gate) * up : Math.min(silu(gate), limit) * Math.clamp(up, -limit, limit);
    }

    private double[] norm(double[] x, String name) {
        return rms(x, offset(name), epsilon());
    }

    /** Step's norms are stored as offsets from one. */
    private Norm offset(String name) {
        return new Norm(Arrays.stream(stored.vector(name + ".weight")).map(w -> step ? w + 1 : w).toArray(), null);
    }

    private double epsilon() {
        return config.get(step ? "rms_norm_eps" : "layernorm_epsilon").asDouble();
    }

    private static double[] unit(int width, int at) {
        double[] row = new double[width];
        row[at] = 1;
        return row;
    }
}
