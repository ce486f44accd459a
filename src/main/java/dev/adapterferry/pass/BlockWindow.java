package dev.adapterferry.pass;

import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Hands out blocks in order and keeps no more of them in memory than it has slots: a thread that ran ahead waits until
 * the chains have passed the oldest.
 */
final class BlockWindow {
    private final Slot[] slots;
    private final Semaphore free;
    private final AtomicLong next;
    private final long end;
    private final List<Chain> chains;
    private volatile boolean stopped;

    /**
     * @param size   number of slots
     * @param first  first block to hand out
     * @param end    block after the last
     * @param chains all of them see every block
     */
    BlockWindow(int size, long first, long end, List<Chain> chains) {
        this.slots = new Slot[size];
        for (int i = 0; i < size; i++) {
            slots[i] = new Slot();
        }
        this.free = new Semaphore(size);
        this.next = new AtomicLong(first);
        this.end = end;
        this.chains = chains;
        chains.forEach(chain -> chain.startAt(first));
    }

    /** The next block's slot; waits for one to become free. Null when there is nothing left to do. */
    Slot claim() {
        free.acquireUninterruptibly();
        long number = stopped ? end : next.getAndIncrement();
        if (number >= end) {
            free.release();
            return null;
        }
        Slot slot = slot(number);
        slot.begin(number);
        return slot;
    }

    /** Hands a filled slot to the chains, and carries them on. */
    void complete(Slot slot) {
        slot.publish(chains.size());
        for (Chain chain : chains) {
            chain.advance(this);
        }
    }

    /** Hands out nothing more and wakes who waits. */
    void stop() {
        stopped = true;
        free.release(1 << 16);
    }

    Slot slot(long number) {
        return slots[(int) (number % slots.length)];
    }

    boolean isReady(long number) {
        return slot(number).isReady(number);
    }

    void release(long number) {
        if (slot(number).release()) {
            free.release();
        }
    }
}
