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
import dev.adapterferry.waiting.Programs;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyPair;
import java.time.Duration;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SshPullIT {
    private static final AdapterPull PULL = new AdapterPull(AdapterPull.Terms.finished(
            new RemoteAdapter.Look(Duration.ofMillis(50), RemoteAdapter.Choice.AUTO, 1L << 30), 3));

    @TempDir
    Path dir;

    private static SshTree tree(SshAccess access, SshEndpoint endpoint, String path) {
        return tree(access, endpoint, path, TransferMethod.SFTP);
    }

    private static SshTree tree(SshAccess access, SshEndpoint endpoint, String path, TransferMethod method) {
        SshConnection connection = access.connect(SshTarget.of(endpoint));
        return new SshTree(connection, endpoint.toString(), path, root -> method.open(connection, root, SftpTransfer.Terms.usual()), connection);
    }

    /** A folder deeper than anything else, by another program than the usual; a link in its place is left alone. */
    @Test
    void bringsTheFurtherTemplatesOfACheckpointByRsync() throws Exception {
        Programs.assume("rsync", "ssh");
        AdapterFixture remote = new AdapterFixture(dir.resolve("remote")).checkpoint(20, 20, 1).templates("checkpoint-20", "{{ tools }}")
                .file("checkpoint-20", "modules.json", "[]").file("checkpoint-20", "1_Pooling/config.json", "{}").file("checkpoint-20", "1_Pooling/notes.txt", "-");
        AdapterFixture linked = new AdapterFixture(dir.resolve("linked")).peft("", 4096, 1).file("", "chat_template.jinja", "{{ messages }}");
        Files.createSymbolicLink(linked.root().resolve("additional_chat_templates"), remote.root().resolve("checkpoint-20/additional_chat_templates"));
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir));
             SshTree tree = tree(access, server.endpoint(), remote.root().toString(), TransferMethod.RSYNC); SshTree other = tree(access, server.endpoint(), linked.root().toString())) {
            Path into = dir.resolve("home/majora");
            PulledAdapter pulled = PULL.pull(tree, into, TransferTerms.free());
            assertThat(pulled.files()).extracting(PulledAdapter.File::name).contains("additional_chat_templates/rag.jinja", "modules.json", "1_Pooling/config.json")
                    .doesNotContain("additional_chat_templates/notes.txt", "1_Pooling/notes.txt");
            assertThat(into.resolve("additional_chat_templates/rag.jinja")).hasContent("{{ tools }}");
            assertThat(PULL.pull(tree, into, TransferTerms.free()).upToDate()).isTrue();
            assertThat(PULL.pull(other, dir.resolve("home/other"), TransferTerms.free()).files()).extracting(PulledAdapter.File::name).noneMatch(name -> name.contains("/"));
        }
    }

    @Test
    void pullsAnAdapterFromAnInProcessServer() throws Exception {
        Path key = TestKeys.write(dir.resolve("keys/id"), TestKeys.generate("ed25519"), null);
        KeyPair pair = new SshKeys(MinaServer.login(dir, key)).pairs().getFirst();
        AdapterFixture remote = new AdapterFixture(dir.resolve("remote out; $(touch pwned) 'x'")).peft("", 3 << 20, 1).templates("", "{{ tools }}");
        try (MinaServer server = new MinaServer(TestKeys.generate("ec"));
             SshAccess access = new SshAccess(MinaServer.login(dir, key))) {
            server.authorized.add(pair.getPublic());
            server.start();
            pullTwice(access, server.endpoint(), remote);
        }
    }

    @Test
    void pullsAnAdapterFromOpenSsh() throws Exception {
        AdapterFixture remote = new AdapterFixture(dir.resolve("remote out; $(touch pwned) 'x'")).peft("", 3 << 20, 1).templates("", "{{ tools }}");
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir))) {
            pullTwice(access, server.endpoint(), remote);
        }
    }

    private void pullTwice(SshAccess access, SshEndpoint endpoint, AdapterFixture remote) {
        Path into = dir.resolve("home/majora");
        try (SshTree tree = tree(access, endpoint, remote.root().toString())) {
            PulledAdapter pulled = PULL.pull(tree, into, TransferTerms.free());
            assertThat(pulled.upToDate()).isFalse();
            assertThat(pulled.files()).extracting(PulledAdapter.File::name)
                    .containsExactlyInAnyOrder("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "tokenizer_config.json", "README.md",
                            "chat_template.jinja", "additional_chat_templates/rag.jinja");
            for (PulledAdapter.File file : pulled.files()) {
                assertThat(into.resolve(file.name())).hasSameBinaryContentAs(remote.root().resolve(file.name()));
                assertThat(file.sha256()).isEqualTo(AdapterFixture.sha256(into.resolve(file.name())));
            }
            assertThat(dir.resolve("home")).isDirectoryNotContaining(p -> p.getFileName().toString().startsWith("."));
            PulledAdapter again = PULL.pull(tree, into, TransferTerms.free());
            assertThat(again.upToDate()).isTrue();
            assertThat(again.identity()).isEqualTo(pulled.identity());
        }
        assertThat(Files.exists(Path.of("pwned"))).isFalse();
    }

    @Test
    void leavesAFileAloneThatAProcessHoldsOpenForWriting() throws Exception {
        Assumptions.assumeTrue(Files.isDirectory(Path.of("/proc/self/fdinfo")), "needs /proc");
        AdapterFixture remote = new AdapterFixture(dir.resolve("remote")).peft("", 4096, 1);
        try (OpenSshServer server = OpenSshServer.start(dir.resolve("sshd")); SshAccess access = new SshAccess(server.login(dir))) {
            try (SshTree tree = tree(access, server.endpoint(), remote.root().toString());
                 RandomAccessFile training = new RandomAccessFile(remote.root().resolve("adapter_model.safetensors").toFile(), "rw")) {
                assertThat(training.length()).isPositive();
                assertThatThrownBy(() -> PULL.pull(tree, dir.resolve("home/majora"), TransferTerms.free())).isInstanceOf(TrainingNotFinished.class)
                        .hasMessageContaining("a process holds adapter_model.safetensors open for writing");
            }
            try (SshTree tree = tree(access, server.endpoint(), remote.root().toString())) {
                assertThat(PULL.pull(tree, dir.resolve("home/majora"), TransferTerms.free()).files()).hasSize(5);
            }
        }
    }

    @Test
    void saysWhatToDoWhenTheLoginIsRefused() throws Exception {
        Path key = TestKeys.write(dir.resolve("keys/id"), TestKeys.generate("ed25519"), null);
        try (MinaServer server = new MinaServer(TestKeys.generate("ec")).start(); SshAccess access = new SshAccess(MinaServer.login(dir, key))) {
            assertThatThrownBy(() -> access.connect(SshTarget.of(server.endpoint()))).isExactlyInstanceOf(FerryException.class)
                    .hasMessageContaining("refuses the login").hasMessageContaining(key.toString()).hasMessageContaining("authorized_keys");
            assertThat(dir.resolve("known")).as("a machine that refused the login is not remembered").doesNotExist();
        }
    }
}
