package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.softmax;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * DeepSeek's attention as transformers computes it ({@code DeepseekV3Attention}): the latent vector is unfolded into a key and a value for
 * each head, the turned part of the key is the same for all. Rows that turn are taken apart into even and odd ones, and halves turn.
 */
final class LatentAttention implements Decoder.Mixer {
    /** The class's own epsilon; the two inner norms do not take the configuration's. */
    private static final double EPSILON = 1e-6;

    private final CheckpointTensors stored;
    private final Decoder d;
    private final String a;
    private final int nope;
    private final int rope;
    private final int valueSize;
    private final int rank;
    private final double scaling;
    private final double theta;
    private final double beta;
    private final int original;
    /** Halves turn together as they are stored; DeepSeek stores neighbours. */
    boolean halves;
    /** Says which tokens are looked at, or null for all. */
    LightningIndexer indexer;
    /** The indexer is this layer's own. */
    boolean indexed;
    /** False where positions do not count. */
    boolean rotated = true;

    LatentAttention(CheckpointTensors stored, JsonNode config, Decoder d, String a) {
        this.stored = stored;
        this.d = d;
        this.a = a;
        this.nope = config.get("qk_nope_head_dim").asInt();
        this.rope = config.get("qk_rope_head_dim").asInt();
        this.valueSize = config.get("v_head_dim").asInt();
        this.rank = config.get("kv_lora_rank").asInt();
        JsonNode yarn = config.path(config.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
        this.theta = yarn.path("rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
        this.beta = yarn.path("llama_4_scaling_beta").asDouble(0);
        this.original = yarn.path("original_max_position_embeddings").asInt(1);
        double all = yarn.path("mscale_all_dim").asDouble(0);
        double mscale = all == 0 ? 1 : 0.1 * all * Math.log(yarn.get("factor").asDouble()) + 1;
        this.scaling = Math.pow(nope + rope, -0.5) * mscale * mscale;
    }

    @Override
    public double[][] of(double[][] x) {
        int n = x.length;
        boolean[][] chosen = indexer == null ? null : indexed ? indexer.choose(x, each(x, this::latentQuery)) : indexer.chosen();
        double[][][] q = new double[n][d.heads][];
        double[][][] k = new double[n][d.heads][];
        double[][][] v = new double[n][d.heads][];
        for (int t = 0; t < n; t++) {
            double[] queries = stored.has(a + "q_proj.weight") ? times(stored.linear(a + "q_proj"), x[t])
                    : times(stored.linear(a + "q_b_proj"), latentQuery(x[t]));
            double[] compressed = times(stored.linear(a + "kv_a_proj_with_mqa"), x[t]);
            double[] shared = embedded(Arrays.copyOfRange(compressed, rank, rank + rope), t);
            double[] unfolded = times(stored.linear(a + "kv_b_proj"), rms(Arrays.copyOf(compressed, rank), norm("kv_a_layernorm"), EPSILON));
            for (int h = 0; h < d.heads; h++) {
                double[] query = Arrays.copyOfRange(queries, h * (nope + rope), (h + 1) * (nope + rope));
                q[t][h] = joined(Arrays.copyOf(query, nope), embedded(Arrays.copyOfRange(query, nope, nope + rope), t));
                double[] keyValue = Arrays.copyOfRange(unfolded, h * (nope + valueSize), (h + 1) * (nope + valueSize));
                k[t][h] = joined(Arrays.copyOf(keyValue, nope), shared);
                v[t][h] = Arrays.copyOfRange(keyValue, nope, nope + valueSize);
            }
        }
        double[][] out = new double[n][];
        for (int t = 0; t < n; t++) {
            double[] attended = new double[d.heads * valueSize];
            for (int h = 0; h < d.heads; h++) {
                double[] shares = new double[t + 1];
                for (int s = 0; s <= t; s++) {
                    for (int i = 0; i < nope + rope; i++) {
                        shares[s] += q[t][h][i] * k[s][h][i];
                    }
                    // Mistral 4: get_llama_4_attn_scale of the query's position.
                    shares[s] = chosen != null && !chosen[t][s] ? Double.NEGATIVE_INFINITY : shares[s] * scaling * (1 + beta * Math.log(1 + t / original));
                }
                softmax(shares);
                for (int s = 0; s <= t; s++) {
                    for (int i = 0; i < valueSize; i++) {
                        attended[h * valueSize + i] += shares[s] * v[s][h][i];
                    }
                }
            }
            out[t] = times(stored.linear(a + "o_proj"), attended);
        }
        return out;
    }

    private double[] latentQuery(double[] x) {
        return rms(times(stored.linear(a + "q_a_proj"), x), norm("q_a_layernorm"), EPSILON);
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(a + name + ".weight"), null);
    }

    private double[] embedded(double[] x, int position) {
        return embedded(x, position, halves);
    }

    /** {@code apply_rotary_pos_emb_interleave}, or {@code apply_rotary_pos_emb} of halves as they are stored. */
    double[] embedded(double[] x, int position, boolean halves) {
        if (!rotated) {
            return x;
        }
        int half = rope / 2;
        double[] apart = new double[rope];
        for (int i = 0; i < rope; i++) {
            apart[halves ? i : i % 2 * half + i / 2] = x[i];
        }
        double[] out = new double[rope];
        for (int i = 0; i < half; i++) {
            double angle = position / (Math.pow(theta, 2.0 * i / rope) * (d.ropeFactors == null ? 1 : d.ropeFactors[i]));
            out[i] = d.ropeMagnitude * (apart[i] * Math.cos(angle) - apart[half + i] * Math.sin(angle));
            out[half + i] = d.ropeMagnitude * (apart[half + i] * Math.cos(angle) + apart[i] * Math.sin(angle));
        }
        return out;
    }

    private static double[] joined(double[] a, double[] b) {
        double[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}
