package dev.adapterferry.pass;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * The encoded bytes of one block, from the thread that makes them to the chains that hash them. Reused for block after
 * block, so its buffers are allocated once.
 */
final class Slot {
    private final AtomicInteger readers = new AtomicInteger();
    private byte[][] buffers = new byte[0][];
    private int[] lengths = new int[0];
    private long block = -1;
    private volatile long ready = -1;

    /** Takes the slot for a block. */
    void begin(long number) {
        block = number;
    }

    /** Index of the block that it holds. */
    long block() {
        return block;
    }

    /** The buffer for a strand's bytes, at least as long as asked for. */
    byte[] buffer(int strand, int length) {
        if (strand >= buffers.length) {
            buffers = java.util.Arrays.copyOf(buffers, strand + 1);
            lengths = java.util.Arrays.copyOf(lengths, strand + 1);
        }
        if (buffers[strand] == null || buffers[strand].length < length) {
            buffers[strand] = new byte[length];
        }
        lengths[strand] = length;
        return buffers[strand];
    }

    byte[] bytes(int strand) {
        return buffers[strand];
    }

    int length(int strand) {
        return lengths[strand];
    }

    /** Hands the filled slot to that many chains. */
    void publish(int chains) {
        readers.set(chains);
        ready = block;
    }

    boolean isReady(long number) {
        return ready == number;
    }

    /** One chain is through with it; true when it was the last. */
    boolean release() {
        return readers.decrementAndGet() == 0;
    }
}
