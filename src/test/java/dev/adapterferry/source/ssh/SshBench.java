package dev.adapterferry.source.ssh;

import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FaultProxy;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.TransferTerms;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** The measuring part of {@code TransferBenchmark}, here because the SSH parts are private to this package. */
public final class SshBench {
    private SshBench() { }

    private interface Way {
        void fetch(int port) throws Exception;
    }

    public static void run(Path folder, long bytes, String[] delays, int rounds) throws Exception {
        Path remote = folder.resolve("remote");
        Files.createDirectories(remote);
        Path big = remote.resolve("big.bin");
        byte[] block = new byte[1 << 20];
        Random random = new Random(5);
        try (OutputStream out = Files.newOutputStream(big)) {
            for (long i = 0; i < bytes; i += block.length) {
                random.nextBytes(block);
                out.write(block);
            }
        }
        FileEntry file = FileEntry.of("big.bin", bytes, 0, Checksum.sha256(AdapterFixture.sha256(big)));
        System.out.println("| delay per direction | way | MB/s (median of " + rounds + ") | all | times scp |");
        System.out.println("|---|---|---|---|---|");
        try (OpenSshServer server = OpenSshServer.start(folder.resolve("sshd"))) {
            Path local = folder.resolve("local");
            for (String delay : delays) {
                try (FaultProxy proxy = new FaultProxy(server.port()).delay(Long.parseLong(delay))) {
                    int port = delay.equals("0") ? server.port() : proxy.port();
                    List<String> ssh = List.of("-i", server.key().toString(), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR");
                    String host = server.endpoint().user() + "@127.0.0.1:" + big;
                    List<Object[]> ways = List.of(
                            new Object[] {"scp", (Way) p -> program(concat(List.of("scp", "-P", "" + p), ssh, List.of(host, local.toString())))},
                            new Object[] {"rsync", (Way) p -> program(List.of("rsync", "--whole-file", "-e", "ssh -p " + p + " " + String.join(" ", ssh), host, local.toString()))},
                            new Object[] {"ranged SFTP, at most 4 channels", (Way) p -> ranged(server, folder, remote, file, local, p, 4)},
                            new Object[] {"ranged SFTP, 1 channel", (Way) p -> ranged(server, folder, remote, file, local, p, 1)});
                    double[][] rates = new double[ways.size()][rounds];
                    for (int round = -1; round < rounds; round++) {
                        for (int i = 0; i < ways.size(); i++) {
                            Files.deleteIfExists(local);
                            long start = System.nanoTime();
                            ((Way) ways.get(i)[1]).fetch(port);
                            double rate = bytes / 1e6 / ((System.nanoTime() - start) / 1e9);
                            if (!AdapterFixture.sha256(local).equals(file.checksum().orElseThrow().hex())) {
                                throw new IllegalStateException(ways.get(i)[0] + " brought something else");
                            }
                            if (round >= 0) {
                                rates[i][round] = rate;
                            }
                        }
                    }
                    double scp = median(rates[0]);
                    for (int i = 0; i < ways.size(); i++) {
                        System.out.printf("| %s ms | %s | %.0f | %s | %.2f |%n", delay, ways.get(i)[0], median(rates[i]),
                                Arrays.stream(rates[i]).mapToObj(r -> String.format("%.0f", r)).toList(), median(rates[i]) / scp);
                    }
                }
            }
        }
    }

    private static void ranged(OpenSshServer server, Path home, Path remote, FileEntry file, Path local, int port, int lanes) {
        try (SshAccess access = new SshAccess(server.login(home)); SshConnection connection = access.connect(SshTarget.of(server.endpoint(port)));
             SftpTransfer transfer = new SftpTransfer(connection, remote.toString(), new SftpTransfer.Terms(lanes, 3, java.time.Duration.ofSeconds(30)))) {
            transfer.fetch(file, local, TransferTerms.free());
        }
    }

    /** One ranged transfer over and over, for a profiler: size in MiB, channels, times. */
    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory("bench");
        Path big = folder.resolve("big.bin");
        byte[] block = new byte[1 << 20];
        new Random(5).nextBytes(block);
        try (OutputStream out = Files.newOutputStream(big)) {
            for (int i = 0; i < Integer.parseInt(args[0]); i++) {
                out.write(block);
            }
        }
        FileEntry file = FileEntry.of("big.bin", Files.size(big), 0);
        try (OpenSshServer server = OpenSshServer.start(folder.resolve("sshd"))) {
            for (int i = 0; i < Integer.parseInt(args[2]); i++) {
                Path local = folder.resolve("local");
                Files.deleteIfExists(local);
                Files.deleteIfExists(folder.resolve("local.journal"));
                long start = System.nanoTime();
                var bean = (com.sun.management.OperatingSystemMXBean) java.lang.management.ManagementFactory.getOperatingSystemMXBean();
                long cpu = bean.getProcessCpuTime();
                ranged(server, folder, folder, file, local, server.port(), Integer.parseInt(args[1]));
                double s = (System.nanoTime() - start) / 1e9;
                System.out.printf("%.0f MB/s, own CPU %.2f s per GB%n", file.size() / 1e6 / s, (bean.getProcessCpuTime() - cpu) / 1e9 / (file.size() / 1e9));
            }
        }
        System.exit(0);
    }

    private static void program(List<String> command) throws Exception {
        Process process = new ProcessBuilder(command).inheritIO().start();
        if (process.waitFor() != 0) {
            throw new IllegalStateException(command + " failed");
        }
    }

    @SafeVarargs
    private static List<String> concat(List<String>... lists) {
        List<String> all = new ArrayList<>();
        for (List<String> list : lists) {
            all.addAll(list);
        }
        return all;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
