package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.demo.PlainSafetensors.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Qwen2 in plain Java floats, one token at a time: the oracle for everything that merges, converts, quantizes or serves the
 * demo models. Root mean square norm, rotary positions (halves, as Hugging Face pairs them), grouped query attention with
 * biases, SwiGLU, tied embeddings. Source: the Qwen2 technical report (arXiv 2407.10671) and its Hugging Face model.
 */
final class PlainQwen2 {
    private final Map<String, Tensor> weights;
    private final int layers;
    private final int heads;
    private final int keyHeads;
    private final int headSize;
    private final double theta;
    private final float epsilon;
    private final Map<Integer, List<float[]>> keys = new HashMap<>();
    private final Map<Integer, List<float[]>> values = new HashMap<>();

    PlainQwen2(JsonNode config, Map<String, Tensor> weights) {
        this.weights = weights;
        this.layers = config.get("num_hidden_layers").asInt();
        this.heads = config.get("num_attention_heads").asInt();
        this.keyHeads = config.get("num_key_value_heads").asInt();
        this.headSize = config.get("hidden_size").asInt() / heads;
        this.theta = config.get("rope_theta").asDouble();
        this.epsilon = (float) config.get("rms_norm_eps").asDouble();
    }

    /** The base's weights with {@code alpha / r * B * A} added to each adapted one. */
    static Map<String, Tensor> merge(Map<String, Tensor> base, Map<String, Tensor> adapter, JsonNode adapterConfig) {
        float scale = (float) (adapterConfig.get("lora_alpha").asDouble() / adapterConfig.get("r").asDouble());
        Map<String, Tensor> merged = new TreeMap<>(base);
        adapter.forEach((name, a) -> {
            if (!name.endsWith(".lora_A.weight")) {
                return;
            }
            String module = name.substring("base_model.model.".length(), name.length() - ".lora_A.weight".length());
            Tensor b = adapter.get(name.replace("lora_A", "lora_B"));
            Tensor weight = base.get(module + ".weight");
            float[] sum = weight.values().clone();
            for (int row = 0; row < weight.rows(); row++) {
                for (int column = 0; column < weight.columns(); column++) {
                    float delta = 0;
                    for (int k = 0; k < a.rows(); k++) {
                        delta += b.values()[row * a.rows() + k] * a.values()[k * a.columns() + column];
                    }
                    sum[row * weight.columns() + column] += scale * delta;
                }
            }
            merged.put(module + ".weight", new Tensor(weight.shape(), sum));
        });
        return merged;
    }

    /** The likeliest tokens after a prompt, until one of the ends or the limit; the end is left out. */
    List<Integer> answer(long[] prompt, List<Integer> ends, int limit) {
        keys.clear();
        values.clear();
        float[] logits = null;
        for (long token : prompt) {
            logits = next((int) token);
        }
        List<Integer> answer = new ArrayList<>();
        while (answer.size() < limit) {
            int best = 0;
            for (int i = 1; i < logits.length; i++) {
                best = logits[i] > logits[best] ? i : best;
            }
            if (ends.contains(best)) {
                return answer;
            }
            answer.add(best);
            logits = next(best);
        }
        return answer;
    }

    /** Takes one more token and gives the logits of what may follow. */
    float[] next(int token) {
        Tensor embedding = weights.get("model.embed_tokens.weight");
        float[] x = new float[embedding.columns()];
        System.arraycopy(embedding.values(), token * x.length, x, 0, x.length);
        for (int layer = 0; layer < layers; layer++) {
            String name = "model.layers." + layer + ".";
            add(x, attention(layer, norm(x, name + "input_layernorm.weight")));
            float[] h = norm(x, name + "post_attention_layernorm.weight");
            float[] gate = linear(h, name + "mlp.gate_proj");
            float[] up = linear(h, name + "mlp.up_proj");
            for (int i = 0; i < gate.length; i++) {
                gate[i] = (float) (gate[i] / (1 + Math.exp(-gate[i]))) * up[i];
            }
            add(x, linear(gate, name + "mlp.down_proj"));
        }
        return product(norm(x, "model.norm.weight"), embedding);
    }

    private float[] attention(int layer, float[] h) {
        String name = "model.layers." + layer + ".self_attn.";
        List<float[]> pastKeys = keys.computeIfAbsent(layer, l -> new ArrayList<>());
        List<float[]> pastValues = values.computeIfAbsent(layer, l -> new ArrayList<>());
        int position = pastKeys.size();
        float[] q = rotate(linear(h, name + "q_proj"), heads, position);
        pastKeys.add(rotate(linear(h, name + "k_proj"), keyHeads, position));
        pastValues.add(linear(h, name + "v_proj"));
        float[] out = new float[heads * headSize];
        for (int head = 0; head < heads; head++) {
            int keyStart = head / (heads / keyHeads) * headSize;
            double[] scores = new double[position + 1];
            double max = Double.NEGATIVE_INFINITY;
            for (int t = 0; t <= position; t++) {
                for (int i = 0; i < headSize; i++) {
                    scores[t] += q[head * headSize + i] * pastKeys.get(t)[keyStart + i];
                }
                scores[t] /= Math.sqrt(headSize);
                max = Math.max(max, scores[t]);
            }
            double sum = 0;
            for (int t = 0; t <= position; t++) {
                scores[t] = Math.exp(scores[t] - max);
                sum += scores[t];
            }
            for (int t = 0; t <= position; t++) {
                for (int i = 0; i < headSize; i++) {
                    out[head * headSize + i] += (float) (scores[t] / sum) * pastValues.get(t)[keyStart + i];
                }
            }
        }
        return linear(out, name + "o_proj");
    }

    private float[] rotate(float[] x, int headCount, int position) {
        float[] out = new float[x.length];
        int half = headSize / 2;
        for (int head = 0; head < headCount; head++) {
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(theta, -2.0 * i / headSize);
                float cos = (float) Math.cos(angle);
                float sin = (float) Math.sin(angle);
                float first = x[head * headSize + i];
                float second = x[head * headSize + half + i];
                out[head * headSize + i] = first * cos - second * sin;
                out[head * headSize + half + i] = second * cos + first * sin;
            }
        }
        return out;
    }

    private float[] norm(float[] x, String name) {
        float sum = 0;
        for (float value : x) {
            sum += value * value;
        }
        float factor = (float) (1 / Math.sqrt(sum / x.length + epsilon));
        float[] weight = weights.get(name).values();
        float[] out = new float[x.length];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i] * factor * weight[i];
        }
        return out;
    }

    private float[] linear(float[] x, String module) {
        float[] out = product(x, weights.get(module + ".weight"));
        Tensor bias = weights.get(module + ".bias");
        if (bias != null) {
            add(out, bias.values());
        }
        return out;
    }

    private static float[] product(float[] x, Tensor weight) {
        float[] out = new float[weight.rows()];
        float[] w = weight.values();
        for (int row = 0; row < out.length; row++) {
            int start = row * x.length;
            float s0 = 0;
            float s1 = 0;
            float s2 = 0;
            float s3 = 0;
            for (int i = 0; i < x.length; i += 4) {
                s0 += w[start + i] * x[i];
                s1 += w[start + i + 1] * x[i + 1];
                s2 += w[start + i + 2] * x[i + 2];
                s3 += w[start + i + 3] * x[i + 3];
            }
            out[row] = s0 + s1 + (s2 + s3);
        }
        return out;
    }

    private static void add(float[] x, float[] more) {
        for (int i = 0; i < x.length; i++) {
            x[i] += more[i];
        }
    }
}
