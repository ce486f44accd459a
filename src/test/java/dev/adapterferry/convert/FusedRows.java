package dev.adapterferry.convert;

import dev.adapterferry.convert.Decoder.Layer;
import dev.adapterferry.convert.Decoder.Linear;

/** Queries, keys and values in one matrix, as many models store them: in groups of heads, each of which has its queries, then its keys, then its values. */
final class FusedRows {
    private FusedRows() { }

    /**
     * Gives a layer its queries, keys and values.
     *
     * @param fused  the matrix, and its bias or null
     * @param groups 1 where all queries come first; the number of heads where each head's query, key and value stand together; of key heads where each has its queries beside it
     * @param model  knows the heads
     */
    static void split(Linear fused, int groups, Decoder model, Layer layer) {
        int queries = model.heads / groups * model.headSize;
        int keys = model.keyHeads / groups * model.headSize;
        layer.query = part(fused, groups, 0, queries);
        layer.key = part(fused, groups, queries, keys);
        layer.value = part(fused, groups, queries + keys, keys);
    }

    private static Linear part(Linear fused, int groups, int from, int count) {
        int group = fused.weight().length / groups;
        double[][] rows = new double[groups * count][];
        double[] bias = fused.bias() == null ? null : new double[groups * count];
        for (int r = 0; r < rows.length; r++) {
            int source = r / count * group + from + r % count;
            rows[r] = fused.weight()[source];
            if (bias != null) {
                bias[r] = fused.bias()[source];
            }
        }
        return new Linear(rows, bias);
    }
}
