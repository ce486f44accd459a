package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads the checkpoints of {@link DenseTinyModels} as the model classes do that were published beside the weights. */
final class DenseCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("DeciLMForCausalLM", "OpenELMForCausalLM", "JAISLMHeadModel", "Jais2ForCausalLM", "CodeShellForCausalLM", "PanguEmbeddedForCausalLM", "MaincoderForCausalLM",
            "PlamoForCausalLM", "YoutuForCausalLM", "PLMForCausalLM", "DreamModel", "LLaDAModelLM", "NanbeigeForCausalLM", "GPTRefactForCausalLM");
    /** Adds nothing to what comes in. */
    private static final FeedForward NONE = new FeedForward(null, new Linear(new double[1][TinyModels.WIDTH], null), new Linear(new double[TinyModels.WIDTH][1], null));

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private DenseCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new DenseCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = number("num_attention_heads", "n_head", "n_heads");
        d.keyHeads = number("n_kv_heads", "num_query_groups", "n_head", "num_key_value_heads");
        d.headSize = config.path("head_dim").asInt(config.get("hidden_size").asInt() / d.heads);
        d.ropeDimensions = config.path("qk_rope_head_dim").asInt(d.headSize);
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.layerNorm = Set.of("JAISLMHeadModel", "CodeShellForCausalLM", "Jais2ForCausalLM", "GPTRefactForCausalLM").contains(model);
        d.epsilon = List.of("rms_norm_eps", "layer_norm_eps", "layer_norm_epsilon").stream().filter(config::has).findFirst().map(name -> config.get(name).asDouble()).orElse(1e-6);
        d.ahead = Set.of("DreamModel", "LLaDAModelLM").contains(model);
        d.activation = switch (model) {
            case "Jais2ForCausalLM", "PLMForCausalLM" -> Activation.SQUARED_RELU;
            case "CodeShellForCausalLM" -> Activation.GELU_TANH;
            default -> Activation.SILU;
        };
        // Maincoder sees neighbours as complex numbers, and norms what it has turned.
        d.neighbours = model.equals("MaincoderForCausalLM");
        d.normedAfterTurning = d.neighbours;
        d.parallel = model.equals("PlamoForCausalLM");
        CheckpointRope.read(config, d);
        switch (model) {
            case "OpenELMForCausalLM" -> outer("transformer.token_embeddings", "transformer.norm", "lm_head");
            case "JAISLMHeadModel" -> jais();
            case "GPTRefactForCausalLM" -> {
                outer("transformer.wte", "transformer.ln_f", "lm_head");
                d.keyHeads = 1;
                byDistance();
            }
            case "CodeShellForCausalLM" -> outer("transformer.wte", "transformer.ln_f", "lm_head");
            case "LLaDAModelLM" -> outer("model.transformer.wte", "model.transformer.ln_f", "model.transformer.ff_out");
            default -> outer("model.embed_tokens", "model.norm", "lm_head");
        }
        for (int i = 0; i < config.path("num_hidden_layers").asInt(2); i++) {
            Layer layer = new Layer();
            layer.ropeBase = config.path("rope_theta").asDouble(config.path("rope_freq_constant").asDouble(10000));
            switch (model) {
                case "DeciLMForCausalLM" -> deci(layer, i);
                case "OpenELMForCausalLM" -> openElm(layer, i);
                case "JAISLMHeadModel", "CodeShellForCausalLM" -> gpt(layer, "transformer.h." + i + ".");
                case "GPTRefactForCausalLM" -> refact(layer, "transformer.h." + i + ".");
                case "PlamoForCausalLM" -> plamo(layer, "model.layers.layers." + i + ".");
                case "LLaDAModelLM" -> llada(layer, "model.transformer.blocks." + i + ".");
                default -> llama(layer, "model.layers." + i + ".");
            }
            d.layers.add(layer);
        }
        loops();
        return d;
    }

    /** NanbeigeModel: through all layers again and again, and through its norm each time unless it says otherwise. */
    private void loops() {
        int count = config.path("num_loops").asInt(1);
        List<Layer> once = List.copyOf(d.layers);
        IntStream.range(1, count).forEach(loop -> d.layers.addAll(once));
        if (count > 1 && !config.get("skip_loop_final_norm").asBoolean()) {
            once.getLast().closing = d.outputNorm;
            // That of the last loop is the output's.
            d.outputNorm = null;
        }
    }

    /** The first of some fields that there is. */
    private int number(String... names) {
        return Arrays.stream(names).filter(config::has).findFirst().map(name -> config.get(name).asInt()).orElseThrow();
    }

    /** JAISModel multiplies the embeddings, JAISLMHeadModel the logits; scores are divided by the size of a head (mup_scale_qk_dot_by_d). */
    private void jais() {
        outer("transformer.wte", "transformer.ln_f", "lm_head");
        d.embeddingScale = config.path("mup_embeddings_scale").asDouble(config.path("embeddings_scale").asDouble());
        d.outputScale = config.has("mup_output_alpha") ? config.get("mup_output_alpha").asDouble() * config.get("mup_width_scale").asDouble() : config.get("width_scale").asDouble();
        d.attentionScale = 1.0 / d.headSize;
        byDistance();
    }

    /** Slopes of a number of heads that is a power of two: start, start squared and so on (get_slopes_power_of_2). */
    private void byDistance() {
        d.rotated = false;
        double start = Math.pow(2, -Math.pow(2, -(Math.log(d.heads) / Math.log(2) - 3)));
        d.slopes = IntStream.rangeClosed(1, d.heads).mapToDouble(h -> Math.pow(start, h)).toArray();
    }

    /** Keys first, then values; the half of gate_up_proj that goes through silu first. */
    private void refact(Layer layer, String l) {
        layer.attentionNorm = norm(l + "ln_1");
        layer.feedForwardNorm = norm(l + "ln_2");
        layer.query = stored.linear(l + "attn.q");
        layer.key = new Linear(Arrays.copyOfRange(stored.matrix(l + "attn.kv"), 0, d.headSize), null);
        layer.value = new Linear(Arrays.copyOfRange(stored.matrix(l + "attn.kv"), d.headSize, 2 * d.headSize), null);
        layer.output = stored.linear(l + "attn.c_proj");
        layer.dense = halves(stored.matrix(l + "mlp.gate_up_proj"), stored.linear(l + "mlp.c_proj"));
    }

    /** Jais's Conv1D and its product of c_fc with silu of c_fc2; CodeShell's queries first, then keys, then values. */
    private void gpt(Layer layer, String l) {
        layer.attentionNorm = norm(l + "ln_1");
        layer.feedForwardNorm = norm(l + "ln_2");
        boolean inputsFirst = model.equals("JAISLMHeadModel");
        FusedRows.split(inputsFirst ? stored.inputsFirst(l + "attn.c_attn") : stored.linear(l + "attn.c_attn"), 1, d, layer);
        layer.output = inputsFirst ? stored.inputsFirst(l + "attn.c_proj") : stored.linear(l + "attn.c_proj");
        layer.dense = inputsFirst ? new FeedForward(stored.inputsFirst(l + "mlp.c_fc2"), stored.inputsFirst(l + "mlp.c_fc"), stored.inputsFirst(l + "mlp.c_proj"))
                : new FeedForward(null, stored.linear(l + "mlp.c_fc"), stored.linear(l + "mlp.c_proj"));
    }

    /** Keys and values are repeated one behind the other: query h looks at key h modulo their number. */
    private void plamo(Layer layer, String l) {
        layer.attentionNorm = norm(l + "norm");
        separate(layer, l + "self_attn.");
        int keys = layer.key.weight().length / d.headSize;
        layer.key = repeated(layer.key, keys);
        layer.value = repeated(layer.value, keys);
        d.keyHeads = d.heads;
        layer.dense = stored.gated(l + "mlp.");
    }

    private Linear repeated(Linear heads, int count) {
        double[][] rows = new double[d.heads * d.headSize][];
        for (int r = 0; r < rows.length; r++) {
            rows[r] = heads.weight()[r / d.headSize % count * d.headSize + r % d.headSize];
        }
        return new Linear(rows, null);
    }

    /** LLaDALlamaBlock. */
    private void llada(Layer layer, String l) {
        layer.attentionNorm = norm(l + "attn_norm");
        layer.feedForwardNorm = norm(l + "ff_norm");
        layer.query = stored.linear(l + "q_proj");
        layer.key = stored.linear(l + "k_proj");
        layer.value = stored.linear(l + "v_proj");
        layer.output = stored.linear(l + "attn_out");
        layer.dense = new FeedForward(stored.linear(l + "ff_proj"), stored.linear(l + "up_proj"), stored.linear(l + "ff_out"));
    }

    private void llama(Layer layer, String l) {
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        if (stored.has(l + "self_attn.kv_b_proj.weight")) {
            layer.mixer = new LatentAttention(stored, config, d, l + "self_attn.");
        } else {
            separate(layer, l + "self_attn.");
            layer.queryNorm = norm(l + "self_attn.q_norm");
            layer.keyNorm = norm(l + "self_attn.k_norm");
        }
        layer.dense = stored.gated(l + (stored.has(l + "mlp.up_proj.weight") ? "mlp." : "feed_forward."));
    }

    private void outer(String embedding, String norm, String output) {
        d.embedding = stored.matrix(embedding);
        d.outputNorm = norm(norm);
        d.output = stored.has(output + ".weight") ? stored.linear(output) : new Linear(d.embedding, null);
    }

    /** DeciLMDecoderLayer: what a block configuration calls no_op is not there, and residuals are added around what is. */
    private void deci(Layer layer, int number) {
        String l = "model.layers." + number + ".";
        JsonNode block = config.at("/block_configs/" + number);
        if (block.at("/attention/no_op").asBoolean()) {
            layer.mixer = x -> new double[x.length][TinyModels.WIDTH];
        } else if (block.at("/attention/replace_with_linear").asBoolean()) {
            layer.attentionNorm = norm(l + "input_layernorm");
            Linear linear = stored.linear(l + "self_attn.linear_attn");
            layer.mixer = x -> Arithmetic.each(x, row -> Arithmetic.times(linear, row));
        } else {
            layer.attentionNorm = norm(l + "input_layernorm");
            d.keyHeads = block.isMissingNode() ? config.at("/num_key_value_heads_per_layer/" + number).asInt() : d.heads / block.at("/attention/n_heads_in_group").asInt();
            separate(layer, l + "self_attn.");
            layer.mixer = d.attention(layer);
        }
        if (block.at("/ffn/no_op").asBoolean()) {
            layer.dense = NONE;
        } else {
            layer.feedForwardNorm = norm(l + "post_attention_layernorm");
            layer.dense = stored.gated(l + "mlp.");
        }
    }

    private void openElm(Layer layer, int number) {
        String l = "transformer.layers." + number + ".";
        layer.attentionNorm = norm(l + "attn_norm");
        layer.feedForwardNorm = norm(l + "ffn_norm");
        layer.queryNorm = norm(l + "attn.q_norm");
        layer.keyNorm = norm(l + "attn.k_norm");
        d.heads = config.at("/num_query_heads/" + number).asInt();
        d.keyHeads = config.at("/num_kv_heads/" + number).asInt();
        FusedRows.split(stored.linear(l + "attn.qkv_proj"), 1, d, layer);
        layer.output = stored.linear(l + "attn.out_proj");
        layer.mixer = d.attention(layer);
        layer.dense = halves(stored.matrix(l + "ffn.proj_1"), stored.linear(l + "ffn.proj_2"));
    }

    /** Gate first, up second. */
    private static FeedForward halves(double[][] both, Linear down) {
        return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, both.length / 2), null), new Linear(Arrays.copyOfRange(both, both.length / 2, both.length), null), down);
    }

    private void separate(Layer layer, String a) {
        layer.query = stored.linear(a + "q_proj");
        layer.key = stored.linear(a + "k_proj");
        layer.value = stored.linear(a + "v_proj");
        layer.output = stored.linear(a + "o_proj");
    }

    private Norm norm(String name) {
        return stored.has(name + ".weight") ? new Norm(stored.vector(name + ".weight"), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null) : null;
    }
}
