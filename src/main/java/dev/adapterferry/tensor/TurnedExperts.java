package dev.adapterferry.tensor;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Stacks of expert matrices under another name and with rows and columns exchanged: [experts, rows, columns] is read as [experts, columns,
 * rows]. gpt-oss is released with outputs as rows (its MXFP4 blocks lie along them) and named {@code X_blocks}; transformers keeps it unpacked as {@code X} with inputs as rows.
 * A matrix is turned whole and kept for the rows that follow.
 */
public final class TurnedExperts extends KnownTensors<TensorInfo> {
    private static final long KEPT_BYTES = 192L << 20;
    private static final int SLICE = 1 << 20;

    private final BoundedCache<Matrix, float[]> kept = new BoundedCache<>(KEPT_BYTES, matrix -> (long) matrix.length * Float.BYTES);

    private record Matrix(String name, long expert) { }

    /**
     * @param base  any tensors
     * @param names by the name of a tensor of three dimensions in the base, the name under which it appears turned
     */
    public TurnedExperts(TensorSource base, Map<String, String> names) {
        super(base);
        for (TensorInfo tensor : base.tensors()) {
            String name = names.get(tensor.name());
            if (name == null) {
                pass(tensor);
            } else {
                compute(new TensorInfo(name, tensor.type(), List.of(tensor.shape().get(0), tensor.shape().get(2), tensor.shape().get(1))), tensor);
            }
        }
    }

    /**
     * The names that transformers has for experts that are stored as MXFP4.
     *
     * @param plain tensors of a checkpoint as {@link DequantizedCheckpoint} gives them
     * @return by name there; empty when there are no such experts
     */
    public static Map<String, String> unpacked(TensorSource plain) {
        Map<String, String> names = new LinkedHashMap<>();
        plain.tensors().stream().filter(tensor -> tensor.name().endsWith(Mxfp4Tensors.BLOCKS) && tensor.rank() == 3)
                .forEach(tensor -> names.put(tensor.name(), tensor.name().substring(0, tensor.name().length() - Mxfp4Tensors.BLOCKS.length())));
        return names;
    }

    @Override
    Optional<String> identityOf(TensorInfo source) {
        return base.identity(source).map(identity -> identity + " turned");
    }

    @Override
    void read(TensorInfo source, TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        int length = Math.toIntExact(tensor.rowLength());
        long perMatrix = source.rowLength();
        for (int row = 0; row < rows; row++) {
            long expert = (firstRow + row) / perMatrix;
            float[] matrix = kept.get(new Matrix(tensor.name(), expert), () -> turn(source, expert));
            System.arraycopy(matrix, Math.toIntExact((firstRow + row) % perMatrix * length), into, offset + row * length, length);
        }
    }

    private float[] turn(TensorInfo source, long expert) {
        int rows = Math.toIntExact(source.shape().get(1));
        int columns = Math.toIntExact(source.rowLength());
        float[] turned = new float[Math.multiplyExact(rows, columns)];
        int step = Math.clamp(SLICE / columns, 1, rows);
        float[] slice = new float[step * columns];
        for (int first = 0; first < rows; first += step) {
            int now = Math.min(step, rows - first);
            base.read(source, expert * rows + first, now, slice, 0);
            for (int c = 0; c < columns; c++) {
                for (int r = 0; r < now; r++) {
                    turned[c * rows + first + r] = slice[r * columns + c];
                }
            }
        }
        return turned;
    }
}
