package dev.adapterferry.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * The largest resident sizes of this process: the kernel's own high-water mark of the whole, and of the anonymous part, for which it
 * keeps none, the largest of many samples. The difference is what is mapped from files: the JVM, its libraries, its class archive.
 */
final class PeakMemory {
    private static final long SAMPLE_MILLIS = 50;

    private final AtomicBoolean running = new AtomicBoolean(true);
    private final Thread thread;
    private volatile long rss;
    private volatile long anonymous;

    /** Begins to watch. */
    PeakMemory() {
        thread = Thread.ofPlatform().daemon().name("peak-memory").start(() -> {
            while (running.get()) {
                sample();
                try {
                    Thread.sleep(SAMPLE_MILLIS);
                } catch (InterruptedException e) {
                    return;
                }
            }
        });
    }

    /** Ends. */
    void stop() throws InterruptedException {
        running.set(false);
        thread.interrupt();
        thread.join();
        sample();
    }

    /** Bytes; 0 where the system does not tell. */
    long rss() {
        return rss;
    }

    /** Bytes; 0 where the system does not tell. */
    long anonymous() {
        return anonymous;
    }

    private void sample() {
        try {
            for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
                if (line.startsWith("VmHWM:")) {
                    rss = kibibytes(line);
                } else if (line.startsWith("RssAnon:")) {
                    anonymous = Math.max(anonymous, kibibytes(line));
                }
            }
        } catch (IOException e) {
            // Only Linux tells; elsewhere the columns stay empty.
        }
    }

    private static long kibibytes(String line) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
    }
}
