package dev.adapterferry.tensor;

/**
 * Tensors of another source of which some are computed instead of stored; all others pass through byte for byte. Closing it closes nothing, since the
 * other source belongs to its checkpoint.
 */
public abstract class ComputedTensors implements TensorSource, StoredBytes {
    /** The other source. */
    protected final TensorSource base;

    /** @param base the other source */
    protected ComputedTensors(TensorSource base) {
        this.base = base;
    }

    /** Whether the tensor of this name is computed. */
    protected abstract boolean isComputed(String name);

    @Override
    public final boolean isStored(TensorInfo tensor) {
        return !isComputed(tensor.name()) && base instanceof StoredBytes stored && stored.isStored(tensor);
    }

    @Override
    public final void readStored(TensorInfo tensor, long firstByte, int length, byte[] into, int offset) {
        if (!isStored(tensor)) {
            throw new IllegalArgumentException("tensor " + tensor.name() + " is computed, not stored");
        }
        ((StoredBytes) base).readStored(tensor, firstByte, length, into, offset);
    }

    @Override
    public final void close() { }
}
