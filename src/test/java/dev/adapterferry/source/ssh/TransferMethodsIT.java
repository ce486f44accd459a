package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.Checksum;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.PartFile;
import dev.adapterferry.transfer.Transfer;
import dev.adapterferry.transfer.TransferTerms;
import dev.adapterferry.waiting.Programs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The three ways over a real OpenSSH server. */
class TransferMethodsIT {
    private static final SftpTransfer.Terms TERMS = new SftpTransfer.Terms(3, 3, Duration.ofSeconds(10));

    @TempDir
    Path dir;
    private Path remote;
    private FileEntry file;

    @BeforeEach
    void writeTheRemoteFile() throws Exception {
        Programs.assume("rsync", "ssh", "scp");
        remote = Files.createDirectories(dir.resolve("it's a \"folder\" $HOME `x` %h"));
        byte[] bytes = new byte[(9 << 20) + 77];
        new Random(3).nextBytes(bytes);
        Path path = Files.write(remote.resolve("adapter model.safetensors"), bytes);
        file = FileEntry.of("adapter model.safetensors", bytes.length, 1, Checksum.sha256(AdapterFixture.sha256(path)));
    }

    private Transfer.Received fetch(SshAccess access, OpenSshServer server, TransferMethod method, Path part, TransferTerms terms) throws Exception {
        try (SshConnection connection = access.connect(SshTarget.of(server.endpoint()))) {
            Transfer transfer = method.open(connection, remote.toString(), TERMS);
            try {
                return transfer.fetch(file, part, terms);
            } finally {
                if (transfer instanceof AutoCloseable open) {
                    open.close();
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void bringsAFileWholeAndReportsProgress(TransferMethod method) throws Exception {
        AtomicLong last = new AtomicLong();
        Progress progress = step -> {
            assertThat(step.total()).isEqualTo(file.size());
            assertThat(step.unit()).isEqualTo(Progress.Unit.BYTES);
            last.accumulateAndGet(step.done(), Math::max);
        };
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir))) {
            Path part = dir.resolve("x.part");
            Transfer.Received received = fetch(access, server, method, part, new TransferTerms(Bandwidth.UNLIMITED, progress, new Cancellation()));
            assertThat(received.sha256()).isEqualTo(file.checksum().orElseThrow());
            assertThat(part).hasSameBinaryContentAs(remote.resolve(file.name()));
            assertThat(received.transferred()).isGreaterThanOrEqualTo(file.size());
            assertThat(last).hasValue(file.size());
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SFTP", "RSYNC"})
    void resumesWhatWasCutOff(TransferMethod method) throws Exception {
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir))) {
            Path part = dir.resolve("x.part");
            Cancellation stop = new Cancellation();
            Progress halfway = step -> {
                if (step.done() > step.total() / 2) {
                    stop.request();
                }
            };
            // Slow enough that the request to stop comes before the end.
            assertThatThrownBy(() -> fetch(access, server, method, part, new TransferTerms(new Bandwidth(6 << 20), halfway, stop)))
                    .isInstanceOf(dev.adapterferry.failure.Cancelled.class);
            Transfer.Received received = fetch(access, server, method, part, TransferTerms.free());
            assertThat(received.sha256()).isEqualTo(file.checksum().orElseThrow());
            assertThat(received.kept()).isGreaterThan(file.size() / 4);
            assertThat(received.transferred()).isLessThan(file.size() * 3 / 4);
        }
    }

    @Test
    void usesAnEncryptedKeyWithEveryMethod() throws Exception {
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd"))) {
            Path key = TestKeys.write(dir.resolve("my keys/id"), TestKeys.generate("ed25519"), "open sesame");
            Files.copy(Path.of(key + ".pub"), dir.resolve("sshd/authorized_keys"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
            SshLogin plain = MinaServer.login(dir.resolve("a home"), key);
            SshLogin login = new SshLogin(plain.keys(), plain.home(), Optional.empty(), Optional.of(new Secret("open sesame")), plain.knownHosts(),
                    plain.connectTimeout(), 1, plain.loginWait(), plain.keepAlive());
            for (TransferMethod method : List.of(TransferMethod.SFTP, TransferMethod.RSYNC, TransferMethod.SCP)) {
                try (SshAccess access = new SshAccess(login)) {
                    assertThat(fetch(access, server, method, dir.resolve(method + ".part"), TransferTerms.free()).sha256()).isEqualTo(file.checksum().orElseThrow());
                }
            }
            assertThatThrownBy(() -> new SshAccess(plain)).isExactlyInstanceOf(FerryException.class).hasMessageContaining(key.toString())
                    .hasMessageContaining("encrypted").hasMessageContaining("FERRY_SSH_PASSPHRASE");
        }
    }

    @Test
    void takesTheKeysOfAnAgent() throws Exception {
        Programs.assume("ssh-agent", "ssh-add");
        Path socket = dir.resolve("agent");
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd"))) {
            Process agent = new ProcessBuilder("ssh-agent", "-D", "-a", socket.toString()).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            try {
                ProcessBuilder add = new ProcessBuilder("ssh-add", server.key().toString()).redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
                add.environment().put("SSH_AUTH_SOCK", socket.toString());
                long deadline = System.nanoTime() + Duration.ofSeconds(10).toNanos();
                while (!Files.exists(socket) && System.nanoTime() < deadline) {
                    Thread.onSpinWait();
                }
                assertThat(add.start().waitFor()).isZero();
                SshLogin plain = MinaServer.login(dir.resolve("nobody's home"));
                SshLogin login = new SshLogin(List.of(), plain.home(), Optional.of(socket), Optional.empty(), plain.knownHosts(), plain.connectTimeout(), 1, plain.loginWait(), plain.keepAlive());
                for (TransferMethod method : List.of(TransferMethod.SFTP, TransferMethod.RSYNC)) {
                    try (SshAccess access = new SshAccess(login)) {
                        assertThat(fetch(access, server, method, dir.resolve(method + ".part"), TransferTerms.free()).sha256()).isEqualTo(file.checksum().orElseThrow());
                    }
                }
            } finally {
                agent.destroy();
            }
        }
    }

    @Test
    void fallsBackWhenTheServerOffersNoSftp() throws Exception {
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd"), "Subsystem sftp /bin/false"); SshAccess access = new SshAccess(server.login(dir));
             SshConnection connection = access.connect(SshTarget.of(server.endpoint()))) {
            Transfer transfer = TransferMethod.AUTO.open(connection, remote.toString(), TERMS);
            assertThat(transfer.method()).isEqualTo("rsync");
            assertThat(transfer.fetch(file, dir.resolve("x.part"), TransferTerms.free()).sha256()).isEqualTo(file.checksum().orElseThrow());
        }
    }

    @Test
    void keepsToTheBandwidthLimit() throws Exception {
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir))) {
            long start = System.nanoTime();
            fetch(access, server, TransferMethod.SFTP, dir.resolve("x.part"), new TransferTerms(new Bandwidth(12 << 20), Progress.NONE, new Cancellation()));
            // A lower bound: 9 MiB at 12 MiB/s, less the burst that the limit allows.
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(450));
            PartFile.discard(dir.resolve("x.part"));
            assertThat(dir.resolve("x.part.journal")).doesNotExist();
        }
    }
}
