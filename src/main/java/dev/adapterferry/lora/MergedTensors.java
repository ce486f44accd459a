package dev.adapterferry.lora;

import dev.adapterferry.tensor.ComputedTensors;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/** The tensors of a {@link MergedCheckpoint}: the planned ones computed, all others the base's own. */
final class MergedTensors extends ComputedTensors implements SourceFiles {
    private final Map<String, MergedTensor> merged;
    private final List<TensorInfo> tensors;
    private final List<Path> files;

    /**
     * @param base   the base's tensors
     * @param merged those that change, and those that are new
     * @param files  what all of it is made from
     */
    MergedTensors(TensorSource base, Map<String, MergedTensor> merged, List<Path> files) {
        super(base);
        this.merged = merged;
        this.files = files;
        List<TensorInfo> all = new ArrayList<>();
        base.tensors().forEach(tensor -> all.add(merged.containsKey(tensor.name()) ? merged.get(tensor.name()).info() : tensor));
        merged.values().stream().map(MergedTensor::info).filter(tensor -> base.find(tensor.name()).isEmpty()).forEach(all::add);
        this.tensors = List.copyOf(all);
    }

    @Override
    public List<TensorInfo> tensors() {
        return tensors;
    }

    @Override
    public Optional<TensorInfo> find(String name) {
        MergedTensor tensor = merged.get(name);
        return tensor == null ? base.find(name) : Optional.of(tensor.info());
    }

    @Override
    public Optional<String> identity(TensorInfo tensor) {
        return merged.containsKey(tensor.name()) ? Optional.empty() : base.identity(tensor);
    }

    @Override
    public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        MergedTensor own = merged.get(tensor.name());
        if (own == null) {
            base.read(tensor, firstRow, rows, into, offset);
            return;
        }
        if (!own.info().equals(tensor)) {
            throw new IllegalArgumentException("the merged model has " + own.info() + ", not " + tensor);
        }
        Objects.checkFromIndexSize(firstRow, rows, tensor.rows());
        Objects.checkFromIndexSize((long) offset, rows * tensor.rowLength(), into.length);
        own.read(firstRow, rows, into, offset);
    }

    /** How a tensor is computed, or empty when it is the base's own. */
    Optional<MergedTensor> computed(TensorInfo tensor) {
        return Optional.ofNullable(merged.get(tensor.name())).filter(own -> own.info().equals(tensor));
    }

    @Override
    protected boolean isComputed(String name) {
        return merged.containsKey(name);
    }

    @Override
    public List<Path> files() {
        return files;
    }
}
