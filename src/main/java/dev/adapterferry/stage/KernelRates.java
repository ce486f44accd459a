package dev.adapterferry.stage;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.RowKernel;
import java.time.Duration;
import java.util.Map;
import java.util.Random;

/**
 * How fast this machine quantizes, measured just now: each type's kernel encodes normal weights until the
 * compiler has done its work. A forecast, not a benchmark: the machine may have other things to do while it is taken or later.
 */
final class KernelRates {
    private static final int ROWS = 8;
    private static final int ROW = 2048;
    private static final long ROUND_NANOS = 100_000_000;
    /** Rounds until the compiler has done its work, at most. */
    private static final int ROUNDS = 12;
    /** A round that is not better than this share of the best is the last but one. */
    private static final double SETTLED = 0.95;

    private final float[] weights = new float[ROWS * ROW];

    KernelRates() {
        Random random = new Random(1);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) (random.nextGaussian() * 0.02);
        }
    }

    /**
     * The time for weights of several types on one thread.
     *
     * @param counts weights per type
     */
    Duration forOneThread(Map<GgmlType, Long> counts) {
        double nanos = 0;
        for (Map.Entry<GgmlType, Long> entry : counts.entrySet()) {
            nanos += nanosPerWeight(entry.getKey()) * entry.getValue();
        }
        return Duration.ofMillis((long) (nanos / 1e6));
    }

    private double nanosPerWeight(GgmlType type) {
        RowKernel kernel = Kernels.forType(type);
        byte[] encoded = new byte[Math.toIntExact(ROWS * type.bytesFor(ROW))];
        double best = Double.MAX_VALUE;
        int calm = 0;
        for (int round = 0; round < ROUNDS && calm < 2; round++) {
            double rate = run(kernel, encoded, ROUND_NANOS);
            calm = rate < SETTLED * best ? 0 : calm + 1;
            best = Math.min(best, rate);
        }
        return best;
    }

    private double run(RowKernel kernel, byte[] encoded, long nanos) {
        long start = System.nanoTime();
        long rounds = 0;
        do {
            kernel.encode(weights, 0, ROWS, ROW, null, 0, encoded, 0);
            rounds++;
        } while (System.nanoTime() - start < nanos);
        return (double) (System.nanoTime() - start) / (rounds * weights.length);
    }
}
