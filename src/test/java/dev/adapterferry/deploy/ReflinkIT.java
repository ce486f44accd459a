package dev.adapterferry.deploy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** Clones on a real btrfs, in an image of its own, and copies where a file system has no clones. */
@EnabledOnOs(OS.LINUX)
class ReflinkIT {
    private static final int BYTES = 16 << 20;

    @TempDir
    Path directory;

    private Path random(Path file, int seed) throws IOException {
        byte[] bytes = new byte[BYTES];
        new Random(seed).nextBytes(bytes);
        return Files.write(Files.createDirectories(file.getParent()).resolve(file.getFileName()), bytes);
    }

    private static Placement cloning() {
        return new Placement(Placement.Way.REFLINK, Progress.NONE, new Cancellation());
    }

    /** Free bytes once everything is written. */
    private static long free(Path mount) throws IOException, InterruptedException {
        assertThat(Programs.succeed("sync", "-f", mount.toString())).isTrue();
        return Files.getFileStore(mount).getUsableSpace();
    }

    @Test
    void clonesShareTheirBlocksUntilOneIsWrittenTo() throws Exception {
        Assumptions.assumeTrue("root".equals(System.getProperty("user.name")), "only root may mount");
        Programs.assume("mkfs.btrfs");
        Path image = directory.resolve("btrfs.img");
        try (FileChannel file = FileChannel.open(image, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.allocate(1), (256L << 20) - 1);
        }
        Path mount = Files.createDirectories(directory.resolve("mount"));
        assertThat(Programs.succeed(Programs.find("mkfs.btrfs").toString(), "-q", "-m", "single", image.toString())).isTrue();
        Assumptions.assumeTrue(Programs.succeed("mount", "-o", "loop", image.toString(), mount.toString()), "this system lets nobody mount an image");
        try {
            clone(mount);
            deploy(mount);
        } finally {
            assertThat(Programs.succeed("umount", mount.toString())).isTrue();
        }
    }

    private void clone(Path mount) throws Exception {
        Path source = random(mount.resolve("runs/model.gguf"), 1);
        String sha256 = Sha256.of(source);
        assertThat(Reflink.works(source.getParent(), mount)).isTrue();
        long before = free(mount);
        Path clone = mount.resolve("clone.part");
        assertThat(cloning().place(source, clone, sha256)).isEqualTo(Placement.Way.REFLINK);
        assertThat(before - free(mount)).as("bytes that the clone takes").isLessThan(BYTES / 4);
        assertThat(Files.isSameFile(source, clone)).isFalse();
        try (FileChannel file = FileChannel.open(clone, StandardOpenOption.WRITE)) {
            file.write(ByteBuffer.wrap("changed".getBytes()), 0);
        }
        assertThat(Sha256.of(source)).as("a tool that writes into the installed file does not reach the kept one").isEqualTo(sha256);
        Files.delete(clone);
    }

    /** A whole deployment by clones: the kept release and the installed one are files of their own, and cost once. */
    private void deploy(Path mount) throws Exception {
        ModelFolder folder = new ModelFolder(Files.createDirectories(mount.resolve("models")), "acme", "majora");
        ReleaseStore store = new ReleaseStore(mount.resolve("releases"));
        Installation.Options options = new Installation.Options(Placement.Way.REFLINK, 3, () -> { }, Installation.Options.of(3).freeBytes(), Clock.systemUTC(), Progress.NONE, new Cancellation());
        for (int number = 1; number <= 2; number++) {
            List<Candidate.Item> items = new ArrayList<>();
            for (String format : List.of("Q4_K_M", "Q8_0")) {
                Path file = random(mount.resolve("runs/" + number + "/majora-" + format + ".gguf"), number * 10 + format.length());
                items.add(Candidate.Item.of(file, format, Sha256.of(file)));
            }
            long before = free(mount);
            new Installation(folder, store, options).install(new Candidate("majora", items, Map.of()));
            assertThat(before - free(mount)).as("bytes that release %d takes beside its run", number).isLessThan(BYTES / 2);
        }
        for (Release.File file : store.get("majora", 2).files()) {
            Path installed = folder.path().resolve(file.name());
            assertThat(Sha256.of(installed)).isEqualTo(file.sha256());
            assertThat(Files.isSameFile(installed, store.directory("majora", 2).resolve(file.name()))).isFalse();
        }
        assertThat(folder.path().resolveSibling(".majora.ferry")).doesNotExist();
        new Installation(folder, store, options).restore("majora", 1);
        assertThat(Sha256.of(folder.path().resolve("majora-Q8_0.gguf"))).isEqualTo(store.get("majora", 1).files().getLast().sha256());
    }

    @Test
    void copiesAreVerifiedAndSaidWhereTheFileSystemHasNoClones() throws Exception {
        Path source = random(directory.resolve("runs/model.gguf"), 1);
        Assumptions.assumeFalse(Reflink.works(source.getParent(), directory), "this file system has clones");
        Logger log = (Logger) LoggerFactory.getLogger(Placement.class);
        ListAppender<ILoggingEvent> said = new ListAppender<>();
        said.start();
        log.addAppender(said);
        Level before = log.getLevel();
        log.setLevel(Level.INFO);
        try {
            Path copy = directory.resolve("copy.part");
            assertThat(cloning().place(source, copy, Sha256.of(source))).isEqualTo(Placement.Way.COPY);
            assertThat(Sha256.of(copy)).isEqualTo(Sha256.of(source));
            assertThat(said.list).extracting(ILoggingEvent::getFormattedMessage).singleElement().asString().contains(source.toString()).contains("cannot be cloned").contains("copied");
            String other = Sha256.of("something else".getBytes());
            assertThatThrownBy(() -> cloning().place(source, copy, other)).isInstanceOf(FerryException.class).hasMessageContaining("went wrong").hasMessageContaining(other);
        } finally {
            log.setLevel(before);
            log.detachAppender(said);
        }
    }
}
