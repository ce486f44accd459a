package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/**
 * T5's forward pass in double arithmetic from a checkpoint, as transformers' {@code modeling_t5} and {@code modeling_umt5} define it: norms stand before
 * attention and feed-forward, scores are not divided, and each head adds to them what it has learned of the distance between two tokens, in bins that
 * grow with it. The decoder looks back at itself and then at what the encoder made of the text.
 */
final class T5Forward {
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final Map<String, Linear> linears = new HashMap<>();
    private final int heads;
    private final int headSize;

    private T5Forward(MemoryCheckpoint checkpoint) {
        stored = new CheckpointTensors(checkpoint);
        config = checkpoint.rawConfig();
        heads = config.get("num_heads").asInt();
        headSize = config.get("d_kv").asInt();
    }

    static T5Forward of(MemoryCheckpoint checkpoint) {
        return new T5Forward(checkpoint);
    }

    /** Whether a checkpoint is one of these. */
    static boolean knows(MemoryCheckpoint checkpoint) {
        return checkpoint.rawConfig().at("/architectures/0").asText().matches("U?M?T5.*");
    }

    /** What the encoder makes of a text: one vector per token. */
    double[][] states(int... text) {
        return stack("encoder", "num_layers", text, null);
    }

    /** Logits after each token of an answer to a text; the first is the one that the decoder begins with. */
    double[][] answer(int[] text, int... answer) {
        boolean own = stored.has("lm_head.weight");
        double scale = own ? 1 : 1 / Math.sqrt(config.get("d_model").asInt());
        double[][] head = own ? stored.matrix("lm_head") : embedding();
        double[][] states = stack("decoder", config.hasNonNull("num_decoder_layers") ? "num_decoder_layers" : "num_layers", answer, states(text));
        Linear output = new Linear(head, null);
        return each(states, row -> times(output, Arithmetic.scaled(row, scale)));
    }

    /** The text is read, and then answered with itself, behind the token that the decoder begins with. */
    double[][] logits(int... text) {
        int[] answer = new int[text.length];
        answer[0] = config.get("decoder_start_token_id").asInt();
        System.arraycopy(text, 0, answer, 1, text.length - 1);
        return answer(text, answer);
    }

    /** Read once, though every token is multiplied by it. */
    private Linear linear(String name) {
        return linears.computeIfAbsent(name, stored::linear);
    }

    private double[][] embedding() {
        return stored.matrix(Stream.of("shared", "encoder.embed_tokens", "decoder.embed_tokens").filter(name -> stored.has(name + ".weight")).findFirst().orElseThrow());
    }

    /** @param read what the encoder made, for the decoder; null for the encoder itself */
    private double[][] stack(String name, String count, int[] tokens, double[][] read) {
        double[][] embedding = embedding();
        double[][] x = new double[tokens.length][];
        for (int t = 0; t < tokens.length; t++) {
            x[t] = embedding[tokens[t]];
        }
        for (int i = 0; i < config.get(count).asInt(); i++) {
            String l = name + ".block." + i + ".layer.";
            String own = l + "0.SelfAttention.relative_attention_bias";
            double[][] biases = stored.matrix(stored.has(own + ".weight") ? own : name + ".block.0.layer.0.SelfAttention.relative_attention_bias");
            double[][] normed = normed(x, l + "0.layer_norm");
            x = sum(x, attention(l + "0.SelfAttention.", normed, normed, biases, read != null));
            if (read != null) {
                x = sum(x, attention(l + "1.EncDecAttention.", normed(x, l + "1.layer_norm"), read, null, false));
            }
            String last = l + (read == null ? "1." : "2.");
            x = sum(x, each(normed(x, last + "layer_norm"), row -> feedForward(last + "DenseReluDense.", row)));
        }
        return normed(x, name + ".final_layer_norm");
    }

    private double[][] normed(double[][] x, String name) {
        Norm norm = new Norm(stored.vector(name + ".weight"), null);
        return each(x, row -> Arithmetic.rms(row, norm, config.get("layer_norm_epsilon").asDouble()));
    }

    private static double[][] sum(double[][] a, double[][] b) {
        double[][] out = new double[a.length][];
        for (int t = 0; t < a.length; t++) {
            out[t] = plus(a[t], b[t], 1);
        }
        return out;
    }

    private double[] feedForward(String name, double[] x) {
        if (!stored.has(name + "wi_0.weight")) {
            double[] inner = times(linear(name + "wi"), x);
            for (int i = 0; i < inner.length; i++) {
                inner[i] = Math.max(0, inner[i]);
            }
            return times(linear(name + "wo"), inner);
        }
        double[] inner = times(linear(name + "wi_1"), x);
        double[] gate = times(linear(name + "wi_0"), x);
        for (int i = 0; i < inner.length; i++) {
            inner[i] *= Arithmetic.tableGelu(gate[i]);
        }
        return times(linear(name + "wo"), inner);
    }

    /** @param biases one number per bin and head, or null where distance does not count */
    private double[][] attention(String name, double[][] x, double[][] seen, double[][] biases, boolean back) {
        double[][] q = each(x, row -> times(linear(name + "q"), row));
        double[][] k = each(seen, row -> times(linear(name + "k"), row));
        double[][] v = each(seen, row -> times(linear(name + "v"), row));
        double[][] joined = new double[x.length][heads * headSize];
        for (int t = 0; t < x.length; t++) {
            int visible = back ? t + 1 : seen.length;
            for (int h = 0; h < heads; h++) {
                double[] shares = new double[visible];
                for (int s = 0; s < visible; s++) {
                    shares[s] = biases == null ? 0 : biases[bin(s - t, !back)][h];
                    for (int i = h * headSize; i < (h + 1) * headSize; i++) {
                        shares[s] += q[t][i] * k[s][i];
                    }
                }
                Arithmetic.softmax(shares);
                for (int s = 0; s < visible; s++) {
                    for (int i = h * headSize; i < (h + 1) * headSize; i++) {
                        joined[t][i] += shares[s] * v[s][i];
                    }
                }
            }
        }
        return each(joined, row -> times(linear(name + "o"), row));
    }

    /** The bin of a distance: half of them for one distance each, the others for longer and longer ranges, up to 128. */
    private int bin(int distance, boolean both) {
        int bins = config.get("relative_attention_num_buckets").asInt() / (both ? 2 : 1);
        int first = both && distance > 0 ? bins : 0;
        int far = both ? Math.abs(distance) : -Math.min(distance, 0);
        int exact = bins / 2;
        if (far < exact) {
            return first + far;
        }
        // In single precision, as transformers computes it: borders between bins lie on whole distances.
        float share = (float) Math.log((float) far / exact) / (float) Math.log(128.0 / exact);
        return first + Math.min(bins - 1, exact + (int) (share * (bins - exact)));
    }
}
