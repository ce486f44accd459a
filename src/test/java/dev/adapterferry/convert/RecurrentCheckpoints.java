package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.Rwkv7Mixer.FirstValues;
import dev.adapterferry.convert.Rwkv7Mixer.LowRank;
import java.util.List;
import java.util.Set;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.Stream;

/** Reads the checkpoints of {@link RecurrentTinyModels} as the model classes do that their authors published. */
final class RecurrentCheckpoints {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("RWKV7ForCausalLM", "Rwkv7ForCausalLM", "Rwkv6ForCausalLM", "RWKV6Qwen2ForCausalLM", "RwkvHybridForCausalLM");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final Decoder d = new Decoder();
    private final FirstValues first = new FirstValues();

    private RecurrentCheckpoints(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new RecurrentCheckpoints(checkpoint).read();
    }

    private Decoder read() {
        switch (config.at("/architectures/0").asText()) {
            case "Rwkv6ForCausalLM" -> rwkv6();
            case "RWKV6Qwen2ForCausalLM", "RwkvHybridForCausalLM" -> qwen2();
            default -> rwkv7();
        }
        return d;
    }

    private void rwkv6() {
        d.layerNorm = true;
        d.epsilon = config.get("layer_norm_epsilon").asDouble();
        d.heads = RecurrentTinyModels.WIDTH / config.get("head_size").asInt();
        d.embedding = stored.matrix("rwkv.embeddings");
        d.embeddingNorm = norm("rwkv.blocks.0.pre_ln");
        d.outputNorm = norm("rwkv.ln_out");
        d.output = stored.linear("head");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = "rwkv.blocks." + i + ".";
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "ln1");
            layer.feedForwardNorm = norm(l + "ln2");
            Rwkv6Mixer mixer = new Rwkv6Mixer(stored, l + "attention.", List.of("w", "k", "v", "r", "g"), d.heads);
            mixer.receptance = stored.linear(l + "attention.receptance");
            mixer.key = stored.linear(l + "attention.key");
            mixer.value = stored.linear(l + "attention.value");
            mixer.output = stored.linear(l + "attention.output");
            mixer.first = stored.vector(l + "attention.time_faaaa");
            double divisor = config.get("head_size_divisor").asDouble();
            mixer.norm = new HeadNorm(stored.vector(l + "attention.ln_x.weight"), stored.vector(l + "attention.ln_x.bias"), 1e-5 * divisor * divisor);
            layer.mixer = mixer;
            String f = l + "feed_forward.";
            layer.neighbourly = new ChannelMix(stored.vector(f + "time_maa_k"), stored.linear(f + "key"), stored.linear(f + "value"), stored.vector(f + "time_maa_r"), stored.linear(f + "receptance"));
            d.layers.add(layer);
        }
    }

    private void qwen2() {
        d.epsilon = config.get("rms_norm_eps").asDouble();
        d.heads = config.get("num_attention_heads").asInt();
        d.embedding = stored.matrix("model.embed_tokens");
        d.outputNorm = norm("model.norm");
        d.output = stored.linear("lm_head");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = "model.layers." + i + ".";
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "input_layernorm");
            layer.feedForwardNorm = norm(l + "post_attention_layernorm");
            layer.dense = stored.gated(l + "mlp.");
            layer.mixer = stored.has(l + "self_attn.time_mixer.w1") ? inputsFirst(l + "self_attn.time_mixer.", i) : rwkv6Qwen2(l + "self_attn.");
            d.layers.add(layer);
        }
    }

    private Rwkv6Mixer rwkv6Qwen2(String a) {
        Rwkv6Mixer mixer = new Rwkv6Mixer(stored, a, List.of("r", "k", "v", "w", "g"), d.heads);
        mixer.receptance = stored.linear(a + "q_proj");
        mixer.key = stored.linear(a + "k_proj");
        mixer.value = stored.linear(a + "v_proj");
        mixer.output = stored.linear(a + "o_proj");
        return mixer;
    }

    private void rwkv7() {
        boolean older = stored.has("head.weight");
        d.layerNorm = true;
        d.epsilon = config.path("norm_eps").asDouble(config.path("layer_norm_epsilon").asDouble());
        d.heads = RecurrentTinyModels.WIDTH / config.path("head_dim").asInt(config.path("head_size").asInt());
        d.embedding = stored.matrix("model.embeddings");
        d.embeddingNorm = norm(older ? "model.blocks.0.pre_ln" : "model.layers.0.pre_norm");
        d.outputNorm = norm(older ? "model.ln_out" : "model.norm");
        d.output = stored.linear(older ? "head" : "lm_head");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(older ? olderLayer("model.blocks." + i + ".", i) : flashLayer("model.layers." + i + ".", i));
        }
    }

    private Layer flashLayer(String l, int number) {
        Layer layer = new Layer();
        layer.attentionNorm = norm(l + "attn_norm");
        layer.feedForwardNorm = norm(l + "ffn_norm");
        String a = l + "attn.";
        Rwkv7Mixer mixer = mixer(a);
        mixer.receptance = stored.linear(a + "r_proj");
        mixer.key = stored.linear(a + "k_proj");
        mixer.value = stored.linear(a + "v_proj");
        mixer.output = stored.linear(a + "o_proj");
        mixer.decay = lowRank(a + "w_lora.lora.", Math::tanh);
        mixer.rate = lowRank(a + "a_lora.lora.", x -> x);
        mixer.valueMix = number == 0 ? null : lowRank(a + "v_lora.lora.", x -> x);
        mixer.gate = lowRank(a + "g_lora.lora.", Arithmetic::sigmoid);
        mixer.norm = new HeadNorm(stored.vector(a + "g_norm.weight"), stored.vector(a + "g_norm.bias"), config.get("head_dim").asInt() * d.epsilon);
        layer.mixer = mixer;
        layer.neighbourly = new ChannelMix(stored.vector(l + "ffn.x_k"), stored.linear(l + "ffn.key"), stored.linear(l + "ffn.value"), null, null);
        return layer;
    }

    private LowRank lowRank(String name, DoubleUnaryOperator between) {
        return new LowRank(stored.linear(name + "0"), between, stored.linear(name + "2"));
    }

    private Layer olderLayer(String l, int number) {
        Layer layer = new Layer();
        layer.attentionNorm = norm(l + "ln1");
        layer.feedForwardNorm = norm(l + "ln2");
        layer.mixer = inputsFirst(l + "attention.", number);
        layer.neighbourly = new ChannelMix(stored.vector(l + "feed_forward.x_k"), stored.linear(l + "feed_forward.key"), stored.linear(l + "feed_forward.value"), null, null);
        return layer;
    }

    /** As {@code Rwkv7SelfAttention} and ARWKV's {@code Rwkv_Tmix_x070} store it. */
    private Rwkv7Mixer inputsFirst(String a, int number) {
        Rwkv7Mixer mixer = mixer(a);
        mixer.receptance = stored.linear(a + "receptance");
        mixer.key = stored.linear(a + "key");
        mixer.value = stored.linear(a + "value");
        mixer.output = stored.linear(a + "output");
        mixer.decay = new LowRank(turned(a + "w1", null), Math::tanh, turned(a + "w2", a + "w0"));
        mixer.rate = new LowRank(turned(a + "a1", null), x -> x, turned(a + "a2", a + "a0"));
        mixer.valueMix = number == 0 ? null : new LowRank(turned(a + "v1", null), x -> x, turned(a + "v2", a + "v0"));
        mixer.gate = stored.has(a + "g1") ? new LowRank(turned(a + "g1", null), Arithmetic::sigmoid, turned(a + "g2", null)) : null;
        double divisor = config.path("head_size_divisor").asDouble(8);
        mixer.norm = stored.has(a + "ln_x.weight") ? new HeadNorm(stored.vector(a + "ln_x.weight"), stored.vector(a + "ln_x.bias"), 1e-5 * divisor * divisor) : null;
        return mixer;
    }

    private Rwkv7Mixer mixer(String a) {
        Rwkv7Mixer mixer = new Rwkv7Mixer();
        mixer.mixes = Stream.of("r", "w", "k", "v", "a", "g").map(n -> stored.has(a + "x_" + n) ? stored.vector(a + "x_" + n) : null).toArray(double[][]::new);
        mixer.keyScale = stored.vector(a + "k_k");
        mixer.keyRate = stored.vector(a + "k_a");
        mixer.bonus = stored.vector(a + "r_k");
        mixer.heads = d.heads;
        mixer.first = first;
        return mixer;
    }

    /** {@code x @ W + b}. */
    private Linear turned(String weight, String bias) {
        return new Linear(stored.turned(weight), bias == null ? null : stored.vector(bias));
    }

    private Norm norm(String name) {
        return stored.has(name + ".weight") ? new Norm(stored.vector(name + ".weight"), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null) : null;
    }
}
