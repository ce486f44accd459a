package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/** Reads 1bitLLM's BitNet as its model class does ({@code modeling_bitnet.py}, {@code utils_quant.py}): Llama with norms before the last matrices, and {@code BitLinear} for all matrices of the layers. */
final class BitNetCheckpoint {
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final boolean rounded;

    private BitNetCheckpoint(MemoryCheckpoint checkpoint, boolean rounded) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.rounded = rounded;
    }

    /** @param rounded activations to 8 bits too, as the definition does and llama.cpp does not */
    static Decoder of(MemoryCheckpoint checkpoint, boolean rounded) {
        return new BitNetCheckpoint(checkpoint, rounded).read();
    }

    private Decoder read() {
        Decoder d = new Decoder();
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.get("num_key_value_heads").asInt();
        d.headSize = TinyModels.WIDTH / d.heads;
        d.ropeDimensions = d.headSize;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.embedding = stored.matrix("model.embed_tokens");
        d.outputNorm = norm("model.norm");
        d.output = new Linear(d.embedding, null);
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(layer(d, "model.layers." + i + "."));
        }
        return d;
    }

    private Layer layer(Decoder d, String l) {
        Layer layer = new Layer();
        layer.ropeBase = config.get("rope_theta").asDouble();
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        String a = l + "self_attn.";
        layer.query = three(a + "q_proj");
        layer.key = three(a + "k_proj");
        layer.value = three(a + "v_proj");
        layer.output = new Linear(unit(TinyModels.WIDTH), null);
        SelfAttention attention = d.attention(layer);
        Linear last = three(a + "o_proj");
        Norm inner = norm(a + "inner_attn_ln");
        layer.mixer = x -> each(attention.of(each(x, this::input)), row -> times(last, input(rms(row, inner, d.epsilon))));
        Linear gate = three(l + "mlp.gate_proj");
        Linear up = three(l + "mlp.up_proj");
        Linear down = three(l + "mlp.down_proj");
        Norm before = norm(l + "mlp.ffn_layernorm");
        UnaryOperator<double[]> gated = row -> {
            double[] g = times(gate, row);
            double[] u = times(up, row);
            return times(down, input(rms(Arithmetic.product(Arrays.stream(g).map(x -> silu(x)).toArray(), u), before, d.epsilon)));
        };
        layer.neighbourly = x -> each(each(x, this::input), gated);
        return layer;
    }

    /** {@code weight_quant}: divided by the mean magnitude, rounded, cut off at one, and multiplied again. */
    private Linear three(String name) {
        double[][] matrix = stored.matrix(name);
        double mean = Arrays.stream(matrix).flatMapToDouble(Arrays::stream).map(Math::abs).average().orElseThrow();
        return new Linear(each(matrix, row -> Arrays.stream(row).map(w -> Math.clamp(Math.rint(w / mean), -1.0, 1.0) * mean).toArray()), null);
    }

    /** {@code activation_quant}: 127 steps up to the largest magnitude of the token. */
    private double[] input(double[] x) {
        double scale = 127 / Math.max(1e-5, Arrays.stream(x).map(Math::abs).max().orElseThrow());
        return rounded ? Arrays.stream(x).map(v -> Math.clamp(Math.rint(v * scale), -128.0, 127.0) / scale).toArray() : x;
    }

    private static double[][] unit(int size) {
        double[][] matrix = new double[size][size];
        for (int i = 0; i < size; i++) {
            matrix[i][i] = 1;
        }
        return matrix;
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
