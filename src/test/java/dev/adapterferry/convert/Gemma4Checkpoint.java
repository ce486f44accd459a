package dev.adapterferry.convert;

import static dev.adapterferry.convert.GemmaParts.norm;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Gemma 4 from a checkpoint as transformers' {@code Gemma4TextModel} reads it ({@code modeling_gemma4.py}). */
final class Gemma4Checkpoint {
    private Gemma4Checkpoint() { }

    static Gemma4Forward of(MemoryCheckpoint checkpoint) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        JsonNode config = CheckpointDecoder.ofTheText(checkpoint.rawConfig());
        Gemma4Forward f = new Gemma4Forward();
        f.epsilon = config.get("rms_norm_eps").asDouble();
        f.embedding = stored.matrix("model.embed_tokens");
        f.outputNorm = norm(stored, "model.norm");
        f.outputCap = config.path("final_logit_softcapping").asDouble(0);
        int size = config.path("hidden_size_per_layer_input").asInt();
        f.perLayer = size == 0 ? null : GemmaParts.perLayer(stored, size, f.epsilon);
        int blocks = config.get("num_hidden_layers").asInt();
        for (int i = 0; i < blocks; i++) {
            f.layers.add(layer(f, stored, config, i, i >= blocks - config.path("num_kv_shared_layers").asInt()));
        }
        return f;
    }

    private static Gemma4Forward.Layer layer(Gemma4Forward f, CheckpointTensors stored, JsonNode config, int number, boolean sharesKeys) {
        String l = "model.layers." + number + ".";
        String type = GemmaParts.type(config, number);
        boolean full = type.equals("full_attention");
        SelfAttention a = new SelfAttention();
        a.heads = config.get("num_attention_heads").asInt();
        a.headSize = config.get(full ? "global_head_dim" : "head_dim").asInt();
        boolean keysAreValues = full && config.path("attention_k_eq_v").asBoolean();
        a.keyHeads = config.get(keysAreValues && config.hasNonNull("num_global_key_value_heads") ? "num_global_key_value_heads" : "num_key_value_heads").asInt();
        JsonNode rope = config.path("rope_parameters").path(type);
        a.ropeBase = rope.get("rope_theta").asDouble();
        a.ropeDimensions = a.headSize;
        if (full) {
            // Proportional: of all pairs the first few turn, at the frequencies that they have among all.
            int turning = (int) (rope.get("partial_rotary_factor").asDouble() * a.headSize / 2);
            a.ropeFactors = IntStream.range(0, a.headSize / 2).mapToDouble(i -> i < turning ? 1 : Double.POSITIVE_INFINITY).toArray();
        } else {
            a.window = config.get("sliding_window").asInt();
        }
        a.query = stored.linear(l + "self_attn.q_proj");
        a.queryNorm = norm(stored, l + "self_attn.q_norm");
        a.output = stored.linear(l + "self_attn.o_proj");
        if (sharesKeys) {
            a.shared = GemmaParts.lastOfItsType(config, f.layers.stream().map(before -> before.attention).toList());
        } else {
            GemmaParts.own(a, stored.linear(l + "self_attn.k_proj"), norm(stored, l + "self_attn.k_norm"), stored.linear(l + (keysAreValues ? "self_attn.k_proj" : "self_attn.v_proj")));
        }
        Gemma4Forward.Layer layer = new Gemma4Forward.Layer();
        layer.attention = GemmaParts.finished(a, f.epsilon);
        layer.attentionNorm = norm(stored, l + "input_layernorm");
        layer.afterAttention = norm(stored, l + "post_attention_layernorm");
        layer.feedForwardNorm = norm(stored, l + "pre_feedforward_layernorm");
        layer.dense = stored.gated(l + "mlp.");
        layer.afterFeedForward = norm(stored, l + "post_feedforward_layernorm");
        if (config.path("enable_moe_block").asBoolean()) {
            int inner = config.get("moe_intermediate_size").asInt();
            List<FeedForward> experts = IntStream.range(0, config.get("num_experts").asInt()).mapToObj(e -> {
                double[][] both = stored.slab(l + "experts.gate_up_proj", e);
                return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, inner), null), new Linear(Arrays.copyOfRange(both, inner, 2 * inner), null), new Linear(stored.slab(l + "experts.down_proj", e), null));
            }).toList();
            layer.experts = new ExpertMixture(stored.linear(l + "router.proj"), experts, config.get("top_k_experts").asInt(), true, null, null);
            layer.experts.expertScales = stored.vector(l + "router.per_expert_scale");
            layer.routerScale = stored.vector(l + "router.scale");
            layer.beforeExperts = norm(stored, l + "pre_feedforward_layernorm_2");
            layer.afterDense = norm(stored, l + "post_feedforward_layernorm_1");
            layer.afterExperts = norm(stored, l + "post_feedforward_layernorm_2");
        }
        if (f.perLayer != null) {
            layer.inputGate = stored.linear(l + "per_layer_input_gate");
            layer.inputProjection = stored.linear(l + "per_layer_projection");
            layer.afterInput = norm(stored, l + "post_per_layer_input_norm");
        }
        layer.scalar = stored.vector(l + "layer_scalar")[0];
        return layer;
    }
}
