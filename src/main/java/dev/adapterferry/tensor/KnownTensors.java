package dev.adapterferry.tensor;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Computed tensors that are all known from the beginning, each with how it is made.
 *
 * @param <H> how one is made
 */
abstract class KnownTensors<H> extends ComputedTensors {
    private final List<TensorInfo> tensors = new ArrayList<>();
    private final Map<String, TensorInfo> found = new HashMap<>();
    private final Map<String, H> computed = new HashMap<>();

    KnownTensors(TensorSource base) {
        super(base);
    }

    /** Adds one of the other source's, as it is. */
    final void pass(TensorInfo tensor) {
        tensors.add(tensor);
        found.put(tensor.name(), tensor);
    }

    /** Adds one that is computed. */
    final void compute(TensorInfo tensor, H how) {
        pass(tensor);
        computed.put(tensor.name(), how);
    }

    /** What tells its content from others'; empty when nothing does. */
    abstract Optional<String> identityOf(H how);

    /** Computes rows that are there; as {@link #read}. */
    abstract void read(H how, TensorInfo tensor, long firstRow, int rows, float[] into, int offset);

    @Override
    public final List<TensorInfo> tensors() {
        return List.copyOf(tensors);
    }

    @Override
    public final Optional<TensorInfo> find(String name) {
        return Optional.ofNullable(found.get(name));
    }

    @Override
    public final Optional<String> identity(TensorInfo tensor) {
        H how = computed.get(tensor.name());
        return how == null ? base.identity(tensor) : identityOf(how);
    }

    @Override
    public final void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
        H how = computed.get(tensor.name());
        if (how == null) {
            base.read(tensor, firstRow, rows, into, offset);
            return;
        }
        Objects.checkFromIndexSize(firstRow, rows, tensor.rows());
        read(how, tensor, firstRow, rows, into, offset);
    }

    @Override
    protected final boolean isComputed(String name) {
        return computed.containsKey(name);
    }
}
