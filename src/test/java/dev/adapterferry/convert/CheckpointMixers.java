package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.Set;

/** What transformers' model classes have in the place of ordinary attention. */
final class CheckpointMixers {
    private static final Set<String> LATENT = Set.of("DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM", "KimiK2ForCausalLM", "Glm4MoeLiteForCausalLM", "Mistral3ForConditionalGeneration", "DeepseekV32ForCausalLM",
            "GlmMoeDsaForCausalLM");

    private CheckpointMixers() { }

    /** The mixer of a layer, or null where it has ordinary attention. */
    static Decoder.Mixer of(CheckpointTensors stored, JsonNode config, Decoder d, Decoder.Layer layer, String l) {
        if (LATENT.contains(config.at("/architectures/0").asText())) {
            return latent(stored, config, d, l + "self_attn.");
        }
        if (stored.has(l + "linear_attn.out_proj.weight")) {
            return new DeltaNet(stored, config, l + "linear_attn.");
        }
        return stored.has(l + "self_attn.q_proj.weight") && stored.matrix(l + "self_attn.q_proj").length == 2 * d.heads * d.headSize ? gated(stored, d, layer, l + "self_attn.") : null;
    }

    private static Decoder.Mixer latent(CheckpointTensors stored, JsonNode config, Decoder d, String a) {
        LatentAttention attention = new LatentAttention(stored, config, d, a);
        if (stored.has(a + "indexer.wk.weight")) {
            d.indexer = new LightningIndexer(stored, config, attention, a);
            attention.indexed = true;
        }
        attention.indexer = d.indexer;
        return attention;
    }

    /** Qwen3NextAttention: q_proj seen as [heads, 2 * size], chunked into query and gate; the gate's sigmoid is multiplied in before o_proj. */
    private static Decoder.Mixer gated(CheckpointTensors stored, Decoder d, Decoder.Layer layer, String a) {
        double[][] rows = stored.matrix(a + "q_proj");
        double[][][] halves = new double[2][d.heads * d.headSize][];
        for (int r = 0; r < rows.length; r++) {
            int head = r / (2 * d.headSize);
            int within = r % (2 * d.headSize);
            halves[within / d.headSize][head * d.headSize + within % d.headSize] = rows[r];
        }
        layer.query = new Decoder.Linear(halves[0], null);
        layer.key = stored.linear(a + "k_proj");
        layer.value = stored.linear(a + "v_proj");
        return gated(new Decoder.Linear(halves[1], null), stored.linear(a + "o_proj"), d, layer);
    }

    /** Attention whose result is multiplied by the sigmoid of a gate before it goes through the output. */
    static Decoder.Mixer gated(Decoder.Linear opening, Decoder.Linear output, Decoder d, Decoder.Layer layer) {
        layer.output = unchanged(d.heads * d.headSize);
        SelfAttention attention = d.attention(layer);
        return x -> {
            double[][] found = attention.of(x);
            for (int t = 0; t < x.length; t++) {
                double[] gate = Arithmetic.times(opening, x[t]);
                double[] row = found[t];
                Arrays.setAll(row, i -> row[i] * Arithmetic.sigmoid(gate[i]));
                found[t] = Arithmetic.times(output, row);
            }
            return found;
        };
    }

    /** An output that gives what it is given. */
    static Decoder.Linear unchanged(int width) {
        double[][] one = new double[width][width];
        for (int i = 0; i < width; i++) {
            one[i][i] = 1;
        }
        return new Decoder.Linear(one, null);
    }
}
