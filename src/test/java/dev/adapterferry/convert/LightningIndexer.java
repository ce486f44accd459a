package dev.adapterferry.convert;

import static dev.adapterferry.convert.Arithmetic.each;
import static dev.adapterferry.convert.Arithmetic.layerNorm;
import static dev.adapterferry.convert.Arithmetic.times;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.convert.Decoder.Norm;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/** Which tokens an attention looks at, as transformers' {@code DeepseekV32Indexer} and {@code GlmMoeDsaIndexer} choose them; the latter turn neighbours. */
final class LightningIndexer {
    private final CheckpointTensors stored;
    private final LatentAttention attention;
    private final String a;
    private final boolean halves;
    private final int heads;
    private final int size;
    private final int turned;
    private final int kept;
    /** For the layers behind that have no indexer of their own. */
    private boolean[][] chosen;

    LightningIndexer(CheckpointTensors stored, JsonNode config, LatentAttention attention, String a) {
        this.stored = stored;
        this.attention = attention;
        this.a = a + "indexer.";
        this.halves = config.at("/architectures/0").asText().startsWith("Deepseek");
        this.heads = config.get("index_n_heads").asInt();
        this.size = config.get("index_head_dim").asInt();
        this.turned = config.get("qk_rope_head_dim").asInt();
        this.kept = config.get("index_topk").asInt();
    }

    /** What the last computation found. */
    boolean[][] chosen() {
        return chosen;
    }

    /**
     * Computes anew.
     *
     * @param x       rows that the attention reads
     * @param queries the latent queries, normed
     */
    boolean[][] choose(double[][] x, double[][] queries) {
        Norm norm = new Norm(stored.vector(a + "k_norm.weight"), stored.vector(a + "k_norm.bias"));
        double[][] keys = each(x, row -> layerNorm(times(stored.linear(a + "wk"), row), norm, 1e-6));
        chosen = new boolean[x.length][x.length];
        for (int t = 0; t < x.length; t++) {
            double[] all = times(stored.linear(a + "wq_b"), queries[t]);
            double[] weights = times(stored.linear(a + "weights_proj"), x[t]);
            double[] scores = new double[t + 1];
            for (int s = 0; s <= t; s++) {
                double[] key = turned(keys[s], s);
                for (int h = 0; h < heads; h++) {
                    double[] query = turned(Arrays.copyOfRange(all, h * size, (h + 1) * size), t);
                    double product = IntStream.range(0, size).mapToDouble(i -> query[i] * key[i]).sum();
                    scores[s] += weights[h] / Math.sqrt(heads) * Math.max(0, product / Math.sqrt(size));
                }
            }
            boolean[] row = chosen[t];
            IntStream.rangeClosed(0, t).boxed().sorted(Comparator.comparingDouble(s -> -scores[s])).limit(kept).forEach(s -> row[s] = true);
        }
        return chosen;
    }

    private double[] turned(double[] row, int position) {
        double[] out = row.clone();
        System.arraycopy(attention.embedded(Arrays.copyOf(row, turned), position, halves), 0, out, 0, turned);
        return out;
    }
}
