package dev.adapterferry.pass;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What is to be made of one tensor: a strand per distinct type among the outputs, so that two outputs which give it
 * the same type share the work.
 *
 * @param info       the tensor in the source
 * @param strands    one per distinct type, in the order of the outputs
 * @param importance weights per column and slice, or null
 */
record TensorWork(TensorInfo info, List<Strand> strands, float[] importance) {
    /**
     * One encoding of a tensor.
     *
     * @param type  type of the encoded bytes
     * @param files the outputs that take them
     * @param copy  true when the source stores just these bytes
     */
    record Strand(GgmlType type, List<Integer> files, boolean copy) {
        int bytesFor(TensorInfo tensor, int rows) {
            return Math.toIntExact(Math.multiplyExact(type.bytesFor(tensor.rowLength()), rows));
        }
    }

    /** The work on every tensor of a request. */
    static List<TensorWork> of(PassRequest request) {
        List<TensorWork> work = new ArrayList<>();
        List<TensorInfo> tensors = request.source().tensors();
        for (int t = 0; t < tensors.size(); t++) {
            work.add(of(request, t, tensors.get(t)));
        }
        return List.copyOf(work);
    }

    private static TensorWork of(PassRequest request, int index, TensorInfo tensor) {
        Map<GgmlType, List<Integer>> files = new LinkedHashMap<>();
        for (int f = 0; f < request.outputs().size(); f++) {
            files.computeIfAbsent(request.outputs().get(f).plan().tensors().get(index).type(), type -> new ArrayList<>()).add(f);
        }
        boolean stored = request.source() instanceof StoredBytes bytes && bytes.isStored(tensor);
        List<Strand> strands = files.entrySet().stream()
                .map(e -> new Strand(e.getKey(), List.copyOf(e.getValue()), stored && e.getKey().label().equals(tensor.type().label()))).toList();
        return new TensorWork(tensor, strands, importance(request.importance(), tensor));
    }

    private static float[] importance(Optional<ImportanceMatrix> matrix, TensorInfo tensor) {
        return matrix.flatMap(m -> m.find(tensor.name(), tensor.rowLength(), tensor.rows() / RowBlock.sliceRows(tensor))).orElse(null);
    }

    /** Index in {@link #importance} of the weights for a row. */
    int importanceOffset(long row) {
        return Math.toIntExact(row / RowBlock.sliceRows(info) * info.rowLength());
    }

    /** The strand that feeds an output. */
    int strandOf(int file) {
        for (int s = 0; s < strands.size(); s++) {
            if (strands.get(s).files().contains(file)) {
                return s;
            }
        }
        throw new IllegalStateException("no strand feeds output " + file);
    }
}
