package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.rms;
import static dev.adapterferry.convert.Arithmetic.softmax;
import static dev.adapterferry.convert.Arithmetic.times;

import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;

/**
 * DeepSeek's attention as llama.cpp computes it ({@code deepseek2.cpp}): {@code attn_k_b} is multiplied into the queries, so that all heads
 * look at one key, the latent vector and the turned part; {@code attn_v_b} makes each head's values of what it found.
 */
final class GgufLatentAttention implements Decoder.Mixer {
    private final Decoder d;
    private final Linear query;
    private final Norm queryNorm;
    private final Linear querySecond;
    private final Linear latent;
    private final Norm latentNorm;
    /** Row {@code head * rank + r}. */
    private final double[][] keys;
    /** Row {@code head * size + i}. */
    private final double[][] values;
    private final Linear output;
    private final int rank;
    private final int turned;
    private final int plain;
    private final int valueSize;
    private final double scale;
    private final double base;
    private final double temperature;
    private final double step;

    GgufLatentAttention(GgufTensors file, Decoder d, String l) {
        this.d = d;
        boolean lite = file.has(l + "attn_q.weight");
        query = file.linear(l + (lite ? "attn_q" : "attn_q_a"));
        queryNorm = lite ? null : file.norm(l + "attn_q_a_norm");
        querySecond = lite ? null : file.linear(l + "attn_q_b");
        latent = file.linear(l + "attn_kv_a_mqa");
        latentNorm = file.norm(l + "attn_kv_a_norm");
        keys = file.matrix(l + "attn_k_b.weight");
        values = file.matrix(l + "attn_v_b.weight");
        output = file.linear(l + "attn_output");
        rank = (int) file.number("attention.kv_lora_rank", 0);
        turned = (int) file.number("rope.dimension_count", 0);
        plain = (int) file.number("attention.key_length_mla", 0) - turned;
        valueSize = (int) file.number("attention.value_length_mla", 0);
        base = file.number("rope.freq_base", 10000);
        temperature = file.number("attention.temperature_scale", 0);
        step = file.number("attention.temperature_length", 1);
        // The loader takes the 0.1 out again that the converter has put in.
        double multiplier = file.number("rope.scaling.yarn_log_multiplier", 0) / 0.1;
        double magnitude = 1 + 0.1 * multiplier * Math.log(file.number("rope.scaling.factor", 1));
        scale = magnitude * magnitude / Math.sqrt(plain + turned);
    }

    @Override
    public double[][] of(double[][] x) {
        double[][] memory = new double[x.length][];
        double[][] out = new double[x.length][];
        for (int t = 0; t < x.length; t++) {
            double[] both = times(latent, x[t]);
            double[] one = Arrays.copyOf(rms(Arrays.copyOf(both, rank), latentNorm, d.epsilon), rank + turned);
            System.arraycopy(turn(Arrays.copyOfRange(both, rank, rank + turned), t), 0, one, rank, turned);
            memory[t] = one;
            double[] q = times(query, x[t]);
            q = querySecond == null ? q : times(querySecond, rms(q, queryNorm, d.epsilon));
            double[] joined = new double[d.heads * valueSize];
            for (int h = 0; h < d.heads; h++) {
                head(q, h, t, memory, joined);
            }
            out[t] = times(output, joined);
        }
        return out;
    }

    private void head(double[] q, int h, int t, double[][] memory, double[] joined) {
        int from = h * (plain + turned);
        double[] absorbed = new double[rank + turned];
        for (int r = 0; r < rank; r++) {
            for (int i = 0; i < plain; i++) {
                absorbed[r] += keys[h * rank + r][i] * q[from + i];
            }
        }
        System.arraycopy(turn(Arrays.copyOfRange(q, from + plain, from + plain + turned), t), 0, absorbed, rank, turned);
        double[] shares = new double[t + 1];
        for (int s = 0; s <= t; s++) {
            for (int i = 0; i < absorbed.length; i++) {
                shares[s] += scale * temperature(t) * absorbed[i] * memory[s][i];
            }
        }
        softmax(shares);
        double[] found = new double[rank];
        for (int s = 0; s <= t; s++) {
            for (int r = 0; r < rank; r++) {
                found[r] += shares[s] * memory[s][r];
            }
        }
        for (int i = 0; i < valueSize; i++) {
            for (int r = 0; r < rank; r++) {
                joined[h * valueSize + i] += values[h * valueSize + i][r] * found[r];
            }
        }
    }

    /** build_inp_attn_scale, without an offset. */
    private double temperature(int position) {
        return Math.log(Math.floor(position / step) + 1) * temperature + 1;
    }

    /** Neighbours turn together (LLAMA_ROPE_TYPE_NORM); the magnitude that YaRN adds is taken out by the graph. */
    private double[] turn(double[] x, int position) {
        double[] out = x.clone();
        for (int i = 0; i < turned; i += 2) {
            double angle = position * Math.pow(base, -(double) i / turned) / (d.ropeFactors == null ? 1 : d.ropeFactors[i / 2]);
            out[i] = x[i] * Math.cos(angle) - x[i + 1] * Math.sin(angle);
            out[i + 1] = x[i] * Math.sin(angle) + x[i + 1] * Math.cos(angle);
        }
        return out;
    }
}
