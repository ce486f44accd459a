package dev.adapterferry.convert;

import static dev.adapterferry.convert.GemmaParts.norm;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.gguf.GgufFile;
import java.util.Arrays;

/** Gemma 3n from a GGUF file as llama.cpp's graph reads it, and from a checkpoint as transformers' {@code Gemma3nTextModel} reads it. */
final class Gemma3nReaders {
    /** What torch computes in f32 as the quantile of the normal distribution at 0.95 (1.6448536 in exact arithmetic). */
    private static final double QUANTILE_95 = 1.6448533535003662;

    private Gemma3nReaders() { }

    /** {@code src/models/gemma3n.cpp} and the numbers in {@code llama-hparams.h} that no key changes. */
    static Gemma3nForward of(GgufFile gguf) {
        int streams = 4;
        int perLayerSize = 256;
        int layersWithKeys = 20;
        int sparseLayers = 10;
        GgufTensors file = new GgufTensors(gguf);
        Gemma3nForward f = new Gemma3nForward();
        f.sampleDeviation = true;
        f.epsilon = file.number("attention.layer_norm_rms_epsilon", 0);
        f.embedding = file.matrix("token_embd.weight");
        f.outputNorm = file.norm("output_norm");
        f.outputCap = file.number("final_logit_softcapping", 0);
        f.perLayer = GemmaParts.perLayer(file, perLayerSize, f.epsilon);
        int width = f.embedding[0].length;
        double[][] unfold = file.matrix("altup_proj.weight");
        double[][] fold = file.matrix("altup_unembd_proj.weight");
        for (int s = 0; s < streams - 1; s++) {
            f.unfold.add(new Linear(Arrays.copyOfRange(unfold, s * width, (s + 1) * width), null));
            f.fold.add(new Linear(Arrays.copyOfRange(fold, s * width, (s + 1) * width), null));
        }
        for (int i = 0; i < file.number("block_count", 0); i++) {
            String l = "blk." + i + ".";
            Gemma3nForward.Layer layer = new Gemma3nForward.Layer();
            // Every fifth layer sees everything, whatever the list of flags says.
            boolean sliding = i % 5 < 4;
            SelfAttention a = new SelfAttention();
            a.heads = (int) file.number("attention.head_count", 0);
            a.keyHeads = (int) file.number("attention.head_count_kv", i, 0);
            a.headSize = (int) file.number("attention.key_length", 0);
            a.ropeDimensions = (int) file.number("rope.dimension_count", a.headSize);
            a.ropeBase = sliding ? file.number("rope.freq_base_swa", 10000) : file.number("rope.freq_base", 10000);
            a.window = sliding ? (int) file.number("attention.sliding_window", 0) : 0;
            a.query = file.linear(l + "attn_q");
            a.queryNorm = file.norm(l + "attn_q_norm");
            a.output = file.linear(l + "attn_output");
            if (i < layersWithKeys) {
                GemmaParts.own(a, file.linear(l + "attn_k"), file.norm(l + "attn_k_norm"), file.linear(l + "attn_v"));
            } else {
                a.shared = f.layers.get(layersWithKeys - (sliding ? 2 : 1)).attention;
            }
            layer.attention = GemmaParts.finished(a, f.epsilon);
            layer.attentionNorm = file.norm(l + "attn_norm");
            layer.afterAttention = file.norm(l + "post_attention_norm");
            layer.feedForwardNorm = file.norm(l + "ffn_norm");
            layer.dense = file.gated(l, "");
            layer.sparsity = i < sparseLayers ? QUANTILE_95 : Double.NaN;
            layer.afterFeedForward = file.norm(l + "post_ffw_norm");
            layer.laurelLeft = file.linear(l + "laurel_l");
            layer.laurelRight = file.linear(l + "laurel_r");
            layer.laurelNorm = file.norm(l + "laurel_post_norm");
            layer.routerNorm = file.norm(l + "altup_router_norm");
            layer.router = file.linear(l + "altup_router");
            layer.predictions = file.linear(l + "altup_predict_coef");
            layer.corrections = file.linear(l + "altup_correct_coef");
            layer.correctedScale = file.vector(file.find(l + "altup_correct_scale.weight").orElseThrow());
            layer.inputGate = file.linear(l + "inp_gate");
            layer.inputProjection = file.linear(l + "proj");
            layer.afterInput = file.norm(l + "post_norm");
            f.layers.add(layer);
        }
        return f;
    }

    /** {@code modeling_gemma3n.py}. */
    static Gemma3nForward of(MemoryCheckpoint checkpoint) {
        CheckpointTensors stored = new CheckpointTensors(checkpoint);
        JsonNode config = checkpoint.rawConfig();
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
