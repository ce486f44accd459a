package dev.adapterferry.lora;

import dev.adapterferry.tensor.TensorInfo;
import java.util.Collection;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;

/** Rows of an embedding that were trained alone: PEFT calls them a delta, but they take the place of the base's rows. */
final class TokenRows {
    private final AdapterValues values;
    private final TensorInfo tensor;
    private final NavigableMap<Long, Integer> places = new TreeMap<>();

    /**
     * @param values  the adapter's values
     * @param tensor  the stored rows, {@code (n, dim)}
     * @param indices the rows of the embedding whose place they take, in the order of the stored rows
     */
    TokenRows(AdapterValues values, TensorInfo tensor, List<Long> indices) {
        this.values = values;
        this.tensor = tensor;
        for (int i = 0; i < indices.size(); i++) {
            places.put(indices.get(i), i);
        }
    }

    /** The rows of the embedding that are replaced. */
    Collection<Long> indices() {
        return places.keySet();
    }

    /** Replaces those rows that lie in a block. */
    void replace(long first, int rows, float[] into, int offset) {
        int cols = (int) tensor.rowLength();
        places.subMap(first, first + rows).forEach((row, place) ->
                values.tensors().read(tensor, place, 1, into, offset + (int) (row - first) * cols));
    }
}
