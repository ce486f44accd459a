package dev.adapterferry.gguf;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.files.Durable;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.LegacyImatrixFile;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads an importance matrix in the form that llama.cpp's {@code llama-imatrix} writes since July 2025: a GGUF file of
 * type {@code imatrix}, which holds for a weight tensor T the sums of squared activations {@code T.in_sum2} and the
 * number of activations behind them {@code T.counts}, one row and one count per expert.
 */
public final class ImatrixGguf {
    private static final String ADVICE = "Measure it again with llama-imatrix, or name the file that it wrote";
    private static final String SUMS = ".in_sum2";
    private static final String COUNTS = ".counts";
    private static final long LARGEST = 1 << 28;

    private ImatrixGguf() { }

    /** Whether a file is GGUF at all; the older form of the matrix starts otherwise. */
    public static boolean isGguf(Path file) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
            ByteBuffer magic = ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN);
            return channel.read(magic) == 4 && magic.getInt(0) == GgufFormat.MAGIC;
        } catch (IOException e) {
            throw new FerryException("Cannot read the importance matrix " + file + ": " + Durable.reason(e) + ".", e);
        }
    }

    /**
     * Reads a matrix in either form.
     *
     * @param file the file
     * @return the matrix
     * @throws MalformedFile when it is of neither form, or a value in it is not finite or negative
     */
    public static ImportanceMatrix readEither(Path file) {
        return isGguf(file) ? read(file) : new LegacyImatrixFile(file).read();
    }

    /**
     * Reads a matrix in the GGUF form.
     *
     * @param file the file
     * @return the matrix
     * @throws MalformedFile when the file is no such matrix, or a value in it is not finite or negative
     */
    public static ImportanceMatrix read(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            String type = gguf.metadata().findString("general.type").orElse("");
            if (!type.equals("imatrix")) {
                throw new MalformedFile(file, -1, "general.type is '" + type + "', not 'imatrix'", ADVICE);
            }
            long chunks = gguf.metadata().findLong("imatrix.chunk_count").orElseThrow(() -> new MalformedFile(file, -1, "imatrix.chunk_count is missing", ADVICE));
            List<String> datasets = gguf.metadata().findStrings("imatrix.datasets").orElse(List.of());
            Map<String, float[]> weights = new LinkedHashMap<>();
            for (TensorInfo tensor : gguf.tensors()) {
                if (tensor.name().endsWith(SUMS)) {
                    String name = tensor.name().substring(0, tensor.name().length() - SUMS.length());
                    weights.put(name, means(gguf, file, tensor, name));
                }
            }
            if (weights.isEmpty()) {
                throw new MalformedFile(file, -1, "it holds no tensor ending in " + SUMS, ADVICE);
            }
            return ImportanceMatrix.of(weights, file.toString(), datasets, chunks);
        }
    }

    private static float[] means(GgufFile gguf, Path file, TensorInfo sums, String name) {
        TensorInfo counts = gguf.find(name + COUNTS).orElseThrow(() -> new MalformedFile(file, -1, "tensor '" + name + COUNTS + "' is missing", ADVICE));
        if (sums.type() != GgmlType.F32 || counts.type() != GgmlType.F32 || counts.elements() != sums.rows()) {
            throw new MalformedFile(file, -1, "'" + name + "' has " + sums.rows() + " rows of " + sums.type().label() + " sums but " + counts.elements() + " "
                    + counts.type().label() + " counts", ADVICE);
        }
        return ImportanceMatrix.means(values(gguf, file, sums), values(gguf, file, counts));
    }

    private static float[] values(GgufFile gguf, Path file, TensorInfo tensor) {
        if (tensor.elements() > LARGEST) {
            throw new MalformedFile(file, -1, "tensor '" + tensor.name() + "' has " + tensor.elements() + " values, more than any importance matrix", ADVICE);
        }
        float[] values = new float[(int) tensor.elements()];
        gguf.read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
        for (int i = 0; i < values.length; i++) {
            if (!Float.isFinite(values[i]) || values[i] < 0) {
                throw new MalformedFile(file, -1, "tensor '" + tensor.name() + "' holds " + values[i] + " at index " + i + "; expected a finite sum of squares", ADVICE);
            }
        }
        return values;
    }
}
