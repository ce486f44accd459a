package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Gating;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.gguf.GgufFile;
import java.util.Arrays;
import java.util.Set;

/**
 * Reads a GGUF file as llama.cpp's graphs do: which pairs turn together, which scale comes from where, which tensor stands
 * for what. Where the embedded llama.cpp knows an architecture, the tests hold this class to it; where it does not
 * yet (Qwen3 came a month later), this class stands in for it.
 */
final class GgufDecoder {
    /** Architectures whose graph turns neighbours (LLAMA_ROPE_TYPE_NORM); all others turn halves (NEOX). */
    private static final Set<String> NEIGHBOURS = Set.of("llama", "granite", "granitemoe", "smollm3", "arcee", "minicpm", "command-r", "internlm2", "glm4", "ernie4_5",
            "ernie4_5-moe", "mistral3", "llama4");
    /** Architectures that normalise before the feed-forward with what others call the norm after attention. */
    private static final Set<String> NORM_BETWEEN = Set.of("seed_oss", "gpt-oss", "glm4moe", "qwen3next", "qwen35", "qwen35moe");

    /** Architectures whose graph takes the mean out as well; all others divide by the root mean square only. */
    private static final Set<String> LAYER_NORMS = Set.of("command-r", "phi2", "starcoder2", "stablelm", "nemotron");

    private final GgufTensors file;
    private final String arch;
    private final Decoder decoder = new Decoder();

    private GgufDecoder(GgufFile file) {
        this.file = new GgufTensors(file);
        this.arch = this.file.arch();
    }

    static Decoder of(GgufFile file) {
        return new GgufDecoder(file).read();
    }

    private Decoder read() {
        Decoder d = decoder;
        int width = (int) file.number("embedding_length", 0);
        d.heads = (int) file.number("attention.head_count", 0);
        d.keyHeads = (int) file.number("attention.head_count_kv", d.heads);
        d.headSize = (int) file.number("attention.key_length", width / d.heads);
        d.ropeDimensions = (int) file.number("rope.dimension_count", d.headSize);
        d.neighbours = NEIGHBOURS.contains(arch);
        d.attentionScale = file.number("attention.scale", 1 / Math.sqrt(d.headSize));
        d.attentionCap = file.number("attn_logit_softcapping", 0);
        d.outputCap = file.number("final_logit_softcapping", 0);
        d.layerNorm = LAYER_NORMS.contains(arch);
        d.epsilon = file.number(d.layerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 0);
        d.parallel = arch.equals("command-r") || arch.equals("phi2");
        d.activation = arch.startsWith("gemma") || arch.equals("phi2") || arch.equals("starcoder2") ? Activation.GELU_TANH
                : arch.equals("nemotron") || arch.equals("arcee") ? Activation.SQUARED_RELU : Activation.SILU;
        d.embeddingScale = arch.startsWith("gemma") ? Math.sqrt(width) : file.number("embedding_scale", 1);
        d.residualScale = file.number("residual_scale", 1);
        // Cohere multiplies by its scale, Granite and MiniCPM divide.
        d.outputScale = arch.equals("command-r") ? file.number("logit_scale", 1) : 1 / file.number("logit_scale", 1);
        d.normedAfterTurning = arch.equals("hunyuan-dense") || arch.equals("llama4");
        double step = file.number("rope.scaling.original_context_length", 0);
        double temperature = file.number("attention.temperature_scale", 0);
        d.temperature = temperature == 0 ? null : position -> Math.log(Math.floor(position / step) + 1) * temperature + 1;
        GgufRope.read(file, d);
        d.embedding = file.matrix("token_embd.weight");
        // LFM2 gives its last norm the name of the embedding's.
        d.outputNorm = file.norm(arch.startsWith("lfm2") ? "token_embd_norm" : "output_norm");
        d.output = file.find("output.weight").isPresent() ? file.linear("output") : new Linear(d.embedding, null);
        for (int i = 0; i < file.number("block_count", 0) - file.number("nextn_predict_layers", 0); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    private Layer layer(int number) {
        String l = "blk." + number + ".";
        Layer layer = new Layer();
        layer.ropeBase = file.number("rope.freq_base", 10000);
        switch (arch) {
            case "gemma2" -> layer.window = number % 2 == 0 ? (int) file.number("attention.sliding_window", 0) : 0;
            case "gemma3" -> {
                boolean local = number % 6 < 5;
                layer.window = local ? (int) file.number("attention.sliding_window", 0) : 0;
                layer.ropeBase = local ? 10000 : layer.ropeBase;
            }
            case "llama4" -> layer.rotated = (number + 1) % 4 != 0;
            case "smollm3" -> layer.rotated = (number + 1) % 4 != 0;
            case "exaone4" -> {
                // The graph knows the model with windows, and which layers have none, by the number of layers.
                boolean windows = file.number("block_count", 0) == 64;
                boolean local = number % 4 < 3;
                layer.window = windows && local ? (int) file.number("attention.sliding_window", 4096) : 0;
                layer.rotated = local || !windows;
            }
            case "gpt-oss" -> {
                layer.window = number % 2 == 0 ? (int) file.number("attention.sliding_window", 0) : 0;
                layer.sinks = file.vector(file.find(l + "attn_sinks.weight").orElseThrow());
                layer.gating = GgufDecoder::clampedSwiglu;
            }
            case "apertus" -> layer.gating = xielu(number);
            default -> { }
        }
        layer.attentionNorm = file.norm(l + "attn_norm");
        layer.queryNorm = file.norm(l + "attn_q_norm");
        layer.keyNorm = file.norm(l + "attn_k_norm");
        if (arch.equals("llama4") && layer.rotated && file.number("expert_count", 0) != 128) {
            // Norms without weights, of the turned rows.
            layer.queryNorm = new Norm(null, null);
            layer.keyNorm = new Norm(null, null);
        }
        layer.afterAttention = NORM_BETWEEN.contains(arch) ? null : file.norm(l + "post_attention_norm");
        layer.feedForwardNorm = file.norm(l + (NORM_BETWEEN.contains(arch) ? "post_attention_norm" : "ffn_norm"));
        layer.afterFeedForward = file.norm(l + "post_ffw_norm");
        feedForward(layer, l);
        if (arch.startsWith("lfm2") && file.number("attention.head_count_kv", number, 0) == 0) {
            layer.mixer = new ShortConvolution(file.linear(l + "shortconv.in_proj"), file.matrix(l + "shortconv.conv.weight"), file.linear(l + "shortconv.out_proj"));
            return layer;
        }
        layer.mixer = GgufMixers.of(file, decoder, layer, number);
        if (layer.mixer != null) {
            return layer;
        }
        if (file.has(l + "attn_qkv.weight")) {
            FusedRows.split(file.linear(l + "attn_qkv"), 1, decoder, layer);
        } else {
            layer.query = file.linear(l + "attn_q");
            layer.key = file.linear(l + "attn_k");
            layer.value = file.linear(l + "attn_v");
        }
        layer.output = file.linear(l + "attn_output");
        return layer;
    }

    private void feedForward(Layer layer, String l) {
        if (file.find(l + "ffn_gate_inp.weight").isPresent()) {
            layer.experts = GgufExperts.read(file, l);
        } else if (file.find(l + "ffn_gate.weight").isPresent()) {
            layer.dense = file.gated(l, "");
        } else if (arch.equals("phi3") || arch.equals("glm4")) {
            double[][] fused = file.matrix(l + "ffn_up.weight");
            layer.dense = new FeedForward(new Linear(Arrays.copyOfRange(fused, 0, fused.length / 2), null),
                    new Linear(Arrays.copyOfRange(fused, fused.length / 2, fused.length), null), file.linear(l + "ffn_down"));
        } else {
            layer.dense = new FeedForward(null, file.linear(l + "ffn_up"), file.linear(l + "ffn_down"));
        }
    }

    /** ggml_swiglu_oai with the graph's alpha and limit. */
    private static double clampedSwiglu(double gate, double up) {
        double x = Math.min(gate, 7);
        return x / (1 + Math.exp(-1.702 * x)) * (Math.clamp(up, -7, 7) + 1);
    }

    /** ggml_xielu, which takes the parameters as the checkpoint stores them. */
    private Gating xielu(int layer) {
        double beta = file.numbers("xielu.beta").get(layer);
        double positive = Math.log1p(Math.exp(file.numbers("xielu.alpha_p").get(layer)));
        double negative = beta + Math.log1p(Math.exp(file.numbers("xielu.alpha_n").get(layer)));
        double eps = file.numbers("xielu.eps").get(layer);
        return (x, one) -> x > 0 ? positive * x * x + beta * x : (Math.expm1(Math.min(x, eps)) - x) * negative + beta * x;
    }
}
