package dev.adapterferry.pass;

import dev.adapterferry.quant.GgmlType;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a pass made.
 *
 * @param files        the finished files, in the order of the outputs
 * @param bytesRead    bytes of the source's tensors that were read, as the source stores them, and of the cache
 * @param bytesWritten bytes written to the outputs
 * @param resumedBytes bytes of the outputs that an earlier pass had written and this one did not do again
 * @param cachedBytes  bytes of the outputs that came from the cache
 * @param wall         time from start to finish
 * @param cpu          CPU time of the threads that encoded
 */
public record PassResult(List<FileResult> files, long bytesRead, long bytesWritten, long resumedBytes, long cachedBytes, Duration wall, Duration cpu) {
    /**
     * One finished file.
     *
     * @param file    where it is
     * @param format  name of its mix
     * @param size    bytes
     * @param tensors its tensors in file order
     */
    public record FileResult(Path file, String format, long size, List<TensorResult> tensors) { }

    /**
     * One tensor of a finished file.
     *
     * @param name  its GGUF name
     * @param type  its type
     * @param shape PyTorch order
     * @param xxh64 XXH64 (seed 0) of its encoded bytes without padding, 16 lower-case hexadecimal digits
     */
    public record TensorResult(String name, GgmlType type, List<Long> shape, String xxh64) { }
}
