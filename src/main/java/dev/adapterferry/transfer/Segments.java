package dev.adapterferry.transfer;

import dev.adapterferry.progress.Progress;
import java.util.BitSet;
import java.util.concurrent.atomic.AtomicLong;

/** The blocks of one file, shared by its lanes: which are missing, which are under way. */
final class Segments {
    private final PartFile part;
    private final int blocksPerSegment;
    private final TransferTerms terms;
    private final String activity;
    private final BitSet taken;
    private final AtomicLong here;
    private final AtomicLong transferred = new AtomicLong();

    /** A stretch of missing blocks. */
    record Stretch(int firstBlock, int blocks) { }

    Segments(PartFile part, long segmentBytes, String activity, TransferTerms terms) {
        this.part = part;
        this.blocksPerSegment = (int) Math.clamp(segmentBytes / PartFile.BLOCK, 1, Integer.MAX_VALUE);
        this.terms = terms;
        this.activity = activity;
        this.taken = part.complete();
        this.here = new AtomicLong(part.kept());
        report();
    }

    PartFile part() {
        return part;
    }

    /** Takes the first missing stretch; null when every block is complete or under way. */
    synchronized Stretch lease() {
        int first = taken.nextClearBit(0);
        if (first >= part.blocks()) {
            return null;
        }
        int end = taken.nextSetBit(first);
        int limit = (int) Math.min(part.blocks(), (long) first + blocksPerSegment);
        int blocks = (end < 0 ? limit : Math.min(end, limit)) - first;
        taken.set(first, first + blocks);
        return new Stretch(first, blocks);
    }

    /** Gives blocks back; {@code lost} bytes of the first one had come. */
    void release(int firstBlock, int endBlock, long lost) {
        here.addAndGet(-lost);
        synchronized (this) {
            taken.clear(firstBlock, endBlock);
            notifyAll();
        }
    }

    void received(int bytes) {
        terms.cancellation().check(activity);
        here.addAndGet(bytes);
        transferred.addAndGet(bytes);
        report();
        terms.bandwidth().take(bytes, terms.cancellation());
    }

    long burst() {
        long limit = terms.bandwidth().bytesPerSecond();
        return limit == 0 ? Long.MAX_VALUE : Math.max(32 << 10, limit / 4);
    }

    private void report() {
        terms.progress().report(new Progress.Step(activity, here.get(), part.size(), Progress.Unit.BYTES));
    }

    /** Bytes that came over the wire. */
    long transferred() {
        return transferred.get();
    }

    int completeBlocks() {
        return part.complete().cardinality();
    }

    boolean done() {
        return completeBlocks() == part.blocks();
    }

    synchronized boolean anyLeft() {
        return taken.nextClearBit(0) < part.blocks();
    }

    /** Waits a moment for blocks that another lane hands back. */
    synchronized void awaitChange(long millis) throws InterruptedException {
        if (taken.nextClearBit(0) >= part.blocks()) {
            wait(millis);
        }
    }
}
