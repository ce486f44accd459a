package dev.adapterferry.bench;

import dev.adapterferry.source.ssh.SshBench;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Compares ranged SFTP with the {@code scp} and {@code rsync} programs on the same file: over loopback, and through a proxy
 * that adds a delay. Prints a Markdown table. Needs the Debian packages openssh-server, openssh-client and rsync.
 *
 * <p>Arguments: size in MiB (512), delays in ms per direction ({@code 0,25,50}), rounds (3), a folder to work in.
 */
public final class TransferBenchmark {
    private TransferBenchmark() { }

    /** Runs the benchmark. */
    public static void main(String[] args) throws Exception {
        long mib = args.length > 0 ? Long.parseLong(args[0]) : 512;
        String[] delays = (args.length > 1 ? args[1] : "0,25,50").split(",");
        int rounds = args.length > 2 ? Integer.parseInt(args[2]) : 3;
        Path folder = args.length > 3 ? Path.of(args[3]) : Files.createTempDirectory("transfer-benchmark");
        SshBench.run(folder, mib << 20, delays, rounds);
    }
}
