package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads checkpoints of the model classes that descend from GPT-2, each as its class in transformers does: fused queries, keys and values, names of their own. */
final class GptCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTNeoXForCausalLM", "BloomForCausalLM", "FalconForCausalLM", "RWForCausalLM", "ExaoneForCausalLM", "QWenLMHeadModel");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private GptCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        String named = config.at("/architectures/0").asText();
        this.model = named.equals("RWForCausalLM") ? "FalconForCausalLM" : named;
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new GptCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = number("n_head", "num_attention_heads");
        d.keyHeads = keyHeads();
        d.headSize = number("n_embd", "hidden_size") / d.heads;
        d.ropeDimensions = (int) (d.headSize * config.path("rotary_pct").asDouble(1));
        d.rotated = Set.of("GPTNeoXForCausalLM", "FalconForCausalLM", "ExaoneForCausalLM", "QWenLMHeadModel").contains(model);
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.layerNorm = !Set.of("ExaoneForCausalLM", "QWenLMHeadModel").contains(model);
        d.epsilon = config.path("layer_norm_epsilon").asDouble(config.path("layer_norm_eps").asDouble());
        d.activation = switch (model) {
            case "ExaoneForCausalLM", "QWenLMHeadModel" -> Activation.SILU;
            case "FalconForCausalLM", "GPTNeoXForCausalLM" -> Activation.GELU;
            default -> Activation.GELU_TANH;
        };
        CheckpointRope.read(config, d);
        switch (model) {
            case "GPT2LMHeadModel", "GPTBigCodeForCausalLM" -> {
                outer("transformer.wte", "transformer.ln_f", "lm_head");
                d.positions = stored.matrix("transformer.wpe");
            }
            case "GPTNeoXForCausalLM" -> {
                outer("gpt_neox.embed_in", "gpt_neox.final_layer_norm", "embed_out");
                d.parallel = config.get("use_parallel_residual").asBoolean();
            }
            case "BloomForCausalLM" -> {
                outer("transformer.word_embeddings", "transformer.ln_f", "lm_head");
                d.embeddingNorm = norm("transformer.word_embeddings_layernorm");
                d.slopes = slopes(d.heads);
            }
            case "FalconForCausalLM" -> {
                outer("transformer.word_embeddings", "transformer.ln_f", "lm_head");
                d.parallel = true;
            }
            default -> outer("transformer.wte", "transformer.ln_f", "lm_head");
        }
        for (int i = 0; i < number("n_layer", "num_hidden_layers"); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    /** Falcon 40B and later ones; where the first release gives a number of key heads at all, it is one of these. */
    private boolean grouped() {
        return config.has("n_head_kv") || config.path("new_decoder_architecture").asBoolean();
    }

    private int keyHeads() {
        return switch (model) {
            case "GPTBigCodeForCausalLM" -> config.get("multi_query").asBoolean() ? 1 : d.heads;
            case "FalconForCausalLM" -> grouped() ? number("num_kv_heads", "n_head_kv") : config.get("multi_query").asBoolean() ? 1 : d.heads;
            case "ExaoneForCausalLM" -> config.get("num_key_value_heads").asInt();
            default -> d.heads;
        };
    }

    /** {@code build_alibi_tensor} for a number of heads that is a power of two. */
    private static double[] slopes(int heads) {
        double base = Math.pow(2, -Math.pow(2, -(Math.log(heads) / Math.log(2) - 3)));
        return IntStream.rangeClosed(1, heads).mapToDouble(power -> Math.pow(base, power)).toArray();
    }

    private void outer(String embedding, String norm, String output) {
        d.embedding = stored.matrix(embedding);
        d.outputNorm = norm(norm);
        d.output = stored.has(output + ".weight") ? stored.linear(output) : new Linear(d.embedding, null);
    }

    private Layer layer(int number) {
        Layer layer = new Layer();
        layer.ropeBase = config.path("rope_theta").asDouble(config.path("rotary_emb_base").asDouble(10000));
        String l = (model.equals("GPTNeoXForCausalLM") ? "gpt_neox.layers." : "transformer.h.") + number + ".";
        switch (model) {
            case "GPT2LMHeadModel" -> {
                // Conv1D: x @ W.
                norms(layer, l + "ln_1", l + "ln_2");
                FusedRows.split(stored.inputsFirst(l + "attn.c_attn"), 1, d, layer);
                layer.output = stored.inputsFirst(l + "attn.c_proj");
                layer.dense = new FeedForward(null, stored.inputsFirst(l + "mlp.c_fc"), stored.inputsFirst(l + "mlp.c_proj"));
            }
            case "GPTBigCodeForCausalLM" -> {
                // One key and value behind all queries, or seen as [heads, 3, size].
                norms(layer, l + "ln_1", l + "ln_2");
                FusedRows.split(stored.linear(l + "attn.c_attn"), d.keyHeads == 1 ? 1 : d.heads, d, layer);
                layer.output = stored.linear(l + "attn.c_proj");
                layer.dense = new FeedForward(null, stored.linear(l + "mlp.c_fc"), stored.linear(l + "mlp.c_proj"));
            }
            case "QWenLMHeadModel" -> {
                norms(layer, l + "ln_1", l + "ln_2");
                FusedRows.split(stored.linear(l + "attn.c_attn"), 1, d, layer);
                layer.output = stored.linear(l + "attn.c_proj");
                // w1(x) * silu(w2(x))
                layer.dense = new FeedForward(stored.linear(l + "mlp.w2"), stored.linear(l + "mlp.w1"), stored.linear(l + "mlp.c_proj"));
            }
            case "GPTNeoXForCausalLM", "BloomForCausalLM" -> {
                // Seen as [heads, 3, size].
                norms(layer, l + "input_layernorm", l + "post_attention_layernorm");
                fused(layer, l + (model.startsWith("Bloom") ? "self_attention." : "attention."), d.heads, l);
            }
            case "FalconForCausalLM" -> {
                // Seen as [key heads, queries of one + 2, size]. Two norms of the same input, or one; no other before the feed-forward.
                boolean two = grouped() && config.path("num_ln_in_parallel_attn").asInt(2) == 2;
                layer.attentionNorm = norm(l + (two ? "ln_attn" : "input_layernorm"));
                layer.feedForwardNorm = two ? norm(l + "ln_mlp") : null;
                fused(layer, l + "self_attention.", d.keyHeads, l);
            }
            default -> {
                norms(layer, l + "ln_1", l + "ln_2");
                String a = l + "attn.attention.";
                layer.query = stored.linear(a + "q_proj");
                layer.key = stored.linear(a + "k_proj");
                layer.value = stored.linear(a + "v_proj");
                layer.output = stored.linear(a + "out_proj");
                layer.dense = new FeedForward(stored.linear(l + "mlp.c_fc_0"), stored.linear(l + "mlp.c_fc_1"), stored.linear(l + "mlp.c_proj"));
            }
        }
        return layer;
    }

    private void fused(Layer layer, String attention, int groups, String l) {
        FusedRows.split(stored.linear(attention + "query_key_value"), groups, d, layer);
        layer.output = stored.linear(attention + "dense");
        layer.dense = new FeedForward(null, stored.linear(l + "mlp.dense_h_to_4h"), stored.linear(l + "mlp.dense_4h_to_h"));
    }

    private void norms(Layer layer, String attention, String feedForward) {
        layer.attentionNorm = norm(attention);
        layer.feedForwardNorm = norm(feedForward);
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null);
    }

    private int number(String one, String other) {
        return config.path(config.has(one) ? one : other).asInt();
    }
}
