package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Gating;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Reads a checkpoint as transformers' model classes do: their tensor names, their halves that turn together, their
 * configuration fields. Knows nothing of GGUF or of the architecture files.
 */
final class CheckpointDecoder {
    private static final List<String> OFFSET_NORMS = List.of("GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3TextModel", "NemotronForCausalLM",
            "Qwen3NextForCausalLM", "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForCausalLM");

    private static final Map<String, String> AUTO_MODELS = Map.of("llama", "LlamaForCausalLM", "mistral", "MistralForCausalLM", "qwen2", "Qwen2ForCausalLM", "qwen3", "Qwen3ForCausalLM", "gemma", "GemmaForCausalLM",
            // Glm4vTextModel turns neighbours as GLM-4 does; the three parts of a text's positions are equal.
            "glm4v_text", "Glm4ForCausalLM", "glm_ocr_text", "Glm4ForCausalLM", "glm4v_moe_text", "Glm4MoeForCausalLM", "exaone4_5_text", "Exaone4ForCausalLM");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder decoder = new Decoder();

    private CheckpointDecoder(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = ofTheText(checkpoint.rawConfig());
        this.model = config.at("/architectures/0").asText();
    }

    /** Fields of the text part are laid over those of the whole model; a text part that names no class has the one that AutoModelForCausalLM knows for its type. */
    static JsonNode ofTheText(ObjectNode root) {
        ObjectNode flat = root.deepCopy();
        (root.has("thinker_config") ? root.at("/thinker_config/text_config") : root.path("text_config")).properties().forEach(field -> flat.set(field.getKey(), field.getValue()));
        String type = root.at("/architectures/0").asText().equals("LlavaOnevisionForConditionalGeneration") ? "qwen2" : root.at("/text_config/model_type").asText();
        if (AUTO_MODELS.containsKey(type)) {
            flat.putArray("architectures").add(AUTO_MODELS.get(type));
        }
        return flat;
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        String model = checkpoint.rawConfig().at("/architectures/0").asText();
        if (ChatGlmCheckpoint.CLASSES.contains(model)) {
            return ChatGlmCheckpoint.of(checkpoint);
        }
        if (model.equals("KimiLinearForCausalLM")) {
            return KimiCheckpoint.of(checkpoint);
        }
        if (ExpertsCheckpoint.CLASSES.contains(model)) {
            return ExpertsCheckpoint.of(checkpoint);
        }
        if (DenseCheckpoint.CLASSES.contains(model)) {
            return DenseCheckpoint.of(checkpoint);
        }
        return switch (model) {
            case "BitnetForCausalLM" -> BitNetCheckpoint.of(checkpoint, false);
            case "Cohere2MoeForCausalLM" -> Cohere2MoeCheckpoint.of(checkpoint);
            case "MiniMaxText01ForCausalLM" -> MiniMax01Checkpoint.of(checkpoint);
            case String one when GptCheckpoint.CLASSES.contains(one) -> GptCheckpoint.of(checkpoint);
            case String one when FurtherCheckpoints.CLASSES.contains(one) -> FurtherCheckpoints.of(checkpoint);
            case String one when RecurrentCheckpoints.CLASSES.contains(one) -> RecurrentCheckpoints.of(checkpoint);
            case String one when SsmCheckpoint.CLASSES.contains(one) -> SsmCheckpoint.of(checkpoint);
            default -> new CheckpointDecoder(checkpoint).read();
        };
    }

    private Decoder read() {
        Decoder d = decoder;
        d.heads = config.get("num_attention_heads").asInt();
        d.keyHeads = config.get("num_key_value_heads").asInt();
        d.headSize = model.equals("GraniteForCausalLM") || model.equals("GraniteMoeForCausalLM") ? width() / d.heads : config.path("head_dim").asInt(width() / d.heads);
        double turned = config.path("partial_rotary_factor").asDouble(config.at("/rope_parameters/partial_rotary_factor").asDouble(1));
        d.ropeDimensions = config.path("qk_rope_head_dim").asInt((int) (d.headSize * turned));
        // Cohere and GLM turn neighbours in transformers too.
        d.neighbours = List.of("CohereForCausalLM", "Cohere2ForCausalLM", "Glm4ForCausalLM", "GlmForCausalLM", "Ernie4_5ForCausalLM", "Ernie4_5_MoeForCausalLM", "Llama4ForCausalLM", "Llama4ForConditionalGeneration").contains(model);
        d.attentionScale = 1 / Math.sqrt(config.path("query_pre_attn_scalar").asDouble(d.headSize));
        d.attentionCap = config.path("attn_logit_softcapping").asDouble(0);
        d.outputCap = config.path("final_logit_softcapping").asDouble(0);
        d.layerNorm = List.of("CohereForCausalLM", "Cohere2ForCausalLM", "PhiForCausalLM", "Starcoder2ForCausalLM", "StableLmForCausalLM", "NemotronForCausalLM", "OlmoForCausalLM", "PhiMoEForCausalLM").contains(model);
        d.epsilon = List.of("rms_norm_eps", "layer_norm_eps", "norm_epsilon", "norm_eps").stream().filter(config::has).findFirst().map(n -> config.get(n).asDouble()).orElse(1e-5);
        d.clip = config.path("clip_qkv").asDouble(0);
        d.parallel = List.of("CohereForCausalLM", "Cohere2ForCausalLM", "PhiForCausalLM").contains(model) || config.path("use_parallel_residual").asBoolean();
        if (OFFSET_NORMS.contains(model)) {
            d.activation = model.startsWith("Gemma") ? Activation.GELU_TANH : model.startsWith("Nemotron") ? Activation.SQUARED_RELU : Activation.SILU;
            d.embeddingScale = model.startsWith("Gemma") ? Math.sqrt(width()) : 1;
        }
        if (List.of("PhiForCausalLM", "Starcoder2ForCausalLM").contains(model)) {
            d.activation = Activation.GELU_TANH;
        }
        if (model.equals("ArceeForCausalLM")) {
            d.activation = Activation.SQUARED_RELU;
        }
        d.ahead = Set.of("LLaDAMoEModelLM", "RND1").contains(model) || config.path("use_bidirectional_attention").asBoolean() || !config.path("is_causal").asBoolean(true);
        scales();
        CheckpointRope.read(config, d);
        d.normedAfterTurning = model.startsWith("HunYuan") || model.startsWith("Llama4For");
        if (model.equals("Ministral3ForCausalLM")) {
            double beta = config.at("/rope_parameters/llama_4_scaling_beta").asDouble();
            int original = config.at("/rope_parameters/original_max_position_embeddings").asInt();
            d.temperature = position -> 1 + beta * Math.log(1 + position / original);
        }
        d.embedding = stored.matrix(stored.has("model.tok_embeddings.weight") ? "model.tok_embeddings" : "model.embed_tokens");
        d.outputNorm = norm(named("model.", "norm", "final_layernorm", "embedding_norm"));
        d.output = stored.has("lm_head.weight") ? stored.linear("lm_head") : stored.has("output.weight") ? stored.linear("output") : new Linear(d.embedding, null);
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            d.layers.add(layer(i));
        }
        return d;
    }

    private void scales() {
        switch (model) {
            case "GraniteForCausalLM", "GraniteMoeForCausalLM" -> {
                decoder.attentionScale = config.get("attention_multiplier").asDouble();
                decoder.embeddingScale = config.get("embedding_multiplier").asDouble();
                decoder.residualScale = config.get("residual_multiplier").asDouble();
                decoder.outputScale = 1 / config.get("logits_scaling").asDouble();
            }
            case "MiniCPMForCausalLM" -> {
                decoder.embeddingScale = config.get("scale_emb").asDouble();
                decoder.residualScale = config.get("scale_depth").asDouble() / Math.sqrt(config.get("num_hidden_layers").asInt());
                decoder.outputScale = config.get("dim_model_base").asDouble() / width();
            }
            case "CohereForCausalLM", "Cohere2ForCausalLM" -> decoder.outputScale = config.get("logit_scale").asDouble();
            default -> { }
        }
    }

    private Layer layer(int number) {
        String l = "model.layers." + number + ".";
        Layer layer = new Layer();
        layer.ropeBase = config.at("/rope_parameters/rope_theta").asDouble(config.path("rope_theta").asDouble(10000));
        switch (model) {
            case "Cohere2ForCausalLM" -> {
                // Every fourth layer sees everything, and does not mind positions.
                layer.rotated = (number + 1) % 4 != 0;
                layer.window = layer.rotated ? config.get("sliding_window").asInt() : 0;
            }
            case "Gemma2ForCausalLM" -> layer.window = number % 2 == 0 ? config.get("sliding_window").asInt() : 0;
            case "Gemma3ForCausalLM", "Gemma3TextModel" -> {
                boolean local = (number + 1) % 6 != 0;
                int window = config.get("sliding_window").asInt();
                // The config class gives each side half of the window where both are seen.
                layer.window = !local ? 0 : decoder.ahead ? window / 2 + 1 : window;
                layer.ropeBase = local ? config.get("rope_local_base_freq").asDouble() : layer.ropeBase;
            }
            case "Llama4ForCausalLM", "Llama4ForConditionalGeneration" -> layer.rotated = (number + 1) % config.path("no_rope_layer_interval").asInt(4) != 0;
            case "Olmo3ForCausalLM" -> {
                layer.scaled = config.at("/layer_types/" + number).asText().equals("full_attention");
                layer.window = layer.scaled ? 0 : config.get("sliding_window").asInt();
            }
            case "SmolLM3ForCausalLM" -> layer.rotated = (number + 1) % 4 != 0;
            case "Exaone4ForCausalLM" -> {
                boolean windows = config.path("sliding_window").isNumber();
                boolean local = config.at("/layer_types/" + number).asText().equals("sliding_attention");
                layer.window = windows && local ? config.get("sliding_window").asInt() : 0;
                layer.rotated = !windows || local;
            }
            case "GptOssForCausalLM" -> {
                layer.window = config.at("/layer_types/" + number).asText().equals("sliding_attention") ? config.get("sliding_window").asInt() : 0;
                layer.sinks = stored.vector(l + "self_attn.sinks");
                layer.gating = (gate, up) -> (Math.clamp(up, -7.0, 7.0) + 1) * Math.min(gate, 7.0) * Arithmetic.sigmoid(1.702 * Math.min(gate, 7.0));
            }
            case "ApertusForCausalLM" -> layer.gating = xielu(l + "mlp.act_fn.");
            case "HunYuanDenseV1ForCausalLM", "HunYuanVLForConditionalGeneration" -> {
                double dimensions = decoder.headSize;
                layer.ropeBase *= Math.pow(config.at("/rope_scaling/alpha").asDouble(), dimensions / (dimensions - 2));
            }
            default -> { }
        }
        norms(layer, l);
        attention(layer, l);
        feedForward(layer, l);
        return layer;
    }

    private void norms(Layer layer, String l) {
        layer.attentionNorm = norm(named(l, "input_layernorm", "attention_norm", "attention_layernorm", "operator_norm", "pre_attention_layernorm"));
        layer.queryNorm = norm(named(l + "self_attn.", "q_norm", "query_layernorm", "q_layernorm"));
        layer.keyNorm = norm(named(l + "self_attn.", "k_norm", "key_layernorm", "k_layernorm"));
        if (stored.has(l + "self_attn.q_layernorm.norms.0.weight")) {
            layer.normedByHead = true;
            layer.queryNorm = headByHead(l + "self_attn.q_layernorm.norms.", decoder.heads);
            layer.keyNorm = headByHead(l + "self_attn.k_layernorm.norms.", decoder.keyHeads);
        }
        switch (model) {
            case "Gemma2ForCausalLM", "Gemma3ForCausalLM", "Gemma3TextModel" -> {
                layer.afterAttention = norm(l + "post_attention_layernorm");
                layer.feedForwardNorm = norm(l + "pre_feedforward_layernorm");
                layer.afterFeedForward = norm(l + "post_feedforward_layernorm");
            }
            case "Olmo2ForCausalLM", "Olmo3ForCausalLM", "Exaone4ForCausalLM" -> {
                layer.afterAttention = norm(l + "post_attention_layernorm");
                layer.afterFeedForward = norm(l + "post_feedforward_layernorm");
            }
            case "Glm4ForCausalLM" -> {
                layer.afterAttention = norm(l + "post_self_attn_layernorm");
                layer.feedForwardNorm = norm(l + "post_attention_layernorm");
                layer.afterFeedForward = norm(l + "post_mlp_layernorm");
            }
            default -> layer.feedForwardNorm = norm(named(l, "post_attention_layernorm", "ffn_norm", "feedforward_layernorm", "pre_mlp_layernorm"));
        }
    }

    /** StableLM's norms, one for each head. */
    private Norm headByHead(String prefix, int count) {
        return new Norm(IntStream.range(0, count).boxed().flatMapToDouble(h -> Arrays.stream(stored.vector(prefix + h + ".weight"))).toArray(), null);
    }

    /** The one of several names that the checkpoint has; the first when it has none. */
    private String named(String prefix, String... names) {
        return prefix + Arrays.stream(names).filter(n -> stored.has(prefix + n + ".weight")).findFirst().orElse(names[0]);
    }

    private Gating xielu(String prefix) {
        double beta = stored.vector(prefix + "beta")[0];
        double eps = stored.vector(prefix + "eps")[0];
        double positive = softplus(stored.vector(prefix + "alpha_p")[0]);
        double negative = beta + softplus(stored.vector(prefix + "alpha_n")[0]);
        return (x, one) -> x > 0 ? positive * x * x + beta * x : (Math.expm1(Math.min(x, eps)) - x) * negative + beta * x;
    }

    private static double softplus(double x) {
        return Math.log(1 + Math.exp(x));
    }

    private void attention(Layer layer, String l) {
        if (stored.has(l + "conv.conv.weight")) {
            // Conv1d's [channels, 1, length], applied to what came before.
            layer.mixer = new ShortConvolution(stored.linear(l + "conv.in_proj"), stored.matrix(l + "conv.conv"), stored.linear(l + "conv.out_proj"));
            return;
        }
        if (config.path("use_qk_norm").asBoolean() && layer.rotated) {
            // Llama4TextL2Norm has no weights.
            layer.queryNorm = new Norm(null, null);
            layer.keyNorm = new Norm(null, null);
        }
        layer.mixer = CheckpointMixers.of(stored, config, decoder, layer, l);
        if (layer.mixer != null) {
            return;
        }
        if (stored.has(l + "self_attn.qkv_proj.weight")) {
            FusedRows.split(stored.linear(l + "self_attn.qkv_proj"), 1, decoder, layer);
        } else if (stored.has(l + "attention.wqkv.weight")) {
            FusedRows.split(stored.linear(l + "attention.wqkv"), decoder.keyHeads, decoder, layer);
        } else {
            layer.query = stored.linear(l + "self_attn.q_proj");
            layer.key = stored.linear(l + "self_attn.k_proj");
            layer.value = stored.linear(l + "self_attn.v_proj");
        }
        layer.output = stored.linear(named(l, "self_attn.o_proj", "self_attn.dense", "attention.wo", "self_attn.out_proj"));
    }

    private void feedForward(Layer layer, String l) {
        layer.experts = CheckpointExperts.read(stored, config, l);
        if (layer.experts != null) {
            return;
        }
        if (stored.has(l + "mlp.gate_up_proj.weight")) {
            double[][] fused = stored.matrix(l + "mlp.gate_up_proj");
            int inner = fused.length / 2;
            layer.dense = new FeedForward(new Linear(Arrays.copyOfRange(fused, 0, inner), null), new Linear(Arrays.copyOfRange(fused, inner, 2 * inner), null), stored.linear(l + "mlp.down_proj"));
        } else if (stored.has(l + "mlp.fc1.weight")) {
            layer.dense = new FeedForward(null, stored.linear(l + "mlp.fc1"), stored.linear(l + "mlp.fc2"));
        } else if (stored.has(l + "mlp.c_fc.weight")) {
            layer.dense = new FeedForward(null, stored.linear(l + "mlp.c_fc"), stored.linear(l + "mlp.c_proj"));
        } else if (stored.has(l + "feed_forward.w1.weight")) {
            layer.dense = new FeedForward(stored.linear(l + "feed_forward.w1"), stored.linear(l + "feed_forward.w3"), stored.linear(l + "feed_forward.w2"));
        } else {
            layer.dense = stored.gated(l + (stored.has(l + "mlp.up_proj.weight") ? "mlp." : "feed_forward."));
        }
    }

    private int width() {
        return config.get("hidden_size").asInt();
    }

    /** Gemma and Nemotron store norms as offsets from one. */
    private Norm norm(String name) {
        if (!stored.has(name + ".weight")) {
            // OLMo's norms have no weights.
            return model.equals("OlmoForCausalLM") && !name.contains("self_attn") ? new Norm(null, null) : null;
        }
        double offset = OFFSET_NORMS.contains(model) ? 1 : 0;
        return new Norm(Arrays.stream(stored.vector(name + ".weight")).map(w -> w + offset).toArray(), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null);
    }
}
