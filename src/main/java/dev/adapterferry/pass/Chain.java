package dev.adapterferry.pass;

import java.util.concurrent.locks.ReentrantLock;

/**
 * Something that must see the blocks in order, though threads finish them in any order: a hash, a file of the cache.
 * No thread is reserved for it: whoever finishes a block carries every chain that nobody else is carrying as far as
 * finished blocks reach.
 */
abstract class Chain {
    private final ReentrantLock turn = new ReentrantLock();
    private volatile long next;

    /** Skips blocks that an earlier pass has done. */
    final void startAt(long block) {
        next = block;
    }

    /** The first block that it has not seen. */
    final long next() {
        return next;
    }

    /** Takes the next block. */
    abstract void take(long number, Slot slot);

    /** Goes as far as finished blocks reach, unless another thread is at it. */
    final void advance(BlockWindow window) {
        // After letting go, look again: a block that was finished meanwhile found the turn taken and relies on us.
        while (window.isReady(next) && turn.tryLock()) {
            try {
                while (window.isReady(next)) {
                    long number = next;
                    take(number, window.slot(number));
                    next = number + 1;
                    window.release(number);
                }
            } finally {
                turn.unlock();
            }
        }
    }
}
