package dev.adapterferry.deploy;

import java.time.Instant;
import java.util.List;
import java.util.Map;

/**
 * One deployed version of a model, as kept beside its files in {@code release.json}.
 *
 * @param model     the model's name in the settings
 * @param publisher publisher folder it was deployed under
 * @param folder    model folder it was deployed under
 * @param number    1, 2, 3, ...; 0 is what lay in the folder before the first deployment
 * @param time      when it was staged
 * @param files     its files
 * @param identity  what it was made of and with
 */
public record Release(String model, String publisher, String folder, int number, Instant time, List<File> files, Map<String, String> identity) {
    /**
     * One file of a release.
     *
     * @param name   file name
     * @param format quantization mix
     * @param bytes  size
     * @param sha256 digest, 64 lower-case hexadecimal digits
     */
    public record File(String name, String format, long bytes, String sha256) { }

    /** Copies the collections. */
    public Release {
        files = List.copyOf(files);
        identity = Map.copyOf(identity);
    }

    /** Bytes of all files. */
    public long bytes() {
        return files.stream().mapToLong(File::bytes).sum();
    }
}
