package dev.adapterferry.quant;

/** A batch of one block, for formats without a search: all work is done in {@link #write}. */
abstract class SingleBlock implements VectorKernel.Batch {
    @Override
    public final int size() {
        return 1;
    }

    @Override
    public final void load(int slot, float[] x, int at, float[] importance, int importanceAt, float squares) {
        // Nothing is kept: write gets the values again.
    }

    @Override
    public final void search() {
        // Nothing to search.
    }
}
