package dev.adapterferry.source.ssh;

import dev.adapterferry.waiting.Ports;
import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A real OpenSSH server with keys and configuration of its own, on a free loopback port. */
public final class OpenSshServer implements AutoCloseable {
    private final Process process;
    private final int port;
    private final Path key;

    private OpenSshServer(Process process, int port, Path key) {
        this.process = process;
        this.port = port;
        this.key = key;
    }

    /**
     * Starts a server.
     *
     * @param folder for keys, configuration and log
     * @param extra  further lines of configuration
     */
    public static OpenSshServer start(Path folder, String... extra) throws Exception {
        Programs.assume("sshd", "sftp-server");
        Path key = TestKeys.write(folder.resolve("user_key"), TestKeys.generate("ed25519"), null);
        Path host = TestKeys.write(folder.resolve("host_key"), TestKeys.generate("ed25519"), null);
        Files.copy(Path.of(key + ".pub"), folder.resolve("authorized_keys"));
        Path run = Path.of("/run/sshd");
        if (System.getProperty("user.name").equals("root") && !Files.exists(run)) {
            Files.createDirectories(run);
        }
        int port = Ports.free();
        Path config = folder.resolve("sshd_config");
        Files.writeString(config, String.join("\n", "ListenAddress 127.0.0.1", "Port " + port, "HostKey " + host, "AuthorizedKeysFile " + folder.resolve("authorized_keys"),
                "PidFile none", "StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password",
                "MaxStartups 100", String.join("\n", extra),
                List.of(extra).stream().anyMatch(l -> l.startsWith("Subsystem")) ? "" : "Subsystem sftp " + Programs.find("sftp-server"), ""));
        Process process = new ProcessBuilder(List.of(Programs.find("sshd").toString(), "-D", "-e", "-f", config.toString()))
                .redirectErrorStream(true).redirectOutput(folder.resolve("sshd.log").toFile()).start();
        OpenSshServer server = new OpenSshServer(process, port, key);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
        while (true) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", port), 200);
                return server;
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() > deadline) {
                    server.close();
                    throw new IllegalStateException("sshd did not start: " + Files.readString(folder.resolve("sshd.log")), e);
                }
            }
        }
    }

    public SshEndpoint endpoint() {
        return endpoint(port);
    }

    /** The same login through a proxy's port. */
    public SshEndpoint endpoint(int through) {
        return new SshEndpoint(System.getProperty("user.name"), "127.0.0.1", through, "direct");
    }

    public int port() {
        return port;
    }

    public Path key() {
        return key;
    }

    public SshLogin login(Path home) {
        return MinaServer.login(home, key);
    }

    @Override
    public void close() throws InterruptedException {
        process.destroy();
        if (!process.waitFor(5, TimeUnit.SECONDS)) {
            process.destroyForcibly();
        }
    }
}
