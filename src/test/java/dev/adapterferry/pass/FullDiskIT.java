package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.expected;
import static dev.adapterferry.pass.PassFixture.journalled;
import static dev.adapterferry.pass.PassFixture.request;
import static dev.adapterferry.pass.PassFixture.run;
import static dev.adapterferry.pass.PassFixture.threads;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.waiting.Programs;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that another program fills while a pass is writing: a small memory disk, which only the superuser can mount. */
class FullDiskIT {
    private static final GgmlType[] TYPES = {GgmlType.Q8_0, GgmlType.F16};

    @TempDir
    Path temp;
    private Path disk;
    private boolean mounted;

    @BeforeEach
    void mount() throws Exception {
        disk = Files.createDirectory(temp.resolve("disk"));
        mounted = Programs.succeed("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk.toString());
        Assumptions.assumeTrue(mounted, "needs the right to mount a memory disk");
    }

    @AfterEach
    void unmount() throws Exception {
        if (mounted) {
            assertThat(Programs.succeed("umount", disk.toString())).isTrue();
        }
    }

    @Test
    void keepsWhatIsWrittenAndGoesOnWhenThereIsRoomAgain() throws Exception {
        Path journals = temp.resolve("journals");
        Path journal = journals.resolve("m-Q8_0.gguf.journal");
        GeneratedSource source = filling(() -> PassFixture.journalledBlocks(journal) > 0);
        assertThatThrownBy(() -> run(journalled(2, journals), request(source, disk, TYPES))).isInstanceOf(FerryException.class).hasMessageContaining("No space left on device")
                .hasMessageContaining(disk.toString()).hasMessageContaining("it goes on where it stood");
        assertThat(disk.toFile().list()).containsExactlyInAnyOrder("m-Q8_0.gguf.part", "m-F16.gguf.part", "filler");
        Files.delete(disk.resolve("filler"));
        GeneratedSource again = GeneratedSource.model(1);
        PassRequest request = request(again, disk, TYPES);
        run(journalled(2, journals), request);
        assertThat(again.rowsRead.get()).isLessThan(again.rows());
        for (PassOutput output : request.outputs()) {
            assertThat(Files.readAllBytes(output.file())).isEqualTo(expected(again, output, Optional.empty()));
        }
    }

    @Test
    void removesWhatIsWrittenWithoutAJournal() throws Exception {
        GeneratedSource source = filling(() -> true);
        assertThatThrownBy(() -> run(threads(2), request(source, disk, TYPES))).isInstanceOf(FerryException.class).hasMessageContaining("No space left on device")
                .hasMessageContaining("is removed");
        assertThat(disk.toFile().list()).containsExactly("filler");
    }

    @Test
    void seesBeforehandThatThereIsTooLittleRoom() throws Exception {
        Files.write(disk.resolve("filler"), new byte[800 << 10]);
        GeneratedSource source = GeneratedSource.model(1);
        assertThatThrownBy(() -> run(threads(2), request(source, disk, TYPES))).isInstanceOf(FerryException.class).hasMessageContaining("bytes are needed");
        assertThat(source.rowsRead.get()).isZero();
        assertThat(disk.toFile().list()).containsExactly("filler");
    }

    /** Fills the disk once some rows are read and the condition holds. */
    private GeneratedSource filling(java.util.function.BooleanSupplier condition) {
        AtomicBoolean filled = new AtomicBoolean();
        return GeneratedSource.model(1).beforeRead(rows -> {
            while (rows > 150 && !condition.getAsBoolean()) {
                Thread.onSpinWait();
            }
            if (rows > 150 && filled.compareAndSet(false, true)) {
                fill();
            }
        });
    }

    private void fill() {
        try (OutputStream out = Files.newOutputStream(disk.resolve("filler"))) {
            while (true) {
                out.write(new byte[4096]);
            }
        } catch (IOException e) {
            // Full, as wanted.
        }
    }
}
