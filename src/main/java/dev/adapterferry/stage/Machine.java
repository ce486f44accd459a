package dev.adapterferry.stage;

import dev.adapterferry.quant.GgmlType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.FileStore;
import java.time.Duration;
import java.util.Map;
import java.util.function.Function;
import java.util.function.ToLongFunction;

/**
 * What a machine has to give.
 *
 * @param memory   bytes of memory in all
 * @param free     bytes that a disk has free
 * @param encoding time that its kernels take for weights of several types
 */
public record Machine(long memory, ToLongFunction<FileStore> free, Function<Map<GgmlType, Long>, Encoding> encoding) {
    /**
     * What encoding weights takes.
     *
     * @param start     until the fast kernels work, whatever the number of threads
     * @param oneThread the work itself, for one thread
     */
    public record Encoding(Duration start, Duration oneThread) { }

    /** This one; its kernels are timed when they are asked about. */
    public static Machine here() {
        long memory = ManagementFactory.getPlatformMXBean(com.sun.management.OperatingSystemMXBean.class).getTotalMemorySize();
        return new Machine(memory, Machine::usable, weights -> new KernelRates().time(weights));
    }

    private static long usable(FileStore store) {
        try {
            return store.getUsableSpace();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
