package dev.adapterferry.pass;

import dev.adapterferry.progress.Progress;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntSupplier;

/**
 * Tells a listener twice per tenth of a second at most how far a pass is: once in bytes of the outputs, once in
 * tensors. Rate and time left follow from the bytes.
 */
final class PassProgress {
    private static final long INTERVAL_NANOS = 100_000_000;

    private final Progress listener;
    private final String activity;
    private final long totalBytes;
    private final int totalTensors;
    private final IntSupplier tensorsDone;
    private final AtomicLong bytesDone;
    private final AtomicLong lastReport = new AtomicLong(System.nanoTime() - INTERVAL_NANOS);

    PassProgress(Progress listener, String activity, long totalBytes, long bytesDone, int totalTensors, IntSupplier tensorsDone) {
        this.listener = listener;
        this.activity = activity;
        this.totalBytes = totalBytes;
        this.totalTensors = totalTensors;
        this.tensorsDone = tensorsDone;
        this.bytesDone = new AtomicLong(bytesDone);
    }

    /** More bytes are written. */
    void wrote(long bytes) {
        bytesDone.addAndGet(bytes);
        long last = lastReport.get();
        long now = System.nanoTime();
        if (now - last >= INTERVAL_NANOS && lastReport.compareAndSet(last, now)) {
            report(bytesDone.get(), tensorsDone.getAsInt());
        }
    }

    /** All is done. */
    void finish() {
        // Bytes last: with them the activity ends for who watches.
        tellTensors(totalTensors);
        tellBytes(totalBytes);
    }

    private void report(long bytes, int tensors) {
        tellBytes(bytes);
        tellTensors(tensors);
    }

    private void tellBytes(long bytes) {
        listener.report(new Progress.Step(activity, bytes, totalBytes, Progress.Unit.BYTES));
    }

    private void tellTensors(int tensors) {
        listener.report(new Progress.Step(activity, tensors, totalTensors, Progress.Unit.TENSORS));
    }
}
