package dev.adapterferry.source.ssh;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.RemoteAdapter;
import dev.adapterferry.transfer.Bandwidth;
import dev.adapterferry.transfer.FaultProxy;
import dev.adapterferry.transfer.TransferTerms;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whole pulls from OpenSSH through a proxy that does what networks do: each ends well or with a clear sentence, never with a bad adapter. */
@Timeout(120)
class FaultyNetworkIT {
    private static final int WEIGHTS = 16 << 20;
    private static final AdapterPull PULL = new AdapterPull(AdapterPull.Terms.finished(new RemoteAdapter.Look(Duration.ZERO, RemoteAdapter.Choice.AUTO, 1L << 30), 2));

    @TempDir
    Path dir;
    private AdapterFixture remote;
    private OpenSshServer server;
    private FaultProxy proxy;

    @BeforeEach
    void start() throws Exception {
        remote = new AdapterFixture(dir.resolve("remote")).peft("", WEIGHTS, 1);
        server = OpenSshServer.start(dir.resolve("sshd"));
        proxy = new FaultProxy(server.port());
    }

    @AfterEach
    void stop() throws Exception {
        proxy.close();
        server.close();
    }

    private PulledAdapter pull(TransferMethod method, Progress progress) {
        SftpTransfer.Terms terms = new SftpTransfer.Terms(3, 3, Duration.ofSeconds(3));
        try (SshAccess access = new SshAccess(server.login(dir))) {
            SshConnection connection = access.connect(SshTarget.of(server.endpoint(proxy.port())));
            try (SshTree tree = new SshTree(connection, "the machine", remote.root().toString(), root -> method.open(connection, root, terms), connection)) {
                return PULL.pull(tree, into(), new TransferTerms(Bandwidth.UNLIMITED, progress, new Cancellation()));
            }
        }
    }

    private Path into() {
        return dir.resolve("home/majora");
    }

    private void isWhole(PulledAdapter pulled) {
        assertThat(pulled.files()).hasSize(5).allMatch(PulledAdapter.File::verified);
        for (PulledAdapter.File file : pulled.files()) {
            assertThat(into().resolve(file.name())).hasSameBinaryContentAs(remote.root().resolve(file.name()));
        }
    }

    private void nothingIsThere() {
        assertThat(into()).doesNotExist();
    }

    /** Does something once, when so many bytes of the weights have come. */
    private static Progress when(long bytes, Runnable act) {
        AtomicBoolean done = new AtomicBoolean();
        return step -> {
            if (step.activity().endsWith("adapter_model.safetensors") && step.done() >= bytes && done.compareAndSet(false, true)) {
                act.run();
            }
        };
    }

    @Test
    void takesItsTimeOnASlowPathAndSaysHowFarItIs() {
        proxy.delay(40);
        AtomicLong most = new AtomicLong();
        isWhole(pull(TransferMethod.SFTP, step -> {
            if (step.activity().equals("pulling adapter_model.safetensors")) {
                assertThat(step.done()).isBetween(0L, step.total());
                most.accumulateAndGet(step.done(), Math::max);
            }
        }));
        assertThat(most.get()).isGreaterThan(WEIGHTS);
    }

    @Test
    void goesOnAfterEveryCut() {
        proxy.cut(3 << 20, 6);
        isWhole(pull(TransferMethod.SFTP, Progress.NONE));
        assertThat(proxy.connections()).as("broken lanes were replaced").isGreaterThan(4);
        assertThat(proxy.fromServer()).isLessThan(2L * WEIGHTS);
    }

    @Test
    void givesUpALaneThatStallsAndGoesOnWithAnother() {
        proxy.stall(8 << 20);
        isWhole(pull(TransferMethod.SFTP, Progress.NONE));
    }

    @Test
    void doesNotBelieveAByteThatChangedOnTheWay() {
        proxy.corrupt(10 << 20);
        isWhole(pull(TransferMethod.SFTP, Progress.NONE));
    }

    @Test
    void saysThatTheNetworkIsGoneAndKeepsWhatCame() {
        assertThatThrownBy(() -> pull(TransferMethod.SFTP, when(WEIGHTS / 2, proxy::refuse))).isInstanceOf(TransientFailure.class)
                .hasMessageContaining("adapter_model.safetensors").hasMessageContaining("Run the same command to go on");
        nothingIsThere();
        long before = proxy.fromServer();
        proxy.answerAgain();
        PulledAdapter pulled = pull(TransferMethod.SFTP, Progress.NONE);
        isWhole(pulled);
        assertThat(pulled.kept()).isGreaterThan(WEIGHTS / 4);
        assertThat(proxy.fromServer() - before).isLessThan(WEIGHTS * 3L / 4);
    }

    @Test
    void noticesAFileThatIsReplacedInBetweenAndTakesTheNewOne() {
        isWhole(pull(TransferMethod.SFTP, when(WEIGHTS / 3, () -> replace(WEIGHTS, 2))));
        assertThat(AdapterFixture.sha256(into().resolve("adapter_model.safetensors"))).isEqualTo(AdapterFixture.sha256(remote.root().resolve("adapter_model.safetensors")));
    }

    @Test
    void refusesAFileThatKeepsBeingReplaced() {
        AtomicLong seed = new AtomicLong(3);
        AtomicLong last = new AtomicLong();
        // Each time that a third of it has come anew.
        assertThatThrownBy(() -> pull(TransferMethod.SFTP, step -> {
            if (step.activity().endsWith("adapter_model.safetensors")) {
                long before = last.getAndSet(step.done());
                if (before < WEIGHTS / 3 && step.done() >= WEIGHTS / 3) {
                    replace(WEIGHTS, seed.getAndIncrement());
                }
            }
        })).isInstanceOf(TransientFailure.class).hasMessageContaining("changed while it was being pulled").hasMessageContaining("still writing");
        nothingIsThere();
    }

    @Test
    void noticesAFileThatHasAnotherSizeThanWasListed() {
        assertThatThrownBy(() -> pull(TransferMethod.SFTP, step -> {
            if (step.activity().endsWith("adapter_model.safetensors") && step.done() > 0) {
                cutShort();
            }
        })).isInstanceOf(FerryException.class).hasMessageMatching("(?s).*(ends at or before|changed while it was being pulled|still running).*");
        nothingIsThere();
    }

    @Test
    void theOtherWaysEndAsCleanly() throws IOException {
        for (TransferMethod method : new TransferMethod[] {TransferMethod.RSYNC, TransferMethod.SCP}) {
            proxy.cut(9 << 20, 1);
            try {
                isWhole(pull(method, Progress.NONE));
            } catch (TransientFailure e) {
                assertThat(e).hasMessageMatching("(?s).*(adapter_model.safetensors|The connection to .* broke).*");
                nothingIsThere();
                isWhole(pull(method, Progress.NONE));
            }
            Folders.delete(into());
        }
    }

    private void replace(int bytes, long seed) {
        try {
            Path beside = Files.write(remote.root().resolve("new"), AdapterFixture.weights(bytes, seed));
            Files.move(beside, remote.root().resolve("adapter_model.safetensors"), StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
            Files.setLastModifiedTime(remote.root().resolve("adapter_config.json"), java.nio.file.attribute.FileTime.from(java.time.Instant.now().plusSeconds(60)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void cutShort() {
        try (RandomAccessFile file = new RandomAccessFile(remote.root().resolve("adapter_model.safetensors").toFile(), "rw")) {
            file.setLength(WEIGHTS / 2);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
