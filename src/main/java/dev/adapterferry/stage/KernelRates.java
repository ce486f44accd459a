package dev.adapterferry.stage;

import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.RowKernel;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.time.Duration;
import java.util.Map;
import java.util.Random;

/**
 * How fast this machine quantizes, measured just now: each type's kernel encodes normal weights once the compiler has done its work. What
 * counts is the thread's own time on a processor, so that a machine that is busy at this moment is not taken for a slow one: the forecast is
 * for a machine that has nothing else to do.
 */
final class KernelRates {
    private static final int ROWS = 8;
    private static final int ROW = 2048;
    private static final long ROUND_NANOS = 50_000_000;
    /** A model of fewer weights is done before the vector kernels are ready. */
    private static final long SMALL = 20_000_000;
    private static final int ROUNDS_OF_A_SMALL_MODEL = 3;
    private static final int ROUNDS = 40;
    /** A round that is not better than this share of the best is calm; that many in a row are enough. */
    private static final double SETTLED = 0.95;
    private static final int CALM = 4;
    /** How long the compiler is waited for. */
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final float[] weights = new float[ROWS * ROW];

    KernelRates() {
        Random random = new Random(1);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = (float) (random.nextGaussian() * 0.02);
        }
    }

    /**
     * The time for weights of several types. What the compiler needs before the vector kernels work, a pass needs again.
     *
     * @param counts weights per type
     */
    Machine.Encoding time(Map<GgmlType, Long> counts) {
        boolean small = counts.values().stream().mapToLong(Long::longValue).sum() < SMALL;
        long start = System.nanoTime();
        if (!small) {
            Kernels.rehearse(counts.keySet(), false, () -> System.nanoTime() - start > PATIENCE.toNanos());
        }
        Duration compiling = small ? Duration.ZERO : Duration.ofNanos(System.nanoTime() - start);
        double nanos = 0;
        for (Map.Entry<GgmlType, Long> entry : counts.entrySet()) {
            nanos += nanosPerWeight(entry.getKey(), small ? ROUNDS_OF_A_SMALL_MODEL : ROUNDS) * entry.getValue();
        }
        return new Machine.Encoding(compiling, Duration.ofNanos((long) nanos));
    }

    private double nanosPerWeight(GgmlType type, int rounds) {
        RowKernel kernel = Kernels.forType(type);
        byte[] encoded = new byte[Math.toIntExact(ROWS * type.bytesFor(ROW))];
        double best = Double.MAX_VALUE;
        int calm = 0;
        for (int round = 0; round < rounds && calm < CALM; round++) {
            double rate = run(kernel, encoded);
            calm = rate < SETTLED * best ? 0 : calm + 1;
            best = Math.min(best, rate);
        }
        return best;
    }

    private double run(RowKernel kernel, byte[] encoded) {
        long start = now();
        long rounds = 0;
        long end;
        do {
            kernel.encode(weights, 0, ROWS, ROW, null, 0, encoded, 0);
            rounds++;
            end = now();
        } while (end - start < ROUND_NANOS);
        return (double) (end - start) / (rounds * weights.length);
    }

    private long now() {
        return threads.isCurrentThreadCpuTimeSupported() ? threads.getCurrentThreadCpuTime() : System.nanoTime();
    }
}
