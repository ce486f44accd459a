package dev.adapterferry.tensor;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The tensors of a {@link DequantizedCheckpoint}. A weight {@code X} in F8 has its scale in {@code X_scale_inv} or {@code X_scale}:
 * one number, one per row, or one per block of rows and columns ({@code weight_block_size}). Scales are small and kept.
 */
final class DequantizedTensors extends KnownTensors<DequantizedTensors.Scaled> {
    private static final List<String> SCALES = List.of("_scale_inv", "_scale");
    /** What remains of a quantization beside weights and scales: scales of activations and of the key-value cache. */
    private static final List<String> DROPPED = List.of("activation_scale", "input_scale", ".k_scale", ".v_scale", ".qscale_act");

    /** A weight and how to scale it: element (i, j) by {@code scales[(i / blockRows) * scaleCols + j / blockCols]}. */
    record Scaled(TensorInfo info, TensorInfo stored, float[] scales, long blockRows, long blockCols, int scaleCols) { }

    DequantizedTensors(Checkpoint checkpoint) {
        super(checkpoint.tensors());
        Map<String, Scaled> scaled = new HashMap<>();
        Set<String> gone = new HashSet<>();
        for (TensorInfo tensor : base.tensors()) {
            if (isWeight(tensor) && ((ElementType) tensor.type()).isFloat8()) {
                Optional<TensorInfo> scale = SCALES.stream().map(suffix -> base.find(tensor.name() + suffix)).flatMap(Optional::stream).findFirst();
                scale.ifPresent(s -> gone.add(s.name()));
                TensorInfo info = new TensorInfo(tensor.name(), ElementType.BF16, tensor.shape());
                scaled.put(tensor.name(), scale.map(s -> scaled(checkpoint, info, tensor, s)).orElseGet(() -> new Scaled(info, tensor, new float[] {1}, Long.MAX_VALUE, Long.MAX_VALUE, 1)));
            }
        }
        for (TensorInfo tensor : base.tensors()) {
            if (scaled.containsKey(tensor.name())) {
                Scaled own = scaled.get(tensor.name());
                compute(own.info(), own);
            } else if (!gone.contains(tensor.name()) && DROPPED.stream().noneMatch(tensor.name()::endsWith)) {
                pass(tensor);
            }
        }
    }

    static boolean isWeight(TensorInfo tensor) {
        return tensor.rank() >= 2 && SCALES.stream().noneMatch(tensor.name()::endsWith);
    }

    private Scaled scaled(Checkpoint checkpoint, TensorInfo info, TensorInfo stored, TensorInfo scale) {
        float[] scales = new float[Math.toIntExact(scale.elements())];
        base.read(scale, 0, Math.toIntExact(scale.rows()), scales, 0);
        if (scales.length == 1) {
            return new Scaled(info, stored, scales, Long.MAX_VALUE, Long.MAX_VALUE, 1);
        }
        long rows = stored.rows();
        long cols = stored.rowLength();
        if (scales.length == rows && (scale.rowLength() == 1 || scale.rank() == 1)) {
            return new Scaled(info, stored, scales, 1, Long.MAX_VALUE, 1);
        }
        JsonNode size = checkpoint.config().path("quantization_config").path("weight_block_size");
        long blockRows = size.path(0).asLong(128);
        long blockCols = size.path(1).asLong(128);
        int scaleCols = Math.toIntExact(Math.ceilDiv(cols, Math.max(1, blockCols)));
        if (blockRows < 1 || blockCols < 1 || scales.length != Math.ceilDiv(rows, blockRows) * scaleCols || stored.rank() > 2 && stored.shape().get(stored.rank() - 2) % blockRows != 0) {
            throw new FerryException("Cannot read " + checkpoint.name() + ": tensor '" + PrintableName.of(scale.name()) + "' has shape " + scale.shape()
                    + ", which fits neither the rows nor the " + blockRows + "×" + blockCols + " blocks of a weight of shape " + stored.shape() + ". Get the base again, or take its 16-bit original.");
        }
        return new Scaled(info, stored, scales, blockRows, blockCols, scaleCols);
    }

    @Override
    Optional<String> identityOf(Scaled own) {
        return base.identity(own.stored()).map(bytes -> bytes + "*scale");
    }

    @Override
    void read(Scaled own, TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        base.read(own.stored, firstRow, rows, into, offset);
        int cols = Math.toIntExact(tensor.rowLength());
        for (int i = 0; i < rows; i++) {
            int scaleRow = (int) ((firstRow + i) / own.blockRows) * own.scaleCols;
            int at = offset + i * cols;
            for (int j = 0; j < cols; ) {
                float scale = own.scales[scaleRow + (int) (j / own.blockCols)];
                int end = (int) Math.min(cols, (j / own.blockCols + 1) * Math.min(own.blockCols, Integer.MAX_VALUE));
                for (; j < end; j++) {
                    into[at + j] *= scale;
                }
            }
        }
    }
}
