package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.deploy.Release;
import dev.adapterferry.deploy.RemoteTarget;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.source.ssh.OpenSshServer;
import dev.adapterferry.transfer.FaultProxy;
import dev.adapterferry.waiting.Stopping;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A real OpenSSH server that offers SFTP and nothing else, behind a network that breaks. */
class SftpOnlyHostIT {
    private static final int BYTES = 12 << 20;
    private static final ModelProfile PROFILE = new ModelProfile("majora", "acme", "majora", "Q8_0", 4096, 0.2, "");

    @TempDir
    Path directory;

    private OpenSshServer ssh;
    private FaultProxy proxy;
    private Settings settings;
    private Path far;

    @BeforeEach
    void start() throws Exception {
        ssh = OpenSshServer.start(directory, "Subsystem sftp internal-sftp", "ForceCommand internal-sftp");
        proxy = new FaultProxy(ssh.port());
        far = directory.resolve("far/acme/majora");
        Path file = Files.writeString(directory.resolve("ferry.yaml"), "home: %s%nvast: {ssh-key: %s, known-hosts: %s}%nmodels: {majora: {}}%n"
                .formatted(directory.resolve("home"), directory.resolve("user_key"), directory.resolve("known")));
        settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    @AfterEach
    void stop() throws Exception {
        proxy.close();
        ssh.close();
    }

    private void put(Release release, Progress progress, Cancellation cancellation) {
        String address = "ssh://" + System.getProperty("user.name") + "@127.0.0.1:" + proxy.port() + directory.resolve("far");
        try (SftpFolder folder = new SftpFolder(address, AdapterSources.login(settings), progress, cancellation)) {
            new RemoteTarget(folder).put(release, directory.resolve("kept/" + release.number()), PROFILE);
        }
    }

    private Release release(int number, int seed) throws IOException {
        Path file = Files.createDirectories(directory.resolve("kept/" + number)).resolve("majora-Q8_0.gguf");
        byte[] bytes = new byte[BYTES];
        new Random(seed).nextBytes(bytes);
        Files.write(file, bytes);
        return new Release("majora", "acme", "majora", number, Instant.EPOCH, List.of(new Release.File("majora-Q8_0.gguf", "Q8_0", BYTES, Sha256.of(file))), Map.of());
    }

    private void assertHolds(Release release) throws IOException {
        assertThat(Sha256.of(far.resolve("majora-Q8_0.gguf"))).isEqualTo(release.files().getFirst().sha256());
        try (Stream<Path> files = Files.list(far)) {
            assertThat(files.map(file -> file.getFileName().toString()).sorted()).containsExactly(".release.json", "majora-Q8_0.gguf");
        }
    }

    @Test
    void goesOnAfterABrokenConnection() throws IOException {
        Release release = release(1, 1);
        AtomicInteger cuts = new AtomicInteger();
        put(release, step -> {
            if (step.activity().startsWith("sending")) {
                assertThat(far.resolve("majora-Q8_0.gguf")).as("not before it is whole").doesNotExist();
                if (step.done() > (cuts.get() + 1) * (BYTES / 3L) && cuts.get() < 2) {
                    cuts.incrementAndGet();
                    proxy.refuse();
                    proxy.answerAgain();
                }
            }
        }, new Cancellation());
        assertHolds(release);
        assertThat(cuts).hasValue(2);
        assertThat(proxy.connections()).isGreaterThan(2);
        // Twice from its beginning would be 20 MB more.
        assertThat(proxy.toServer()).isLessThan(BYTES * 3L / 2);
        assertThat(proxy.fromServer()).as("read back to verify it").isGreaterThan(BYTES);
    }

    @Test
    void goesOnWithWhatAnEarlierProcessSentAndBelievesNothing() throws IOException {
        Release release = release(1, 1);
        Cancellation cancellation = new Cancellation();
        assertThatThrownBy(() -> put(release, step -> {
            if (step.done() > BYTES * 2L / 3) {
                cancellation.request();
            }
        }, cancellation)).isInstanceOf(Cancelled.class);
        assertThat(far.resolve("majora-Q8_0.gguf")).doesNotExist();
        long before = proxy.toServer();
        put(release, Progress.NONE, new Cancellation());
        assertHolds(release);
        assertThat(proxy.toServer() - before).isLessThan(BYTES * 2L / 3);

        before = proxy.toServer();
        put(release, Progress.NONE, new Cancellation());
        assertThat(proxy.toServer() - before).as("it is there").isLessThan(BYTES / 10);

        // A beginning that a sick disk changed.
        Release next = release(2, 2);
        Files.write(far.resolve(".majora-Q8_0.gguf." + next.files().getFirst().sha256().substring(0, 12) + ".part"), new byte[BYTES / 2]);
        put(next, Progress.NONE, new Cancellation());
        assertHolds(next);
    }

    /** In the middle of an upload, and while it is read back. */
    @ParameterizedTest
    @ValueSource(ints = {10_000, BYTES / 2})
    void isStoppedWhereTheHostFallsSilentAndGoesOnAfterwards(int answers) throws Exception {
        Release release = release(1, 1);
        proxy.stall(proxy.fromServer() + answers);
        assertThat(Stopping.of(cancellation -> put(release, Progress.NONE, cancellation), thread -> proxy.held() > 0)).isInstanceOf(Cancelled.class);
        Waiting.until("the connection is given up", () -> proxy.held() == 0);
        assertThat(far.resolve("majora-Q8_0.gguf")).as("nothing has its name before it was read back").doesNotExist();
        put(release, Progress.NONE, new Cancellation());
        assertHolds(release);
    }
}
