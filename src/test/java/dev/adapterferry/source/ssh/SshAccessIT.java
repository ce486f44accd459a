package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.transfer.FaultProxy;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.sshd.server.command.AbstractCommandSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Logging in: addresses, host keys, keys that come late, machines that fall silent or talk without end. */
class SshAccessIT {
    @TempDir
    Path dir;
    private Path key;
    private KeyPair pair;

    @BeforeEach
    void makeAKey() throws Exception {
        key = TestKeys.write(dir.resolve("keys/id"), TestKeys.generate("ed25519"), null);
        pair = new SshKeys(MinaServer.login(dir, key)).pairs().getFirst();
    }

    private MinaServer server(String hostKey) throws Exception {
        MinaServer server = new MinaServer(TestKeys.generate(hostKey));
        server.authorized.add(pair.getPublic());
        return server;
    }

    private static SshTarget target(SshEndpoint... endpoints) {
        return new SshTarget("vast.ai instance 7", "vast-7", List.of(endpoints), "Attach your public key.");
    }

    @Test
    void triesTheAddressesInTheirOrder() throws Exception {
        try (MinaServer server = server("ec").start(); SshAccess access = new SshAccess(MinaServer.login(dir, key))) {
            SshEndpoint closed = new SshEndpoint("root", "127.0.0.1", 1, "direct");
            SshEndpoint proxy = new SshEndpoint("root", "127.0.0.1", server.server.getPort(), "proxy");
            try (SshConnection connection = access.connect(target(closed, proxy))) {
                assertThat(connection.endpoint().way()).isEqualTo("proxy");
            }
            assertThatThrownBy(() -> access.connect(target(closed))).isInstanceOf(TransientFailure.class).hasMessageContaining("Cannot reach vast.ai instance 7").hasMessageContaining("direct");
        }
    }

    @Test
    void trustsAMachineOnFirstUseAndRefusesAnotherKeyLater() throws Exception {
        int port;
        try (MinaServer server = server("ec").start(); SshAccess access = new SshAccess(MinaServer.login(dir, key))) {
            port = server.server.getPort();
            access.connect(target(server.endpoint())).close();
            access.connect(target(server.endpoint())).close();
        }
        Path known = dir.resolve("known/vast-7-direct");
        assertThat(known).content().startsWith("vast-7-direct ecdsa-sha2-nistp256 ");
        try (MinaServer other = server("ec")) {
            other.server.setPort(port);
            other.start();
            try (SshAccess access = new SshAccess(MinaServer.login(dir, key))) {
                assertThatThrownBy(() -> access.connect(target(other.endpoint()))).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Refusing to log in")
                        .hasMessageContaining("host key SHA256:").hasMessageContaining("delete " + known);
                Files.delete(known);
                access.connect(target(other.endpoint())).close();
            }
        }
    }

    @Test
    void waitsForAKeyThatWasJustAttached() throws Exception {
        try (MinaServer server = new MinaServer(TestKeys.generate("ec")).start()) {
            AtomicInteger waits = new AtomicInteger();
            try (SshAccess access = new SshAccess(MinaServer.login(dir, key), time -> {
                if (waits.incrementAndGet() == 2) {
                    server.authorized.add(pair.getPublic());
                }
            })) {
                access.connect(target(server.endpoint())).close();
                assertThat(waits).hasValue(2);
                server.authorized.clear();
                assertThatThrownBy(() -> access.connect(target(server.endpoint()))).isExactlyInstanceOf(FerryException.class).hasMessageContaining("refuses the login")
                        .hasMessageContaining(key.toString()).hasMessageContaining("Attach your public key.");
                assertThat(waits).as("three attempts have two waits between them").hasValue(4);
            }
        }
    }

    @Test
    void noticesAMachineThatFallsSilent() throws Exception {
        SshLogin plain = MinaServer.login(dir, key);
        SshLogin lively = new SshLogin(plain.keys(), plain.home(), Optional.empty(), Optional.empty(), plain.knownHosts(), plain.connectTimeout(), 1, plain.loginWait(), Duration.ofMillis(200));
        try (MinaServer server = server("ec").start(); FaultProxy proxy = new FaultProxy(server.server.getPort()); SshAccess access = new SshAccess(lively);
             SshConnection connection = access.connect(target(new SshEndpoint("root", "127.0.0.1", proxy.port(), "direct")))) {
            proxy.stall(0);
            // Three keep-alives without an answer end it long before the command's own limit.
            assertThatThrownBy(() -> connection.run("sleep 120", Duration.ofSeconds(60))).isInstanceOf(TransientFailure.class).hasMessageContaining("broke");
        }
    }

    @Test
    void endsACommandThatPrintsWithoutEndOrNeverEnds() throws Exception {
        try (MinaServer server = server("ec").answering((channel, command) -> new Endless(command, true)).start();
             SshAccess access = new SshAccess(MinaServer.login(dir, key)); SshConnection connection = access.connect(target(server.endpoint()))) {
            assertThatThrownBy(() -> connection.run("print", Duration.ofSeconds(60))).isExactlyInstanceOf(FerryException.class).hasMessageContaining("printed more than 24 MiB");
            assertThatThrownBy(() -> connection.run("hang", Duration.ofSeconds(1))).as("the talker's connection is given up").isInstanceOf(TransientFailure.class).hasMessageContaining("broke");
        }
        Files.delete(dir.resolve("known/vast-7-direct"));
        try (MinaServer server = server("ec").answering((channel, command) -> new Endless(command, false)).start();
             SshAccess access = new SshAccess(MinaServer.login(dir, key)); SshConnection connection = access.connect(target(server.endpoint()))) {
            assertThatThrownBy(() -> connection.run("hang", Duration.ofSeconds(1))).isInstanceOf(TransientFailure.class).hasMessageContaining("did not end within 1 s");
        }
    }

    /** A command that prints for ever, or says nothing for ever. */
    private static final class Endless extends AbstractCommandSupport {
        private final boolean prints;

        Endless(String command, boolean prints) {
            super(command, null);
            this.prints = prints;
        }

        @Override
        public void run() {
            byte[] line = new byte[64 << 10];
            java.util.Arrays.fill(line, (byte) 'y');
            try {
                OutputStream out = getOutputStream();
                while (prints) {
                    out.write(line);
                }
                Thread.sleep(Duration.ofMinutes(5));
            } catch (IOException | InterruptedException e) {
                onExit(1);
            }
        }
    }
}
