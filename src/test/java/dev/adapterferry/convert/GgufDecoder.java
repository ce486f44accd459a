package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.TensorInfo;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Reads a GGUF file as llama.cpp's graphs do: which pairs turn together, which scale comes from where, which tensor stands
 * for what. Where the embedded llama.cpp knows an architecture, the tests hold this class to it; where it does not
 * yet (Qwen3 came a month later), this class stands in for it.
 */
final class GgufDecoder {
    /** Architectures whose graph turns neighbours (LLAMA_ROPE_TYPE_NORM); all others turn halves (NEOX). */
    private static final Set<String> NEIGHBOURS = Set.of("llama", "granite", "granitemoe", "smollm3", "arcee", "minicpm", "command-r", "internlm2", "glm4", "ernie4_5", "mistral3");

    /** Architectures whose graph takes the mean out as well; all others divide by the root mean square only. */
    private static final Set<String> LAYER_NORMS = Set.of("command-r", "phi2", "starcoder2", "stablelm", "nemotron");

    private final GgufFile file;
    private final GgufMetadata keys;
    private final String arch;
    private final Decoder decoder = new Decoder();

    private GgufDecoder(GgufFile file) {
        this.file = file;
        this.keys = file.metadata();
        this.arch = keys.findString("general.architecture").orElseThrow();
    }

    static Decoder of(GgufFile file) {
        return new GgufDecoder(file).read();
    }

    private Decoder read() {
        Decoder d = decoder;
        int width = (int) number("embedding_length", 0);
        d.heads = (int) number("attention.head_count", 0);
        d.keyHeads = (int) number("attention.head_count_kv", d.heads);
        d.headSize = (int) number("attention.key_length", width / d.heads);
        d.ropeDimensions = (int) number("rope.dimension_count", d.headSize);
        d.neighbours = NEIGHBOURS.contains(arch);
        d.attentionScale = number("attention.scale", 1 / Math.sqrt(d.headSize));
        d.attentionCap = number("attn_logit_softcapping", 0);
        d.outputCap = number("final_logit_softcapping", 0);
        d.layerNorm = LAYER_NORMS.contains(arch);
        d.epsilon = number(d.layerNorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon", 0);
        d.parallel = arch.equals("command-r") || arch.equals("phi2");
        d.activation = arch.startsWith("gemma") || arch.equals("phi2") || arch.equals("starcoder2") ? Activation.GELU_TANH
                : arch.equals("nemotron") || arch.equals("arcee") ? Activation.SQUARED_RELU : Activation.SILU;
        d.embeddingScale = arch.startsWith("gemma") ? Math.sqrt(width) : number("embedding_scale", 1);
        d.residualScale = number("residual_scale", 1);
        // Cohere multiplies by its scale, Granite and MiniCPM divide.
        d.outputScale = arch.equals("command-r") ? number("logit_scale", 1) : 1 / number("logit_scale", 1);
        d.ropeFactors = find("rope_freqs.weight").or(() -> find("rope_factors_short.weight")).map(this::vector).orElse(null);
        d.ropeMagnitude = number("rope.scaling.attn_factor", 1);
        d.embedding = matrix("token_embd.weight");
        d.outputNorm = norm("output_norm");
        d.output = find("output.weight").isPresent() ? linear("output") : new Linear(d.embedding, null);
        for (int i = 0; i < number("block_count", 0); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    private Layer layer(int number) {
        String l = "blk." + number + ".";
        Layer layer = new Layer();
        layer.ropeBase = number("rope.freq_base", 10000);
        switch (arch) {
            case "gemma2" -> layer.window = number % 2 == 0 ? (int) number("attention.sliding_window", 0) : 0;
            case "gemma3" -> {
                boolean local = number % 6 < 5;
                layer.window = local ? (int) number("attention.sliding_window", 0) : 0;
                layer.ropeBase = local ? 10000 : layer.ropeBase;
            }
            case "smollm3" -> layer.rotated = (number + 1) % 4 != 0;
            default -> { }
        }
        layer.attentionNorm = norm(l + "attn_norm");
        layer.queryNorm = norm(l + "attn_q_norm");
        layer.keyNorm = norm(l + "attn_k_norm");
        // Seed-OSS: the norm before the feed-forward goes by another name.
        layer.afterAttention = arch.equals("seed_oss") ? null : norm(l + "post_attention_norm");
        layer.feedForwardNorm = norm(l + (arch.equals("seed_oss") ? "post_attention_norm" : "ffn_norm"));
        layer.afterFeedForward = norm(l + "post_ffw_norm");
        int q = decoder.heads * decoder.headSize;
        int kv = decoder.keyHeads * decoder.headSize;
        if (find(l + "attn_qkv.weight").isPresent()) {
            double[][] fused = matrix(l + "attn_qkv.weight");
            layer.query = new Linear(Arrays.copyOfRange(fused, 0, q), null);
            layer.key = new Linear(Arrays.copyOfRange(fused, q, q + kv), null);
            layer.value = new Linear(Arrays.copyOfRange(fused, q + kv, q + 2 * kv), null);
        } else {
            layer.query = linear(l + "attn_q");
            layer.key = linear(l + "attn_k");
            layer.value = linear(l + "attn_v");
        }
        layer.output = linear(l + "attn_output");
        feedForward(layer, l);
        return layer;
    }

    private void feedForward(Layer layer, String l) {
        if (find(l + "ffn_gate_inp.weight").isPresent()) {
            List<FeedForward> experts = IntStream.range(0, (int) number("expert_count", 0)).mapToObj(e -> new FeedForward(expert(l + "ffn_gate_exps", e),
                    expert(l + "ffn_up_exps", e), expert(l + "ffn_down_exps", e))).toList();
            boolean shared = find(l + "ffn_gate_inp_shexp.weight").isPresent();
            layer.experts = new ExpertMixture(linear(l + "ffn_gate_inp"), experts, (int) number("expert_used_count", 0), !arch.equals("qwen2moe") && !arch.equals("olmoe"),
                    shared ? new FeedForward(linear(l + "ffn_gate_shexp"), linear(l + "ffn_up_shexp"), linear(l + "ffn_down_shexp")) : null,
                    shared ? new Linear(new double[][] {vector(find(l + "ffn_gate_inp_shexp.weight").orElseThrow())}, null) : null);
        } else if (find(l + "ffn_gate.weight").isPresent()) {
            layer.dense = new FeedForward(linear(l + "ffn_gate"), linear(l + "ffn_up"), linear(l + "ffn_down"));
        } else if (arch.equals("phi3") || arch.equals("glm4")) {
            double[][] fused = matrix(l + "ffn_up.weight");
            layer.dense = new FeedForward(new Linear(Arrays.copyOfRange(fused, 0, fused.length / 2), null),
                    new Linear(Arrays.copyOfRange(fused, fused.length / 2, fused.length), null), linear(l + "ffn_down"));
        } else {
            layer.dense = new FeedForward(null, linear(l + "ffn_up"), linear(l + "ffn_down"));
        }
    }

    private double number(String key, double otherwise) {
        return keys.find(arch + "." + key).map(v -> v.value() instanceof Number n ? n.doubleValue() : otherwise).orElse(otherwise);
    }

    private Optional<TensorInfo> find(String name) {
        return file.find(name);
    }

    private Linear linear(String name) {
        return new Linear(matrix(name + ".weight"), find(name + ".bias").map(this::vector).orElse(null));
    }

    private Linear expert(String name, int number) {
        double[][] all = matrix(name + ".weight");
        int rows = all.length / (int) number("expert_count", 1);
        return new Linear(Arrays.copyOfRange(all, number * rows, (number + 1) * rows), null);
    }

    private Norm norm(String name) {
        return find(name + ".weight").map(this::vector).map(w -> new Norm(w, find(name + ".bias").map(this::vector).orElse(null))).orElse(null);
    }

    private double[] vector(TensorInfo tensor) {
        float[] values = new float[Math.toIntExact(tensor.elements())];
        file.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        return IntStream.range(0, values.length).mapToDouble(i -> values[i]).toArray();
    }

    private double[][] matrix(String name) {
        TensorInfo tensor = find(name).orElseThrow(() -> new AssertionError("the file has no " + name));
        double[] all = vector(tensor);
        int length = Math.toIntExact(tensor.rowLength());
        return IntStream.range(0, all.length / length).mapToObj(r -> Arrays.copyOfRange(all, r * length, (r + 1) * length)).toArray(double[][]::new);
    }
}
