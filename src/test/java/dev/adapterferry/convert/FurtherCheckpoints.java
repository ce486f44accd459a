package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.Decoder.Norm;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** Reads the checkpoints of {@link FurtherTinyModels} as the model classes do that their authors published. */
final class FurtherCheckpoints {
    /** The classes that are read here. */
    static final Set<String> CLASSES = Set.of("GraniteMoeHybridForCausalLM", "BaichuanForCausalLM", "OrionForCausalLM", "XverseForCausalLM", "MPTForCausalLM", "DbrxForCausalLM",
            "MiniCPM3ForCausalLM", "Dots1ForCausalLM", "MiniMaxM2ForCausalLM", "BailingMoeV2ForCausalLM");

    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String model;
    private final Decoder d = new Decoder();

    private FurtherCheckpoints(MemoryCheckpoint checkpoint) {
        this.stored = new CheckpointTensors(checkpoint);
        this.config = checkpoint.rawConfig();
        this.model = config.at("/architectures/0").asText();
    }

    static Decoder of(MemoryCheckpoint checkpoint) {
        return new FurtherCheckpoints(checkpoint).read();
    }

    private Decoder read() {
        boolean blocks = stored.has("transformer.wte.weight");
        d.heads = config.path("num_attention_heads").asInt(config.path("n_heads").asInt());
        d.keyHeads = config.at("/attn_config/kv_n_heads").asInt(blocks ? d.heads : config.path("num_key_value_heads").asInt());
        d.headSize = config.path("head_dim").asInt(TinyModels.WIDTH / d.heads);
        d.ropeDimensions = config.path("rotary_dim").asInt((int) (d.headSize * config.path("partial_rotary_factor").asDouble(1)));
        d.attentionScale = config.path("attention_multiplier").asDouble(1 / Math.sqrt(d.headSize));
        d.layerNorm = blocks || model.equals("OrionForCausalLM");
        d.epsilon = config.path("rms_norm_eps").asDouble(1e-5);
        d.clip = config.at("/attn_config/clip_qkv").asDouble(0);
        d.activation = model.equals("MPTForCausalLM") ? Activation.GELU : Activation.SILU;
        boolean byDistance = model.equals("MPTForCausalLM") || model.equals("BaichuanForCausalLM") && config.get("num_hidden_layers").asInt() == 40;
        d.rotated = !byDistance && !config.path("position_embedding_type").asText().equals("nope");
        // 2^(-8 (h + 1) / heads), as the paper has it for heads that are a power of two.
        d.slopes = byDistance ? IntStream.rangeClosed(1, d.heads).mapToDouble(h -> Math.pow(2, -8.0 * h / d.heads)).toArray() : null;
        d.embeddingScale = config.path("embedding_multiplier").asDouble(1);
        d.residualScale = config.path("residual_multiplier").asDouble(1);
        d.outputScale = 1 / config.path("logits_scaling").asDouble(1);
        d.embedding = stored.matrix(blocks ? "transformer.wte" : stored.has("model.word_embeddings.weight") ? "model.word_embeddings" : "model.embed_tokens");
        d.outputNorm = norm(blocks ? "transformer.norm_f" : "model.norm");
        d.output = stored.has("lm_head.weight") ? stored.linear("lm_head") : new Linear(d.embedding, null);
        if (model.equals("MiniCPM3ForCausalLM")) {
            d.embeddingScale = config.get("scale_emb").asDouble();
            d.residualScale = config.get("scale_depth").asDouble() / Math.sqrt(2);
            d.outputScale = config.get("dim_model_base").asDouble() / TinyModels.WIDTH;
            d.ropeFactors = config.at("/rope_scaling/short_factor").valueStream().mapToDouble(JsonNode::asDouble).toArray();
        }
        for (int i = 0; i < config.path("num_hidden_layers").asInt(2); i++) {
            d.layers.add(blocks ? block("transformer.blocks." + i + ".") : layer("model.layers." + i + "."));
        }
        return d;
    }

    private Layer layer(String l) {
        Layer layer = new Layer();
        layer.ropeBase = config.path("rope_theta").asDouble(10000);
        layer.attentionNorm = norm(l + "input_layernorm");
        layer.feedForwardNorm = norm(l + "post_attention_layernorm");
        if (stored.has(l + "attention.query_key_value.weight")) {
            FusedRows.split(stored.linear(l + "attention.query_key_value"), 1, d, layer);
            layer.queryNorm = norm(l + "attention.query_layernorm");
            layer.keyNorm = norm(l + "attention.key_layernorm");
            layer.output = stored.linear(l + "attention.dense");
        } else if (stored.has(l + "self_attn.W_pack.weight")) {
            FusedRows.split(stored.linear(l + "self_attn.W_pack"), 1, d, layer);
            layer.output = stored.linear(l + "self_attn.o_proj");
        } else if (stored.has(l + "mamba.in_proj.weight")) {
            layer.mixer = Mamba2.of(stored, config, l + "mamba.");
        } else if (stored.has(l + "self_attn.kv_b_proj.weight")) {
            LatentAttention latent = new LatentAttention(stored, config, d, l + "self_attn.");
            latent.halves = true;
            layer.mixer = latent;
        } else {
            layer.query = stored.linear(l + "self_attn.q_proj");
            layer.key = stored.linear(l + "self_attn.k_proj");
            layer.value = stored.linear(l + "self_attn.v_proj");
            layer.queryNorm = norm(l + "self_attn.q_norm");
            layer.keyNorm = norm(l + "self_attn.k_norm");
            layer.output = stored.linear(l + "self_attn.o_proj");
        }
        feedForward(layer, l);
        return layer;
    }

    private void feedForward(Layer layer, String l) {
        if (stored.has(l + "block_sparse_moe.gate.weight")) {
            layer.experts = sigmoids(l + "block_sparse_moe.gate", l + "block_sparse_moe.e_score_correction_bias", IntStream.range(0, 4).mapToObj(e -> l + "block_sparse_moe.experts." + e + ".")
                    .map(x -> new FeedForward(stored.linear(x + "w1"), stored.linear(x + "w3"), stored.linear(x + "w2"))).toList(), null);
        } else if (stored.has(l + "mlp.gate.weight")) {
            String bias = l + (stored.has(l + "mlp.gate.expert_bias") ? "mlp.gate.expert_bias" : "mlp.gate.e_score_correction_bias");
            int count = config.path("num_experts").asInt(config.path("n_routed_experts").asInt());
            layer.experts = sigmoids(l + "mlp.gate", bias, IntStream.range(0, count).mapToObj(e -> stored.gated(l + "mlp.experts." + e + ".")).toList(), stored.gated(l + "mlp.shared_experts."));
            layer.experts.scale = config.get("routed_scaling_factor").asDouble();
            layer.experts.groups = config.get("n_group").asInt();
            layer.experts.groupsUsed = config.get("topk_group").asInt();
        } else if (stored.has(l + "block_sparse_moe.router.layer.weight")) {
            List<FeedForward> experts = IntStream.range(0, 4).mapToObj(e -> halves(stored.slab(l + "block_sparse_moe.input_linear.weight", e), new Linear(stored.slab(l + "block_sparse_moe.output_linear.weight", e), null))).toList();
            layer.experts = new ExpertMixture(stored.linear(l + "block_sparse_moe.router.layer"), experts, 2, true, shared(l), null);
        } else if (stored.has(l + "shared_mlp.input_linear.weight")) {
            layer.dense = shared(l);
        } else {
            layer.dense = stored.gated(l + "mlp.");
        }
    }

    private FeedForward shared(String l) {
        return halves(stored.matrix(l + "shared_mlp.input_linear"), stored.linear(l + "shared_mlp.output_linear"));
    }

    private static FeedForward halves(double[][] both, Linear down) {
        return new FeedForward(new Linear(Arrays.copyOfRange(both, 0, both.length / 2), null), new Linear(Arrays.copyOfRange(both, both.length / 2, both.length), null), down);
    }

    private ExpertMixture sigmoids(String router, String bias, List<FeedForward> experts, FeedForward shared) {
        ExpertMixture mixture = new ExpertMixture(stored.linear(router), experts, 2, true, shared, null);
        mixture.shares = Shares.SIGMOID;
        mixture.choice = stored.vector(bias);
        return mixture;
    }

    /** MPT and DBRX. */
    private Layer block(String l) {
        Layer layer = new Layer();
        layer.ropeBase = config.at("/attn_config/rope_theta").asDouble(10000);
        String a = l + (model.equals("DbrxForCausalLM") ? "norm_attn_norm." : "");
        layer.attentionNorm = norm(a + "norm_1");
        layer.feedForwardNorm = norm(a + "norm_2");
        FusedRows.split(stored.linear(a + "attn.Wqkv"), 1, d, layer);
        layer.output = stored.linear(a + "attn.out_proj");
        if (model.equals("MPTForCausalLM")) {
            layer.dense = new FeedForward(null, stored.linear(l + "ffn.up_proj"), stored.linear(l + "ffn.down_proj"));
            return layer;
        }
        // DbrxExpertGLU: w1, v1 and w2 seen as [experts, inner, width]; w2 is multiplied from the other side.
        List<FeedForward> experts = IntStream.range(0, 4).mapToObj(e -> new FeedForward(new Linear(expert(l, "w1", e), null), new Linear(expert(l, "v1", e), null),
                new Linear(turned(expert(l, "w2", e)), null))).toList();
        layer.experts = new ExpertMixture(stored.linear(l + "ffn.router.layer"), experts, 2, true, null, null);
        return layer;
    }

    private double[][] expert(String l, String part, int number) {
        double[][] all = stored.rows(l + "ffn.experts.mlp." + part, 0, 4 * 48);
        return Arrays.copyOfRange(all, number * 48, (number + 1) * 48);
    }

    private static double[][] turned(double[][] matrix) {
        double[][] out = new double[matrix[0].length][matrix.length];
        for (int r = 0; r < matrix.length; r++) {
            for (int c = 0; c < out.length; c++) {
                out[c][r] = matrix[r][c];
            }
        }
        return out;
    }

    private Norm norm(String name) {
        return stored.has(name + ".weight") ? new Norm(stored.vector(name + ".weight"), stored.has(name + ".bias") ? stored.vector(name + ".bias") : null) : null;
    }
}
