package dev.adapterferry.convert;

import static dev.adapterferry.convert.GemmaParts.norm;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.gguf.GgufFile;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Gemma 4 from a GGUF file as llama.cpp's graph reads it, and from a checkpoint as transformers' {@code Gemma4TextModel} reads it. */
final class Gemma4Readers {

    private Gemma4Readers() { }

    /** {@code src/models/gemma4.cpp}. */
    static Gemma4Forward of(GgufFile gguf) {
        GgufTensors file = new GgufTensors(gguf);
        Gemma4Forward f = new Gemma4Forward();
        f.epsilon = file.number("attention.layer_norm_rms_epsilon", 0);
        f.embedding = file.matrix("token_embd.weight");
        f.outputNorm = file.norm("output_norm");
        f.outputCap = file.number("final_logit_softcapping", 0);
        int size = (int) file.number("embedding_length_per_layer_input", 0);
        f.perLayer = size == 0 ? null : GemmaParts.perLayer(file, size, f.epsilon);
        int blocks = (int) file.number("block_count", 0);
        int own = blocks - (int) file.number("attention.shared_kv_layers", 0);
        for (int i = 0; i < blocks; i++) {
            String l = "blk." + i + ".";
            boolean sliding = file.number("attention.sliding_window_pattern", i, 0) == 1;
            SelfAttention a = new SelfAttention();
            a.heads = (int) file.number("attention.head_count", 0);
            a.keyHeads = (int) file.number("attention.head_count_kv", i, 0);
            a.headSize = (int) file.number(sliding ? "attention.key_length_swa" : "attention.key_length", 0);
            a.ropeDimensions = (int) file.number(sliding ? "rope.dimension_count_swa" : "rope.dimension_count", 0);
            a.ropeBase = file.number(sliding ? "rope.freq_base_swa" : "rope.freq_base", 0);
            a.ropeFactors = sliding ? null : file.vector(file.find("rope_freqs.weight").orElseThrow());
            a.window = sliding ? (int) file.number("attention.sliding_window", 0) : 0;
            a.query = file.linear(l + "attn_q");
            a.queryNorm = file.norm(l + "attn_q_norm");
            a.output = file.linear(l + "attn_output");
            if (i < own) {
                GemmaParts.own(a, file.linear(l + "attn_k"), file.norm(l + "attn_k_norm"), file.has(l + "attn_v.weight") ? file.linear(l + "attn_v") : file.linear(l + "attn_k"));
            } else {
                // The graph takes the last two layers with keys for one of each kind.
                a.shared = f.layers.get(own - (sliding ? 2 : 1)).attention;
            }
            f.layers.add(layer(f, a, file, l));
        }
        return f;
    }

    private static Gemma4Forward.Layer layer(Gemma4Forward f, SelfAttention attention, GgufTensors file, String l) {
        Gemma4Forward.Layer layer = new Gemma4Forward.Layer();
        layer.attention = GemmaParts.finished(attention, f.epsilon);
        layer.attentionNorm = file.norm(l + "attn_norm");
        layer.afterAttention = file.norm(l + "post_attention_norm");
        layer.feedForwardNorm = file.norm(l + "ffn_norm");
        layer.dense = file.gated(l, "");
        layer.afterFeedForward = file.norm(l + "post_ffw_norm");
        if (file.has(l + "ffn_gate_inp.weight")) {
            int count = (int) file.number("expert_count", 0);
            int inner = (int) file.number("expert_feed_forward_length", 0);
            double[][] fused = file.matrix(l + "ffn_gate_up_exps.weight");
            List<FeedForward> experts = IntStream.range(0, count).mapToObj(e -> new FeedForward(new Linear(Arrays.copyOfRange(fused, 2 * e * inner, (2 * e + 1) * inner), null),
                    new Linear(Arrays.copyOfRange(fused, (2 * e + 1) * inner, (2 * e + 2) * inner), null), file.expert(l + "ffn_down_exps", e))).toList();
            layer.experts = new ExpertMixture(file.linear(l + "ffn_gate_inp"), experts, (int) file.number("expert_used_count", 0), true, null, null);
            layer.experts.expertScales = file.vector(file.find(l + "ffn_down_exps.scale").orElseThrow());
            layer.routerScale = file.vector(file.find(l + "ffn_gate_inp.scale").orElseThrow());
            layer.beforeExperts = file.norm(l + "pre_ffw_norm_2");
            layer.afterDense = file.norm(l + "post_ffw_norm_1");
            layer.afterExperts = file.norm(l + "post_ffw_norm_2");
        }
        if (f.perLayer != null) {
            layer.inputGate = file.linear(l + "inp_gate");
            layer.inputProjection = file.linear(l + "proj");
            layer.afterInput = file.norm(l + "post_norm");
        }
        layer.scalar = file.find(l + "layer_output_scale.weight").map(s -> file.vector(s)[0]).orElse(1.0);
        return layer;
    }

    /** {@code modeling_gemma4.py}. */
    static Gemma4Forward of(MemoryCheckpoint checkpoint) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        JsonNode config = checkpoint.rawConfig();
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
