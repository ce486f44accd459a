package dev.adapterferry.gguf;

import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * An importance matrix in the form that llama.cpp's {@code llama-imatrix} writes since July 2025: a GGUF file of type
 * {@code imatrix}, which holds for a weight tensor T the sums of squared activations {@code T.in_sum2} and the number
 * of tokens behind them {@code T.counts}.
 *
 * @param weights  per tensor name, {@code ne0} values, or {@code ne0} per expert, expert after expert: the mean squared
 *                 activation of each column. A row (expert) that no token reached is all ones
 * @param datasets names of the texts it was computed from
 * @param chunks   number of chunks of text
 */
public record ImatrixGguf(Map<String, float[]> weights, List<String> datasets, long chunks) {
    private static final String SUMS = ".in_sum2";
    private static final String COUNTS = ".counts";

    /**
     * Reads one.
     *
     * @param file the file
     * @return the matrix
     * @throws MalformedFile when the file is no such matrix, or a value in it is not finite or negative
     */
    public static ImatrixGguf read(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            String type = gguf.metadata().findString("general.type").orElse("");
            if (!type.equals("imatrix")) {
                throw new MalformedFile(file, -1, "general.type is '" + type + "', not 'imatrix'");
            }
            long chunks = gguf.metadata().findLong("imatrix.chunk_count").orElseThrow(() -> new MalformedFile(file, -1, "imatrix.chunk_count is missing"));
            List<String> datasets = gguf.metadata().findStrings("imatrix.datasets").orElse(List.of());
            Map<String, float[]> weights = new LinkedHashMap<>();
            for (TensorInfo tensor : gguf.tensors()) {
                if (tensor.name().endsWith(SUMS)) {
                    String name = tensor.name().substring(0, tensor.name().length() - SUMS.length());
                    weights.put(name, means(gguf, file, tensor, name));
                }
            }
            if (weights.isEmpty()) {
                throw new MalformedFile(file, -1, "it holds no tensor ending in " + SUMS);
            }
            return new ImatrixGguf(weights, datasets, chunks);
        }
    }

    private static float[] means(GgufFile gguf, Path file, TensorInfo sums, String name) {
        TensorInfo counts = gguf.find(name + COUNTS).orElseThrow(() -> new MalformedFile(file, -1, "tensor '" + name + COUNTS + "' is missing"));
        if (sums.type() != GgmlType.F32 || counts.type() != GgmlType.F32 || counts.elements() != sums.rows()) {
            throw new MalformedFile(file, -1, "'" + name + "' has " + sums.rows() + " rows of " + sums.type().label() + " sums but " + counts.elements() + " "
                    + counts.type().label() + " counts");
        }
        int columns = Math.toIntExact(sums.rowLength());
        float[] values = values(gguf, file, sums);
        float[] divisors = values(gguf, file, counts);
        for (int row = 0; row < divisors.length; row++) {
            float count = divisors[row];
            if (count == 0) {
                Arrays.fill(values, row * columns, (row + 1) * columns, 1f);
            } else {
                for (int i = row * columns; i < (row + 1) * columns; i++) {
                    values[i] /= count;
                }
            }
        }
        return values;
    }

    private static float[] values(GgufFile gguf, Path file, TensorInfo tensor) {
        if (tensor.elements() > 1 << 28) {
            throw new MalformedFile(file, -1, "tensor '" + tensor.name() + "' has " + tensor.elements() + " values, more than any importance matrix");
        }
        float[] values = new float[(int) tensor.elements()];
        gguf.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i]) || values[i] < 0) {
                throw new MalformedFile(file, -1, "tensor '" + tensor.name() + "' holds " + values[i] + " at index " + i + "; expected a finite sum of squares");
            }
        }
        return values;
    }
}
