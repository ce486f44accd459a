package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.RemoteAdapter;
import dev.adapterferry.source.TrainingNotFinished;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real OpenSSH machine whose folder is full of traps: what cannot be trusted is refused, and nothing is written beside the adapter's folder. */
class HostileMachineIT {
    private static final AdapterPull PULL = new AdapterPull(AdapterPull.Terms.finished(new RemoteAdapter.Look(Duration.ZERO, RemoteAdapter.Choice.AUTO, 1L << 30), 2));

    @TempDir
    Path dir;
    private AdapterFixture remote;
    private OpenSshServer server;

    @BeforeEach
    void start() throws Exception {
        remote = new AdapterFixture(dir.resolve("remote")).peft("", 64 << 10, 1);
        server = OpenSshServer.start(dir.resolve("sshd"));
        Files.createDirectories(dir.resolve("home"));
    }

    @AfterEach
    void nothingElseWasWritten() throws Exception {
        server.close();
        try (Stream<Path> all = Files.list(dir.resolve("home"))) {
            assertThat(all.map(p -> p.getFileName().toString()).filter(n -> !n.startsWith("."))).isSubsetOf("majora");
        }
        assertThat(Stream.of("pwned", "home/pwned", "remote/pwned").map(dir::resolve)).noneMatch(Files::exists);
        assertThat(Path.of("pwned")).doesNotExist();
        assertThat(Path.of(System.getProperty("user.home"), "pwned")).doesNotExist();
    }

    private PulledAdapter pull(String path, TransferMethod method) {
        try (SshAccess access = new SshAccess(server.login(dir))) {
            SshConnection connection = access.connect(SshTarget.of(server.endpoint()));
            try (SshTree tree = new SshTree(connection, "the machine", path, root -> method.open(connection, root, SftpTransfer.Terms.usual()), connection)) {
                return PULL.pull(tree, dir.resolve("home/majora"), TransferTerms.free());
            }
        }
    }

    private void isRefused(String... words) {
        assertThatThrownBy(() -> pull(remote.root().toString(), TransferMethod.SFTP)).isExactlyInstanceOf(FerryException.class)
                .satisfies(e -> assertThat(e.getMessage()).contains(words).doesNotContainPattern("\\p{Cntrl}"));
        assertThat(dir.resolve("home/majora")).doesNotExist();
    }

    @Test
    void passesOverShellCharactersInNamesThatNobodyAskedFor() throws IOException {
        for (String name : List.of("$(touch pwned)", "`touch pwned`", "; touch pwned", "-rf", "--help", "a'b\"c", "*", "&& touch pwned", " ", "~")) {
            remote.file("", name, "x");
        }
        for (TransferMethod method : List.of(TransferMethod.SFTP, TransferMethod.RSYNC, TransferMethod.SCP)) {
            assertThat(pull(remote.root().toString(), method).files()).hasSize(5);
            try (Stream<Path> files = Files.list(dir.resolve("home/majora"))) {
                assertThat(new TreeSet<>(files.map(p -> p.getFileName().toString()).toList())).containsExactly("README.md", "adapter_config.json", "adapter_model.safetensors",
                        "ferry-adapter.json", "tokenizer.json", "tokenizer_config.json");
            }
            Files.delete(dir.resolve("home/majora/ferry-adapter.json"));
            try (Stream<Path> files = Files.list(dir.resolve("home/majora"))) {
                files.forEach(p -> p.toFile().delete());
            }
        }
    }

    @Test
    void refusesANewlineInAName() {
        remote.file("", "adapter\npwned", "x");
        isRefused("not one that a training writes");
    }

    @Test
    void refusesWeightsThatAreALinkOutOfTheFolder() throws IOException {
        Path weights = remote.root().resolve("adapter_model.safetensors");
        Path outside = Files.move(weights, dir.resolve("secret"));
        Files.createSymbolicLink(weights, outside);
        isRefused("adapter_model.safetensors", "link out of the folder, to " + outside);
    }

    @Test
    void refusesAConfigurationThatIsALinkOutOfTheFolder() throws IOException {
        Path config = remote.root().resolve("adapter_config.json");
        Files.delete(config);
        Files.createSymbolicLink(config, Path.of("../../../../../../../../../etc/hostname"));
        isRefused("adapter_config.json", "link out of the folder");
    }

    @Test
    void refusesASparseFileOfTerabytesWithoutReadingIt() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(remote.root().resolve("adapter_model.safetensors").toFile(), "rw")) {
            file.setLength(10L << 40);
        } catch (IOException e) {
            org.junit.jupiter.api.Assumptions.abort("this file system holds no file of 10 TiB: " + e.getMessage());
        }
        isRefused("Refusing to pull adapter_model.safetensors", "10995116277760 bytes", "source.max-file-size");
    }

    @Test
    void doesNotReadAHeaderThatClaimsToBeHuge() throws IOException {
        Files.write(remote.root().resolve("adapter_model.safetensors"), new byte[] {(byte) 0xff, (byte) 0xff, (byte) 0xff, (byte) 0xff, 0x7f, 0, 0, 0, '{'});
        assertThatThrownBy(() -> pull(remote.root().toString(), TransferMethod.SFTP)).isInstanceOf(TrainingNotFinished.class).hasMessageContaining("header length");
    }

    @Test
    void takesAHostilePathForWhatItSays() {
        for (String path : List.of(remote.root() + "'; touch pwned; '", remote.root() + "$(touch pwned)", "-rf", remote.root() + "\ntouch pwned")) {
            assertThatThrownBy(() -> pull(path, TransferMethod.SFTP)).isInstanceOf(FerryException.class).hasMessageContaining("no folder");
        }
    }
}
