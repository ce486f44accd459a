package dev.adapterferry.quant;

import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;

/**
 * A vector kernel that lets its scalar twin work until it is ready. Vector code runs a hundred times slower until the
 * compiler has taken it over, which takes seconds: a small model is done before that. So the scalar kernel starts; once
 * it has worked for a while, one thread at a time tries the vector kernel on a few rows, and when that has become the
 * faster one, all use it. Both write the same bytes, so nobody sees which one worked.
 */
final class WarmingKernel implements RowKernel {
    private final RowKernel scalar;
    private final RowKernel vector;
    private final Warmth encoding = new Warmth();
    private final Warmth decoding = new Warmth();

    private final LongSupplier clock;

    WarmingKernel(RowKernel scalar, RowKernel vector) {
        this(scalar, vector, System::nanoTime);
    }

    /** @param clock tells nanoseconds */
    WarmingKernel(RowKernel scalar, RowKernel vector, LongSupplier clock) {
        this.scalar = scalar;
        this.vector = vector;
        this.clock = clock;
    }

    @Override
    public GgmlType type() {
        return scalar.type();
    }

    @Override
    public void encode(float[] src, int srcOffset, int rows, int rowLength, float[] importance, int importanceOffset,
            byte[] dst, int dstOffset) {
        if (encoding.warm) {
            vector.encode(src, srcOffset, rows, rowLength, importance, importanceOffset, dst, dstOffset);
            return;
        }
        int bytesPerRow = Math.toIntExact(type().bytesFor(rowLength));
        encoding.work(rows, rowLength,
                (kernel, from, count) -> kernel.encode(src, srcOffset + from * rowLength, count, rowLength, importance, importanceOffset, dst, dstOffset + from * bytesPerRow));
    }

    @Override
    public void decode(byte[] src, int srcOffset, int elements, float[] dst, int dstOffset) {
        if (decoding.warm) {
            vector.decode(src, srcOffset, elements, dst, dstOffset);
            return;
        }
        int block = type().blockElements();
        type().bytesFor(elements);
        decoding.work(elements / block, block,
                (kernel, from, count) -> kernel.decode(src, srcOffset + from * type().blockBytes(), count * block, dst, dstOffset + from * block));
    }

    /**
     * Encodes made-up values with the vector kernel once, so that the compiler sees more of it than the trials among real
     * work show. For a thread that has nothing better to do.
     *
     * @param importance as the real work will have it
     * @return true when the vector kernel is the faster one, and no more is needed
     */
    boolean rehearse(boolean importance) {
        if (!encoding.warm && encoding.trying.compareAndSet(false, true)) {
            try {
                float[] values = rehearsalValues();
                byte[] out = new byte[Math.toIntExact(type().bytesFor(values.length))];
                encoding.compare((kernel, from, count) -> kernel.encode(values, 0, 1, values.length, importance ? values : null, 0, out, 0));
            } finally {
                encoding.trying.set(false);
            }
        }
        return encoding.warm;
    }

    /** Positive, so that they serve as importance too, and unlike each other in size, as weights are. */
    private static float[] rehearsalValues() {
        SplittableRandom random = new SplittableRandom(1);
        float[] values = new float[Warmth.TRIAL];
        for (int i = 0; i < values.length; i++) {
            values[i] = 0.001f + random.nextFloat() * random.nextFloat();
        }
        return values;
    }

    /** A run of units, rows or blocks, for one of the two kernels. */
    private interface Share {
        void run(RowKernel kernel, int from, int count);
    }

    /** Who works: one direction of the kernel. */
    private final class Warmth {
        /** How long the scalar kernel works, over all threads, before the vector kernel gets its first rows. */
        private static final long PATIENCE_NANOS = 200_000_000;
        /** Values that it gets at a time; it gets more as long as all trials took less time than the scalar kernel. */
        private static final int TRIAL = 1 << 12;

        private final LongAdder scalarNanos = new LongAdder();
        private final LongAdder scalarValues = new LongAdder();
        private final LongAdder trialNanos = new LongAdder();
        private final AtomicBoolean trying = new AtomicBoolean();
        /** Nanoseconds of the scalar kernel on a rehearsal's values; touched by who holds {@link #trying}. */
        private long fastestRehearsal = Long.MAX_VALUE;
        private volatile boolean warm;

        private void work(int units, int unitLength, Share share) {
            int tried = 0;
            if (units > 0 && unitLength > 0 && isDue() && trying.compareAndSet(false, true)) {
                tried = Math.min(units, Math.max(1, TRIAL / unitLength));
                try {
                    tryVector(tried, unitLength, share);
                } finally {
                    trying.set(false);
                }
            }
            long start = clock.getAsLong();
            share.run(scalar, tried, units - tried);
            scalarNanos.add(clock.getAsLong() - start);
            scalarValues.add((long) (units - tried) * unitLength);
        }

        private boolean isDue() {
            return scalarNanos.sum() > PATIENCE_NANOS && trialNanos.sum() < scalarNanos.sum();
        }

        /** Both kernels on the same values, neither of them real work. */
        private void compare(Share share) {
            long start = clock.getAsLong();
            share.run(scalar, 0, 1);
            long between = clock.getAsLong();
            share.run(vector, 0, 1);
            fastestRehearsal = Math.min(fastestRehearsal, between - start);
            warm = clock.getAsLong() - between < fastestRehearsal;
        }

        private void tryVector(int units, int unitLength, Share share) {
            long start = clock.getAsLong();
            share.run(vector, 0, units);
            long nanos = clock.getAsLong() - start;
            trialNanos.add(nanos);
            warm = (double) nanos / ((long) units * unitLength) < (double) scalarNanos.sum() / scalarValues.sum();
        }
    }
}
