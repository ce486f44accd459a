package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.FeedForward;
import dev.adapterferry.convert.Decoder.Linear;
import dev.adapterferry.convert.ExpertMixture.Shares;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** A layer's experts as transformers' model classes store them and route to them. */
final class CheckpointExperts {
    private final CheckpointTensors stored;
    private final JsonNode config;
    private final String l;

    private CheckpointExperts(CheckpointTensors stored, JsonNode config, String l) {
        this.stored = stored;
        this.config = config;
        this.l = l;
    }

    /** The experts of a layer, or null where it has none. */
    static ExpertMixture read(CheckpointTensors stored, JsonNode config, String l) {
        return new CheckpointExperts(stored, config, l).read(config.at("/architectures/0").asText());
    }

    private ExpertMixture read(String model) {
        return switch (model) {
            case "MixtralForCausalLM" -> mixture("block_sparse_moe.gate", count("num_local_experts"), count("num_experts_per_tok"), true,
                    e -> named("block_sparse_moe.experts." + e + "."), null, null);
            case "GraniteMoeForCausalLM" -> mixture("block_sparse_moe.router.layer", count("num_local_experts"), count("num_experts_per_tok"), true,
                    e -> halves("block_sparse_moe.input_linear.weight", "block_sparse_moe.output_linear.weight", e), null, null);
            case "GptOssForCausalLM" -> {
                ExpertMixture experts = mixture("mlp.router", count("num_local_experts"), count("num_experts_per_tok"), false, this::alternating, null, null);
                experts.shares = Shares.SOFTMAX_OF_CHOSEN;
                yield experts;
            }
            case "Glm4MoeForCausalLM" -> has("mlp.gate.weight") ? sigmoid(mixture("mlp.gate", count("n_routed_experts"), count("num_experts_per_tok"), config.get("norm_topk_prob").asBoolean(),
                    e -> stored.gated(l + "mlp.experts." + e + "."), stored.gated(l + "mlp.shared_experts."), null), "mlp.gate.e_score_correction_bias") : null;
            case "Ernie4_5_MoeForCausalLM" -> {
                if (!has("mlp.gate.weight")) {
                    yield null;
                }
                ExpertMixture experts = mixture("mlp.gate", count("moe_num_experts"), count("moe_k"), true, e -> stored.gated(l + "mlp.experts." + e + "."),
                        stored.gated(l + "mlp.shared_experts."), null);
                experts.choice = stored.vector(l + "mlp.moe_statics.e_score_correction_bias");
                yield experts;
            }
            case "Lfm2MoeForCausalLM" -> has("feed_forward.gate.weight") ? sigmoid(mixture("feed_forward.gate", count("num_experts"), count("num_experts_per_tok"),
                    config.get("norm_topk_prob").asBoolean(), e -> named("feed_forward.experts." + e + "."), null, null), "feed_forward.expert_bias") : null;
            case "PhiMoEForCausalLM" -> {
                ExpertMixture experts = mixture("block_sparse_moe.gate", count("num_local_experts"), count("num_experts_per_tok"), false, e -> named("block_sparse_moe.experts." + e + "."), null, null);
                experts.shares = Shares.SPARSE_MIXER;
                experts.jitter = config.get("router_jitter_noise").asDouble();
                yield experts;
            }
            case "DeepseekForCausalLM", "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "KimiK2ForCausalLM", "Glm4MoeLiteForCausalLM", "DeepseekV32ForCausalLM", "GlmMoeDsaForCausalLM" -> has("mlp.gate.weight") ? deepseek(model) : null;
            case "Mistral3ForConditionalGeneration" -> {
                ExpertMixture experts = mixture("mlp.gate", count("n_routed_experts"), count("num_experts_per_tok"), config.get("norm_topk_prob").asBoolean(),
                        e -> halves("mlp.experts.gate_up_proj", "mlp.experts.down_proj", e), stored.gated(l + "mlp.shared_experts."), null);
                experts.groups = count("n_group");
                experts.groupsUsed = count("topk_group");
                yield experts;
            }
            case "Llama4ForCausalLM", "Llama4ForConditionalGeneration" -> {
                if (!has("feed_forward.router.weight")) {
                    yield null;
                }
                ExpertMixture experts = mixture("feed_forward.router", count("num_local_experts"), count("num_experts_per_tok"), false, e -> inputsFirst("feed_forward.experts.", e),
                        stored.gated(l + "feed_forward.shared_expert."), null);
                experts.shares = Shares.SIGMOID;
                experts.weighedInput = true;
                yield experts;
            }
            case "Qwen3VLMoeForConditionalGeneration" -> mixture("mlp.gate", count("num_experts"), count("num_experts_per_tok"), true, e -> inputsFirst("mlp.experts.", e), null, null);
            default -> {
                boolean shared = has("mlp.shared_expert_gate.weight");
                yield !has("mlp.gate.weight") ? null : mixture("mlp.gate", count("num_experts"), count("num_experts_per_tok"), config.path("norm_topk_prob").asBoolean(),
                        e -> has("mlp.experts.gate_up_proj") ? halves("mlp.experts.gate_up_proj", "mlp.experts.down_proj", e) : stored.gated(l + "mlp.experts." + e + "."),
                        shared ? stored.gated(l + "mlp.shared_expert.") : null, shared ? stored.linear(l + "mlp.shared_expert_gate") : null);
            }
        };
    }

    /** First and V2: shares of a softmax, in V2 times a factor. V3: sigmoids, chosen with a bias and by groups, scaled to a sum of one, times a factor. */
    private ExpertMixture deepseek(String model) {
        ExpertMixture experts = mixture("mlp.gate", count("n_routed_experts"), count("num_experts_per_tok"), config.path("norm_topk_prob").asBoolean(),
                e -> stored.gated(l + "mlp.experts." + e + "."), stored.gated(l + "mlp.shared_experts."), null);
        if (model.equals("DeepseekForCausalLM") || model.equals("DeepseekV2ForCausalLM")) {
            experts.scale = config.path("routed_scaling_factor").asDouble(1);
            return experts;
        }
        experts.groups = count("n_group");
        experts.groupsUsed = count("topk_group");
        return sigmoid(experts, "mlp.gate.e_score_correction_bias");
    }

    /** Packed and stored inputs by outputs, {@code x @ W}: the first half of gate_up_proj's outputs is the gate. */
    private FeedForward inputsFirst(String prefix, int expert) {
        double[][] in = stored.slab(l + prefix + "gate_up_proj", expert);
        double[][] out = stored.slab(l + prefix + "down_proj", expert);
        int inner = out.length;
        return new FeedForward(columns(in, 0, inner), columns(in, inner, inner), columns(out, 0, out[0].length));
    }

    private static Linear columns(double[][] matrix, int first, int count) {
        double[][] weight = new double[count][matrix.length];
        for (int o = 0; o < count; o++) {
            for (int i = 0; i < matrix.length; i++) {
                weight[o][i] = matrix[i][first + o];
            }
        }
        return new Linear(weight, null);
    }

    private ExpertMixture sigmoid(ExpertMixture experts, String choice) {
        experts.shares = Shares.SIGMOID;
        experts.choice = has(choice) ? stored.vector(l + choice) : null;
        experts.scale = config.path("routed_scaling_factor").asDouble(1);
        return experts;
    }

    private ExpertMixture mixture(String router, int count, int used, boolean renormalise, IntFunction<FeedForward> expert, FeedForward shared, Linear sharedGate) {
        List<FeedForward> experts = IntStream.range(0, count).mapToObj(expert).toList();
        return new ExpertMixture(stored.linear(l + router), experts, used, renormalise, shared, sharedGate);
    }

    private boolean has(String tensor) {
        return stored.has(l + tensor);
    }

    private int count(String field) {
        return config.get(field).asInt();
    }

    private FeedForward named(String prefix) {
        return new FeedForward(stored.linear(l + prefix + "w1"), stored.linear(l + prefix + "w3"), stored.linear(l + prefix + "w2"));
    }

    /** Gate and up in the halves of one tensor. */
    private FeedForward halves(String input, String output, int expert) {
        double[][] in = stored.slab(l + input, expert);
        int inner = in.length / 2;
        return new FeedForward(new Linear(Arrays.copyOfRange(in, 0, inner), null), new Linear(Arrays.copyOfRange(in, inner, 2 * inner), null), new Linear(stored.slab(l + output, expert), null));
    }

    /** gpt-oss: inputs by outputs, {@code x @ W + b}; of the outputs the even ones are gate, the odd ones up. */
    private FeedForward alternating(int expert) {
        double[][] in = stored.slab(l + "mlp.experts.gate_up_proj", expert);
        double[] bias = stored.slabRow(l + "mlp.experts.gate_up_proj_bias", expert);
        double[][] out = stored.slab(l + "mlp.experts.down_proj", expert);
        int inner = bias.length / 2;
        return new FeedForward(column(in, bias, inner, 2, 0), column(in, bias, inner, 2, 1), column(out, stored.slabRow(l + "mlp.experts.down_proj_bias", expert), out[0].length, 1, 0));
    }

    private static Linear column(double[][] matrix, double[] bias, int outputs, int step, int first) {
        double[][] weight = new double[outputs][matrix.length];
        double[] own = new double[outputs];
        for (int o = 0; o < outputs; o++) {
            own[o] = bias[o * step + first];
            for (int i = 0; i < matrix.length; i++) {
                weight[o][i] = matrix[i][o * step + first];
            }
        }
        return new Linear(weight, own);
    }
}
