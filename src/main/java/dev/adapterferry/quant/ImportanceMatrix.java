package dev.adapterferry.quant;

import dev.adapterferry.failure.FerryException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How much each input column of a weight matters, measured as the mean square of the activations that met it
 * (llama.cpp's imatrix). Immutable.
 */
public final class ImportanceMatrix {
    private final Map<String, float[]> weights;
    private final String source;
    private final List<String> datasets;
    private final long chunks;

    private ImportanceMatrix(Map<String, float[]> weights, String source, List<String> datasets, long chunks) {
        this.weights = new LinkedHashMap<>(weights);
        this.source = source;
        this.datasets = List.copyOf(datasets);
        this.chunks = chunks;
        this.weights.forEach((name, values) -> {
            int bad = NonFinite.inValues(values, 0, values.length);
            if (bad >= 0) {
                throw new FerryException("Cannot use the importance matrix " + source + ": value " + bad + " of '" + name
                        + "' is " + values[bad] + ". Measure it again.");
            }
        });
    }

    /**
     * A matrix from its finished weights.
     *
     * @param weights  by GGUF tensor name, {@code .weight} included: columns, for each expert; kept, not copied
     * @param source   the file, as it will be named in the GGUF key {@code quantize.imatrix.file}
     * @param datasets names of the texts it was measured on, may be empty
     * @param chunks   number of chunks of text, 0 when unknown
     * @throws FerryException when a weight is not finite
     */
    public static ImportanceMatrix of(Map<String, float[]> weights, String source, List<String> datasets, long chunks) {
        return new ImportanceMatrix(weights, source, datasets, chunks);
    }

    /**
     * Means from the sums that the GGUF form keeps ({@code NAME.in_sum2}, {@code NAME.counts}).
     *
     * @param sums   sums of squares, columns for each expert
     * @param counts number of activations that each sum saw, one per expert
     * @return the weights; all 1 for an expert that saw none
     */
    public static float[] means(float[] sums, float[] counts) {
        if (counts.length == 0 || sums.length % counts.length != 0) {
            throw new IllegalArgumentException(sums.length + " sums for " + counts.length + " counts");
        }
        float[] means = new float[sums.length];
        int columns = sums.length / counts.length;
        for (int i = 0; i < sums.length; i++) {
            float count = counts[i / columns];
            means[i] = count > 0 ? sums[i] / count : 1;
        }
        return means;
    }

    /**
     * The weights of a tensor.
     *
     * @param tensor  its GGUF name
     * @param columns row length
     * @param experts number of matrices in it, 1 for a plain one
     * @return {@code columns} weights for each expert, not a copy; empty when the matrix says nothing of this tensor
     * @throws FerryException when the number of weights is another (ignored for token embeddings, as llama.cpp does)
     */
    public Optional<float[]> find(String tensor, long columns, long experts) {
        float[] found = weights.get(tensor);
        if (found == null || found.length == columns * experts) {
            return Optional.ofNullable(found);
        }
        if (TensorRole.of(tensor) == TensorRole.EMBEDDING) {
            return Optional.empty();
        }
        throw new FerryException("Cannot use the importance matrix " + source + " for tensor '" + tensor + "': it has " + found.length
                + " values, the tensor needs " + columns * experts + ". It was measured on another model.");
    }

    /** The file it came from. */
    public String source() {
        return source;
    }

    /** Names of the texts it was measured on. */
    public List<String> datasets() {
        return datasets;
    }

    /** Number of chunks of text it was measured on; 0 when unknown. */
    public long chunks() {
        return chunks;
    }

    /** Number of tensors it speaks of. */
    public int size() {
        return weights.size();
    }
}
