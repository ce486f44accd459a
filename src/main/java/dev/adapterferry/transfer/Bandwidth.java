package dev.adapterferry.transfer;

import dev.adapterferry.progress.Cancellation;

/**
 * A limit in bytes per second, shared by everything that transfers at the same time. Bytes are accounted after they have
 * come and the reader waits before it asks for more, so the far side slows down by itself. Bursts are at most a quarter
 * of a second's worth.
 */
public final class Bandwidth {
    /** No limit. */
    public static final Bandwidth UNLIMITED = new Bandwidth(0);

    private static final long BURST_NANOS = 250_000_000L;

    private final long bytesPerSecond;
    private long paidUntil = System.nanoTime();

    /** @param bytesPerSecond the limit; 0 for none */
    public Bandwidth(long bytesPerSecond) {
        if (bytesPerSecond < 0) {
            throw new IllegalArgumentException("bandwidth must not be negative: " + bytesPerSecond);
        }
        this.bytesPerSecond = bytesPerSecond;
    }

    /** The limit in bytes per second, 0 for none. */
    public long bytesPerSecond() {
        return bytesPerSecond;
    }

    /**
     * Accounts for bytes that came, and waits until they fit the limit.
     *
     * @param bytes        how many came
     * @param cancellation ends the wait
     */
    public void take(long bytes, Cancellation cancellation) {
        if (bytesPerSecond == 0) {
            return;
        }
        long until;
        synchronized (this) {
            paidUntil = Math.max(paidUntil, System.nanoTime() - BURST_NANOS) + (long) (bytes * 1e9 / bytesPerSecond);
            until = paidUntil;
        }
        for (long left = until - System.nanoTime(); left > 0; left = until - System.nanoTime()) {
            cancellation.check("transfer");
            Pause.SLEEP.pause(java.time.Duration.ofNanos(Math.min(left, 200_000_000L)));
        }
    }
}
