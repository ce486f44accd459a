package dev.adapterferry.deploy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;

/**
 * Copies that share their blocks until one side is written to: btrfs, XFS and bcachefs on Linux, APFS on macOS. Java has no call
 * for it, so the system's own {@code cp} is asked, and told to fail where it would have to copy.
 */
final class Reflink {
    private static final int LIMIT_SECONDS = 60;

    private Reflink() { }

    /**
     * Makes a file that shares the blocks of another.
     *
     * @param source existing file
     * @param place  new file; not there afterwards when this gives false
     * @return false where system or file system cannot do it
     */
    static boolean make(Path source, Path place) throws IOException {
        String system = System.getProperty("os.name").toLowerCase(Locale.ROOT);
        List<String> command = system.contains("linux") ? List.of("cp", "--reflink=always", "--", source.toString(), place.toString())
                : system.contains("mac") ? List.of("cp", "-c", source.toString(), place.toString()) : List.of();
        if (command.isEmpty()) {
            return false;
        }
        boolean done = false;
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            try {
                done = process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS) && process.exitValue() == 0;
            } finally {
                process.destroyForcibly();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            // No cp on the path: then there is no way.
            done = false;
        }
        if (!done) {
            Files.deleteIfExists(place);
        }
        return done;
    }

    /** Whether files of one existing directory can be cloned into another; found out with a small file. */
    static boolean works(Path from, Path to) {
        Path probe = null;
        try {
            probe = Files.createTempFile(from, ".reflink-", ".probe");
            Files.write(probe, new byte[8192]);
            Path clone = to.resolve(probe.getFileName() + ".clone");
            boolean works = make(probe, clone);
            Files.deleteIfExists(clone);
            return works;
        } catch (IOException e) {
            return false;
        } finally {
            delete(probe);
        }
    }

    private static void delete(Path probe) {
        try {
            if (probe != null) {
                Files.deleteIfExists(probe);
            }
        } catch (IOException e) {
            // A few bytes; the store sweeps what begins with a dot.
        }
    }
}
