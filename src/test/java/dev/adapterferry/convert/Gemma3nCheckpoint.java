package dev.adapterferry.convert;

import static dev.adapterferry.convert.GemmaParts.norm;

import com.fasterxml.jackson.databind.JsonNode;

/** Gemma 3n from a checkpoint as transformers' {@code Gemma3nTextModel} reads it ({@code modeling_gemma3n.py}). */
final class Gemma3nCheckpoint {
    /** What torch computes in f32 as the quantile of the normal distribution at 0.95 (1.6448536 in exact arithmetic). */
    private static final double QUANTILE_95 = 1.6448533535003662;

    private Gemma3nCheckpoint() { }

    static Gemma3nForward of(MemoryCheckpoint checkpoint) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        JsonNode config = CheckpointDecoder.ofTheText(checkpoint.rawConfig());
        Gemma3nForward f = new Gemma3nForward();
        f.epsilon = config.get("rms_norm_eps").asDouble();
        f.embedding = stored.matrix("model.embed_tokens");
        f.outputNorm = norm(stored, "model.norm");
        f.outputCap = config.get("final_logit_softcapping").asDouble();
        f.perLayer = GemmaParts.perLayer(stored, config.get("hidden_size_per_layer_input").asInt(), f.epsilon);
        for (int s = 0; s < config.get("altup_num_inputs").asInt() - 1; s++) {
            f.unfold.add(stored.linear("model.altup_projections." + s));
            f.fold.add(stored.linear("model.altup_unembed_projections." + s));
        }
        int blocks = config.get("num_hidden_layers").asInt();
        for (int i = 0; i < blocks; i++) {
            f.layers.add(layer(f, stored, config, i, i >= blocks - config.get("num_kv_shared_layers").asInt()));
        }
        return f;
    }

    private static Gemma3nForward.Layer layer(Gemma3nForward f, CheckpointTensors stored, JsonNode config, int number, boolean sharesKeys) {
        String l = "model.layers." + number + ".";
        String type = GemmaParts.type(config, number);
        SelfAttention a = new SelfAttention();
        a.heads = config.get("num_attention_heads").asInt();
        a.keyHeads = config.get("num_key_value_heads").asInt();
        a.headSize = config.get("head_dim").asInt();
        a.ropeDimensions = a.headSize;
        a.ropeBase = config.get(type.equals("full_attention") ? "rope_theta" : "rope_local_base_freq").asDouble();
        a.window = type.equals("full_attention") ? 0 : config.get("sliding_window").asInt();
        a.query = stored.linear(l + "self_attn.q_proj");
        a.queryNorm = norm(stored, l + "self_attn.q_norm");
        a.output = stored.linear(l + "self_attn.o_proj");
        if (sharesKeys) {
            a.shared = GemmaParts.lastOfItsType(config, f.layers.stream().map(before -> before.attention).toList());
        } else {
            GemmaParts.own(a, stored.linear(l + "self_attn.k_proj"), norm(stored, l + "self_attn.k_norm"), stored.linear(l + "self_attn.v_proj"));
        }
        Gemma3nForward.Layer layer = new Gemma3nForward.Layer();
        layer.attention = GemmaParts.finished(a, f.epsilon);
        layer.attentionNorm = norm(stored, l + "input_layernorm");
        layer.afterAttention = norm(stored, l + "post_attention_layernorm");
        layer.feedForwardNorm = norm(stored, l + "pre_feedforward_layernorm");
        layer.dense = stored.gated(l + "mlp.");
        layer.sparsity = config.at("/activation_sparsity_pattern/" + number).asDouble() == 0.95 ? QUANTILE_95 : Double.NaN;
        layer.afterFeedForward = norm(stored, l + "post_feedforward_layernorm");
        layer.laurelLeft = stored.linear(l + "laurel.linear_left");
        layer.laurelRight = stored.linear(l + "laurel.linear_right");
        layer.laurelNorm = norm(stored, l + "laurel.post_laurel_norm");
        layer.routerNorm = norm(stored, l + "altup.router_norm");
        layer.router = stored.linear(l + "altup.modality_router");
        layer.predictions = stored.linear(l + "altup.prediction_coefs");
        layer.corrections = stored.linear(l + "altup.correction_coefs");
        layer.correctedScale = stored.vector(l + "altup.correct_output_scale");
        layer.inputGate = stored.linear(l + "per_layer_input_gate");
        layer.inputProjection = stored.linear(l + "per_layer_projection");
        layer.afterInput = norm(stored, l + "post_per_layer_input_norm");
        return layer;
    }
}
