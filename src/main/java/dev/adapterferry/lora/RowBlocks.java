package dev.adapterferry.lora;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.tensor.TensorInfo;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/** Spreads blocks of rows over threads, in order, so that neighbouring blocks of a tensor share what was prepared for it. */
final class RowBlocks {
    private final int threads;

    RowBlocks(int threads) {
        this.threads = threads;
    }

    /**
     * Some rows of a tensor.
     *
     * @param from     the tensor where it is read
     * @param to       the tensor where it is written
     * @param firstRow first row
     * @param rows     number of rows
     */
    record Block(TensorInfo from, TensorInfo to, long firstRow, int rows) {
        long bytes() {
            return to.type().bytesFor(rows * to.rowLength());
        }
    }

    /** Adds the blocks of one tensor, of about so many elements each. */
    static void split(TensorInfo from, TensorInfo to, int elements, List<Block> into) {
        if (from.elements() == 0) {
            return;
        }
        long step = Math.max(1, elements / from.rowLength());
        for (long row = 0; row < from.rows(); row += step) {
            into.add(new Block(from, to, row, (int) Math.min(step, from.rows() - row)));
        }
    }

    /**
     * Does the work; the first failure stops all threads and is thrown.
     *
     * @param blocks   the blocks
     * @param work     done once for each
     * @param progress hears how many bytes are done
     */
    void run(List<Block> blocks, Consumer<Block> work, LongConsumer progress) {
        AtomicInteger next = new AtomicInteger();
        AtomicLong done = new AtomicLong();
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> workers = java.util.stream.IntStream.range(0, Math.min(threads, Math.max(1, blocks.size()))).mapToObj(n -> Thread.ofPlatform().name("merge-" + n).start(() -> {
            try {
                for (int i = next.getAndIncrement(); i < blocks.size() && failure.get() == null; i = next.getAndIncrement()) {
                    work.accept(blocks.get(i));
                    progress.accept(done.addAndGet(blocks.get(i).bytes()));
                }
            } catch (Throwable e) {
                failure.compareAndSet(null, e);
            }
        })).toList();
        join(workers, failure);
        switch (failure.get()) {
            case null -> { }
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            case Throwable e -> throw new IllegalStateException(e);
        }
    }

    private static void join(List<Thread> workers, AtomicReference<Throwable> failure) {
        for (Thread worker : workers) {
            while (worker.isAlive()) {
                try {
                    worker.join();
                } catch (InterruptedException e) {
                    failure.compareAndSet(null, new Cancelled("merge"));
                    workers.forEach(Thread::interrupt);
                }
            }
        }
    }
}
