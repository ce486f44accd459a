package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.plus;
import static dev.adapterferry.convert.Arithmetic.scaled;
import static dev.adapterferry.convert.Arithmetic.silu;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads the checkpoints of {@link SsmTinyModels} as transformers' model classes do, or those that their authors published. */
final class SsmCheckpoint {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("FalconH1ForCausalLM", "NemotronHForCausalLM", "JambaForCausalLM", "BambaForCausalLM", "MambaForCausalLM", "FalconMambaForCausalLM",
            "Mamba2ForCausalLM", "Plamo2ForCausalLM", "Plamo3ForCausalLM");

    private static final Decoder.Gating SQUARED = (up, one) -> up > 0 ? up * up : 0;

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private SsmCheckpoint(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new SsmCheckpoint(checkpoint).read();
    }

    private Decoder read() {
        d.heads = config.path("num_attention_heads").asInt();
        d.keyHeads = config.path("num_key_value_heads").asInt();
        d.headSize = config.path("head_dim").asInt(TinyModels.WIDTH / Math.max(1, d.heads));
        d.ropeDimensions = d.headSize;
        d.attentionScale = 1 / Math.sqrt(d.headSize);
        d.epsilon = config.path("rms_norm_eps").asDouble(config.path("layer_norm_epsilon").asDouble(1e-5));
        switch (model) {
            case "FalconH1ForCausalLM" -> falconH1();
            case "NemotronHForCausalLM" -> nemotronH(stored.has("backbone.embeddings.weight") ? "backbone." : "model.");
            case "JambaForCausalLM", "BambaForCausalLM" -> jambaOrBamba();
            case "Plamo2ForCausalLM", "Plamo3ForCausalLM" -> plamo();
            default -> mambas();
        }
        return d;
    }

    private void outer(String embedding, String norm) {
        d.embedding = stored.matrix(embedding);
        d.outputNorm = norm(norm);
        d.output = stored.has("lm_head.weight") ? stored.linear("lm_head") : new Linear(d.embedding, null);
    }

    private SelfAttention attention(String a) {
        Layer attended = new Layer();
        attended.ropeBase = config.path("rope_theta").asDouble();
        attended.query = stored.linear(a + "q_proj");
        attended.key = stored.linear(a + "k_proj");
        attended.value = stored.linear(a + "v_proj");
        attended.output = stored.linear(a + "o_proj");
        return d.attention(attended);
    }

    /** MambaBlock, Mamba2Block: one norm, one mixer, one residual. Falcon's mixer norms without weights. */
    private void mambas() {
        outer("backbone.embeddings", "backbone.norm_f");
        for (int i = 0; i < number("num_hidden_layers"); i++) {
            String m = "backbone.layers." + i + ".mixer.";
            Layer layer = new Layer();
            layer.attentionNorm = norm("backbone.layers." + i + ".norm");
            Norm bare = new Norm(null, null);
            layer.mixer = switch (model) {
                case "Mamba2ForCausalLM" -> new Mamba2(stored, m, new Mamba2.Sizes(number("num_heads"), number("head_dim"), number("state_size"), number("n_groups"), number("conv_kernel")), d.epsilon);
                case "FalconMambaForCausalLM" -> new Mamba(stored, m, new Norm[] {bare, bare, bare}, factor("mixer_rms_eps"));
                default -> new Mamba(stored, m, null, 0);
            };
            d.layers.add(layer);
        }
    }

    /** Plamo2DecoderLayer, Plamo3DecoderLayer: norms before and behind each part, each with an offset of its own. */
    private void plamo() {
        outer("model.embed_tokens", "model.norm");
        d.outputNorm = norm("model.norm", 1);
        for (int i = 0; i < number("num_hidden_layers"); i++) {
            String l = "model.layers.layers." + i + ".";
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "pre_mixer_norm", 1);
            layer.afterAttention = norm(l + "post_mixer_norm", 1.0 / 5);
            layer.feedForwardNorm = norm(l + "pre_mlp_norm", 1);
            layer.afterFeedForward = norm(l + "post_mlp_norm", Math.pow(5, -1.5));
            double[][] fused = stored.matrix(l + "mlp.gate_up_proj");
            layer.dense = new FeedForward(new Linear(Arrays.copyOf(fused, 96), null), new Linear(Arrays.copyOfRange(fused, 96, 192), null), stored.linear(l + "mlp.down_proj"));
            if (stored.has(l + "mixer.in_proj.weight")) {
                layer.mixer = new PlamoMamba(stored, l + "mixer.", number("mamba_num_heads"), number("hidden_size_per_head"), number("mamba_d_state"), d.epsilon);
            } else {
                plamoAttention(layer, l + "mixer.", i);
            }
            d.layers.add(layer);
        }
    }

    private void plamoAttention(Layer layer, String m, int number) {
        FusedRows.split(stored.linear(m + "qkv_proj"), 1, d, layer);
        layer.output = stored.linear(m + "o_proj");
        layer.ropeBase = factor("rope_theta");
        if (stored.has(m + "q_weight")) {
            // Weights of each head's own.
            layer.normedByHead = true;
            layer.queryNorm = new Norm(stored.vector(m + "q_weight"), null);
            layer.keyNorm = new Norm(stored.vector(m + "k_weight"), null);
            return;
        }
        layer.queryNorm = norm(m + "q_norm", 1);
        layer.keyNorm = norm(m + "k_norm", 1);
        if ((number + 1) % number("sliding_window_pattern") != 0) {
            layer.window = number("window_size");
            layer.ropeBase = factor("rope_local_theta");
        }
    }

    private Norm norm(String name, double offset) {
        return new Norm(Arrays.stream(stored.vector(name + ".weight")).map(w -> w + offset).toArray(), null);
    }

    /** NemotronHBlock: one norm, one mixer of any kind, one residual. */
    private void nemotronH(String prefix) {
        outer(prefix + "embeddings", prefix + "norm_f");
        d.rotated = false;
        Mamba2.Sizes sizes = new Mamba2.Sizes(number("mamba_num_heads"), number("mamba_head_dim"), number("ssm_state_size"), number("n_groups"), number("conv_kernel"));
        for (int i = 0; i < number("num_hidden_layers"); i++) {
            String m = prefix + "layers." + i + ".mixer.";
            Layer layer = new Layer();
            layer.attentionNorm = norm(prefix + "layers." + i + ".norm");
            if (stored.has(m + "in_proj.weight")) {
                layer.mixer = new Mamba2(stored, m, sizes, d.epsilon);
            } else if (stored.has(m + "q_proj.weight")) {
                layer.mixer = attention(m);
            } else if (stored.has(m + "gate.weight")) {
                layer.mixer = nemotronExperts(m);
            } else {
                FeedForward plain = new FeedForward(null, stored.linear(m + "up_proj"), stored.linear(m + "down_proj"));
                layer.mixer = x -> each(x, row -> Decoder.feedForward(plain, row, SQUARED));
            }
            d.layers.add(layer);
        }
    }

    /** NemotronHMoE: DeepSeek V3's router; between two projections where the experts are narrower; what all tokens get is not. */
    private Decoder.Mixer nemotronExperts(String m) {
        List<FeedForward> parts = IntStream.range(0, number("n_routed_experts")).mapToObj(e -> stored.has(m + "experts.up_proj")
                ? new FeedForward(null, new Linear(stored.slab(m + "experts.up_proj", e), null), new Linear(stored.slab(m + "experts.down_proj", e), null))
                : new FeedForward(null, stored.linear(m + "experts." + e + ".up_proj"), stored.linear(m + "experts." + e + ".down_proj"))).toList();
        ExpertMixture experts = new ExpertMixture(stored.linear(m + "gate"), parts, number("num_experts_per_tok"), true, null, null);
        experts.shares = ExpertMixture.Shares.SIGMOID;
        experts.choice = stored.vector(m + "gate.e_score_correction_bias");
        experts.scale = factor("routed_scaling_factor");
        FeedForward shared = new FeedForward(null, stored.linear(m + "shared_experts.up_proj"), stored.linear(m + "shared_experts.down_proj"));
        return x -> each(x, row -> {
            double[] narrow = stored.has(m + "fc1_latent_proj.weight") ? times(stored.linear(m + "fc1_latent_proj"), row) : row;
            double[] made = experts.of(narrow, times(experts.router, row), (part, input) -> Decoder.feedForward(part, input, SQUARED));
            double[] wide = stored.has(m + "fc2_latent_proj.weight") ? times(stored.linear(m + "fc2_latent_proj"), made) : made;
            return plus(wide, Decoder.feedForward(shared, row, SQUARED), 1);
        });
    }

    /** JambaAttentionDecoderLayer and its like: attention, without positions in Jamba, or a layer with a state; then a feed-forward or experts. */
    private void jambaOrBamba() {
        outer("model.embed_tokens", "model.final_layernorm");
        d.rotated = model.startsWith("Bamba");
        // kwargs["partial_rotary_factor"] = 0.5 in BambaConfig.
        d.ropeDimensions = d.headSize / 2;
        for (int i = 0; i < number("num_hidden_layers"); i++) {
            String l = "model.layers." + i + ".";
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "input_layernorm");
            layer.feedForwardNorm = norm(l + "pre_ff_layernorm");
            if (stored.has(l + "self_attn.q_proj.weight")) {
                layer.mixer = attention(l + "self_attn.");
            } else if (stored.has(l + "mamba.x_proj.weight")) {
                layer.mixer = new Mamba(stored, l + "mamba.", new Norm[] {norm(l + "mamba.dt_layernorm"), norm(l + "mamba.b_layernorm"), norm(l + "mamba.c_layernorm")}, d.epsilon);
            } else {
                layer.mixer = Mamba2.of(stored, config, l + "mamba.");
            }
            if (stored.has(l + "feed_forward.router.weight")) {
                layer.experts = new ExpertMixture(stored.linear(l + "feed_forward.router"), IntStream.range(0, number("num_experts")).mapToObj(e -> stored.gated(l + "feed_forward.experts." + e + ".")).toList(),
                        number("num_experts_per_tok"), false, null, null);
            } else {
                layer.dense = stored.gated(l + "feed_forward.");
            }
            d.layers.add(layer);
        }
    }

    /** FalconH1DecoderLayer: attention and Mamba 2 read the same normed rows, each with factors before and behind it, and are added. */
    private void falconH1() {
        outer("model.embed_tokens", "model.final_layernorm");
        d.embeddingScale = factor("embedding_multiplier");
        d.outputScale = factor("lm_head_multiplier");
        for (int i = 0; i < config.get("num_hidden_layers").asInt(); i++) {
            String l = "model.layers." + i + ".";
            Layer attended = new Layer();
            attended.ropeBase = config.get("rope_theta").asDouble();
            attended.query = stored.linear(l + "self_attn.q_proj");
            // The key's factor stands behind its projection, as mup_vector stands behind in_proj.
            attended.key = new Linear(each(stored.matrix(l + "self_attn.k_proj"), row -> scaled(row, factor("key_multiplier"))), null);
            attended.value = stored.linear(l + "self_attn.v_proj");
            attended.output = stored.linear(l + "self_attn.o_proj");
            SelfAttention attention = d.attention(attended);
            Mamba2 mamba = Mamba2.ofFalcon(stored, config, l + "mamba.");
            Layer layer = new Layer();
            layer.attentionNorm = norm(l + "input_layernorm");
            layer.mixer = x -> {
                double[][] seen = attention.of(each(x, row -> scaled(row, factor("attention_in_multiplier"))));
                double[][] kept = mamba.of(x);
                double[][] sum = new double[x.length][];
                Arrays.setAll(sum, t -> plus(scaled(seen[t], factor("attention_out_multiplier")), kept[t], factor("ssm_out_multiplier")));
                return sum;
            };
            layer.feedForwardNorm = norm(l + "pre_ff_layernorm");
            FeedForward plain = stored.gated(l + "feed_forward.");
            layer.dense = new FeedForward(plain.gate(), plain.up(), new Linear(each(plain.down().weight(), row -> scaled(row, config.at("/mlp_multipliers/1").asDouble())), null));
            layer.gating = (gate, up) -> silu(gate * config.at("/mlp_multipliers/0").asDouble()) * up;
            d.layers.add(layer);
        }
    }

    private int number(String field) {
        return config.get(field).asInt();
    }

    private double factor(String field) {
        return config.get(field).asDouble();
    }

    private Norm norm(String name) {
        return new Norm(stored.vector(name + ".weight"), null);
    }
}
