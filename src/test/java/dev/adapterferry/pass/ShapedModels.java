package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Models that have names, layers, heads and widths of real families, with two rows per matrix: all that the choice of
 * types looks at.
 *
 * @param metadata keys as llama.cpp demands them of the architecture
 * @param tensors  under GGUF names, F32
 */
record ShapedModels(GgufMetadata metadata, List<TensorInfo> tensors) {
    private static final Pattern LAYERED = Pattern.compile("(enc\\.|dec\\.)?blk\\.(\\d+)\\.(.*)");

    /** All of them by name. */
    static Map<String, ShapedModels> all() {
        Map<String, ShapedModels> models = new LinkedHashMap<>();
        models.put("llama-8b", new Shape("llama", 32, 32, 8).dense(512, 1536, true));
        models.put("llama-7b", new Shape("llama", 32, 32, 32).dense(512, 1536, true));
        models.put("llama-70b", new Shape("llama", 80, 64, 8).dense(256, 512, true));
        models.put("qwen2-1.5b", new Shape("qwen2", 28, 12, 2).dense(256, 512, false));
        models.put("qwen2-0.5b", new Shape("qwen2", 24, 14, 2).dense(896, 4864, false));
        models.put("qwen2-72b", new Shape("qwen2", 80, 64, 8).dense(256, 512, true));
        models.put("gemma3-1b", new Shape("gemma3", 26, 4, 1).dense(256, 512, false));
        models.put("demo-width", new Shape("qwen2", 2, 4, 2).dense(96, 256, false));
        models.put("no-block-fits", new Shape("qwen2", 4, 4, 2).dense(80, 256, false));
        models.put("mixtral-8x7b", new Shape("llama", 32, 32, 8).experts(256, 512, 8, false));
        models.put("qwen3moe-30b", new Shape("qwen3moe", 48, 32, 4).experts(256, 768, 128, false));
        models.put("deepseek2-lite", new Shape("deepseek2", 27, 16, 16).experts(256, 1408, 64, true));
        models.put("phi3-mini", new Shape("phi3", 32, 32, 32).fused(256, 512));
        models.put("falcon-7b", new Shape("falcon", 32, 71, 1).fused(256, 512));
        models.put("falcon-h1-1.5b", new Shape("falcon-h1", 24, 8, 2).hybrid(256, 512, "H".repeat(24)));
        models.put("nemotron-h-8b", new Shape("nemotron_h", 52, 32, 8).hybrid(256, 512, "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"));
        models.put("mamba-130m", new Shape("mamba", 24, 0, 0).hybrid(256, 0, "S".repeat(24)));
        models.put("flan-t5-base", new Shape("t5", 12, 12, 12).encoderDecoder(256, 512));
        models.put("t5-narrow", new Shape("t5", 2, 4, 4).encoderDecoder(96, 256));
        return models;
    }

    /** The types by tensor in a short, fixed spelling: what is of the base type and not a layer's vector is left out. */
    static String describe(Map<String, GgmlType> types, List<TensorInfo> tensors, GgmlType base) {
        Map<String, TreeSet<Integer>> parts = new TreeMap<>();
        for (TensorInfo tensor : tensors) {
            String name = tensor.name();
            GgmlType type = types.get(name);
            if (tensor.rank() == 1 || type == base) {
                continue;
            }
            Matcher layered = LAYERED.matcher(name);
            String part = layered.matches() ? Optional.ofNullable(layered.group(1)).orElse("") + layered.group(3) : name;
            parts.computeIfAbsent(part.replace(".weight", "") + " " + type, key -> new TreeSet<>()).add(layered.matches() ? Integer.parseInt(layered.group(2)) : -1);
        }
        List<String> text = new ArrayList<>();
        parts.forEach((part, layers) -> text.add(part + ranges(layers)));
        return String.join("; ", text);
    }

    private static String ranges(TreeSet<Integer> layers) {
        if (layers.contains(-1)) {
            return "";
        }
        StringBuilder text = new StringBuilder();
        for (int layer : layers) {
            if (!layers.contains(layer - 1) || layer == layers.first()) {
                int end = layer;
                while (layers.contains(end + 1)) {
                    end++;
                }
                text.append(text.isEmpty() ? " " : ",").append(end == layer ? Integer.toString(layer) : layer + "-" + end);
            }
        }
        return text.toString();
    }

    /** What a family's files say of it. */
    private record Shape(String architecture, int layers, int heads, int kvHeads) {
        ShapedModels dense(int width, int inner, boolean output) {
            List<TensorInfo> tensors = common(width, output);
            for (int layer = 0; layer < layers; layer++) {
                attention(tensors, layer, width);
                matrix(tensors, layer, "ffn_gate", width);
                matrix(tensors, layer, "ffn_up", width);
                matrix(tensors, layer, "ffn_down", inner);
            }
            return new ShapedModels(keys(width, inner), tensors);
        }

        ShapedModels fused(int width, int inner) {
            List<TensorInfo> tensors = common(width, true);
            for (int layer = 0; layer < layers; layer++) {
                vector(tensors, layer, "attn_norm", width);
                matrix(tensors, layer, "attn_qkv", width);
                matrix(tensors, layer, "attn_output", width);
                matrix(tensors, layer, "ffn_up", width);
                matrix(tensors, layer, "ffn_down", inner);
            }
            return new ShapedModels(keys(width, inner), tensors);
        }

        ShapedModels experts(int width, int inner, int experts, boolean latent) {
            List<TensorInfo> tensors = common(width, true);
            for (int layer = 0; layer < layers; layer++) {
                if (latent) {
                    vector(tensors, layer, "attn_norm", width);
                    matrix(tensors, layer, "attn_q", width);
                    matrix(tensors, layer, "attn_kv_a_mqa", width);
                    matrix(tensors, layer, "attn_kv_b", width);
                    matrix(tensors, layer, "attn_output", width);
                } else {
                    attention(tensors, layer, width);
                }
                if (latent && layer == 0) {
                    matrix(tensors, layer, "ffn_gate", width);
                    matrix(tensors, layer, "ffn_up", width);
                    matrix(tensors, layer, "ffn_down", inner);
                    continue;
                }
                matrix(tensors, layer, "ffn_gate_inp", width);
                stack(tensors, layer, "ffn_gate_exps", width);
                stack(tensors, layer, "ffn_up_exps", width);
                stack(tensors, layer, "ffn_down_exps", inner);
                if (latent) {
                    matrix(tensors, layer, "ffn_gate_shexp", width);
                    matrix(tensors, layer, "ffn_up_shexp", width);
                    matrix(tensors, layer, "ffn_down_shexp", inner);
                }
            }
            GgufMetadata keys = keys(width, inner).putUint32(architecture + ".expert_count", experts).putUint32(architecture + ".expert_used_count", 2);
            if (latent) {
                keys.putUint32(architecture + ".leading_dense_block_count", 1).putUint32(architecture + ".attention.kv_lora_rank", 64).putUint32(architecture + ".expert_feed_forward_length", inner)
                        .putUint32(architecture + ".expert_shared_count", 2).putFloat32(architecture + ".expert_weights_scale", 1).putFloat32(architecture + ".rope.scaling.yarn_log_multiplier", 0.1f);
            }
            return new ShapedModels(keys, tensors);
        }

        /** By letters: Mamba, Mamba 2, attention, a feed-forward without a gate, or attention and Mamba 2 beside each other and a gated feed-forward. */
        ShapedModels hybrid(int width, int inner, String kinds) {
            List<TensorInfo> tensors = common(width, true);
            for (int layer = 0; layer < layers; layer++) {
                char kind = kinds.charAt(layer);
                if (kind == '*' || kind == 'H') {
                    attention(tensors, layer, width);
                } else {
                    vector(tensors, layer, "attn_norm", width);
                }
                if (kind == 'M' || kind == 'H' || kind == 'S') {
                    states(tensors, layer, width, kind == 'S');
                }
                if (kind == '-' || kind == 'H') {
                    matrix(tensors, layer, "ffn_up", width);
                    matrix(tensors, layer, "ffn_down", inner);
                }
                if (kind == 'H') {
                    matrix(tensors, layer, "ffn_gate", width);
                }
            }
            String a = architecture + ".";
            GgufMetadata keys = keys(width, inner).putUint32(a + "ssm.conv_kernel", 4).putUint32(a + "ssm.inner_size", 2 * width).putUint32(a + "ssm.state_size", 16).putUint32(a + "ssm.time_step_rank", 8)
                    .putUint32(a + "ssm.group_count", 2);
            if (kinds.indexOf('*') >= 0) {
                keys.putInts(a + "attention.head_count_kv", kinds.chars().map(kind -> kind == '*' ? kvHeads : 0).toArray());
                keys.putInts(a + "feed_forward_length", kinds.chars().map(kind -> kind == '-' ? inner : 0).toArray());
            }
            return new ShapedModels(keys, tensors);
        }

        /** Mamba's time steps come from rows of 48, which are whole blocks of no type. */
        private static void states(List<TensorInfo> tensors, int layer, int width, boolean first) {
            String l = "blk." + layer + ".";
            matrix(tensors, layer, "ssm_in", width);
            matrix(tensors, layer, "ssm_conv1d", 4);
            tensors.add(new TensorInfo(l + "ssm_conv1d.bias", GgmlType.F32, List.of(2L)));
            tensors.add(new TensorInfo(l + "ssm_dt.bias", GgmlType.F32, List.of(8L)));
            tensors.add(new TensorInfo(l + "ssm_a", GgmlType.F32, first ? List.of(2L, 16L) : List.of(8L, 1L)));
            tensors.add(new TensorInfo(l + "ssm_d", GgmlType.F32, first ? List.of(2L) : List.of(8L, 1L)));
            if (first) {
                matrix(tensors, layer, "ssm_x", 2 * width);
                matrix(tensors, layer, "ssm_dt", 48);
            } else {
                matrix(tensors, layer, "ssm_norm", width);
            }
            matrix(tensors, layer, "ssm_out", 2 * width);
        }

        /** T5: two stacks, the decoder's layers with two kinds of attention. */
        ShapedModels encoderDecoder(int width, int inner) {
            List<TensorInfo> tensors = new ArrayList<>();
            tensors.add(new TensorInfo("token_embd.weight", GgmlType.F32, List.of(4L, (long) width)));
            tensors.add(new TensorInfo("output.weight", GgmlType.F32, List.of(4L, (long) width)));
            for (String stack : List.of("enc.", "dec.")) {
                tensors.add(new TensorInfo(stack + "output_norm.weight", GgmlType.F32, List.of((long) width)));
                for (int layer = 0; layer < layers; layer++) {
                    for (String attention : stack.equals("enc.") ? List.of("attn_") : List.of("attn_", "cross_attn_")) {
                        tensors.add(new TensorInfo(stack + "blk." + layer + "." + attention + "norm.weight", GgmlType.F32, List.of((long) width)));
                        for (String part : List.of("q", "k", "v", "o")) {
                            tensors.add(new TensorInfo(stack + "blk." + layer + "." + attention + part + ".weight", GgmlType.F32, List.of(2L, (long) width)));
                        }
                    }
                    for (String part : List.of("ffn_gate", "ffn_up", "ffn_down")) {
                        tensors.add(new TensorInfo(stack + "blk." + layer + "." + part + ".weight", GgmlType.F32, List.of(2L, (long) (part.equals("ffn_down") ? inner : width))));
                    }
                }
                tensors.add(new TensorInfo(stack + "blk.0.attn_rel_b.weight", GgmlType.F32, List.of(32L, (long) heads)));
            }
            return new ShapedModels(keys(width, inner).putUint32("t5.attention.relative_buckets_count", 32).putUint32("t5.decoder_block_count", layers), tensors);
        }

        private static List<TensorInfo> common(int width, boolean output) {
            List<TensorInfo> tensors = new ArrayList<>();
            tensors.add(new TensorInfo("token_embd.weight", GgmlType.F32, List.of(4L, (long) width)));
            tensors.add(new TensorInfo("output_norm.weight", GgmlType.F32, List.of((long) width)));
            if (output) {
                tensors.add(new TensorInfo("output.weight", GgmlType.F32, List.of(4L, (long) width)));
            }
            return tensors;
        }

        private static void attention(List<TensorInfo> tensors, int layer, int width) {
            vector(tensors, layer, "attn_norm", width);
            vector(tensors, layer, "ffn_norm", width);
            matrix(tensors, layer, "attn_q", width);
            matrix(tensors, layer, "attn_k", width);
            matrix(tensors, layer, "attn_v", width);
            matrix(tensors, layer, "attn_output", width);
        }

        private static void vector(List<TensorInfo> tensors, int layer, String name, int width) {
            tensors.add(new TensorInfo("blk." + layer + "." + name + ".weight", GgmlType.F32, List.of((long) width)));
        }

        private static void matrix(List<TensorInfo> tensors, int layer, String name, int width) {
            tensors.add(new TensorInfo("blk." + layer + "." + name + ".weight", GgmlType.F32, List.of(2L, (long) width)));
        }

        private static void stack(List<TensorInfo> tensors, int layer, String name, int width) {
            tensors.add(new TensorInfo("blk." + layer + "." + name + ".weight", GgmlType.F32, List.of(2L, 2L, (long) width)));
        }

        private GgufMetadata keys(int width, int inner) {
            String a = architecture + ".";
            return new GgufMetadata().putString("general.architecture", architecture).putUint32(a + "block_count", layers).putUint32(a + "context_length", 512)
                    .putUint32(a + "embedding_length", width).putUint32(a + "feed_forward_length", inner).putUint32(a + "attention.head_count", heads)
                    .putUint32(a + "attention.head_count_kv", kvHeads).putFloat32(a + "attention.layer_norm_rms_epsilon", 1e-6f).putFloat32(a + "attention.layer_norm_epsilon", 1e-6f)
                    .putUint32(a + "attention.sliding_window", 128).putUint32(a + "vocab_size", 4).putUint32("general.file_type", 0).putUint32("general.quantization_version", 2);
        }
    }
}
