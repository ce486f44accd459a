package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.BLOCKS_PER_CHECKPOINT;
import static dev.adapterferry.pass.PassFixture.BLOCK_WEIGHTS;
import static dev.adapterferry.pass.PassFixture.journalled;
import static dev.adapterferry.pass.PassFixture.request;
import static dev.adapterferry.pass.PassFixture.run;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.files.Folders;
import dev.adapterferry.quant.GgmlType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What lies on the disk in the middle of a pass is what a kill at that moment would leave. It is copied at many moments of one pass, put
 * back, and the pass run again.
 */
class KilledAtAnyMomentTest {
    private static final GgmlType[] TYPES = {GgmlType.Q4_K, GgmlType.Q8_0};
    /** Not a multiple of the blocks between two checkpoints, so that kills fall at different distances from the last one. */
    private static final int BLOCKS_BETWEEN_KILLS = 13;

    @TempDir
    Path temp;

    @Test
    void goesOnWithWhatItsJournalHeldAndEndsWithTheSameBytes() throws IOException {
        Path journals = temp.resolve("journals");
        Path folder = temp.resolve("out");
        Path journal = journals.resolve("m-Q4_K.gguf.journal");
        List<Path> moments = new ArrayList<>();
        int[] block = {0};
        GeneratedSource killed = GeneratedSource.model(1).beforeRead(rows -> {
            int done = block[0]++;
            if (done % BLOCKS_BETWEEN_KILLS == 0) {
                // Every other kill comes as soon as the last checkpoint is on the disk, the rest whenever they come.
                while (done % 2 == 0 && PassFixture.journalledBlocks(journal) < done / BLOCKS_PER_CHECKPOINT * BLOCKS_PER_CHECKPOINT) {
                    Thread.onSpinWait();
                }
                Path moment = temp.resolve("moment-" + done);
                // The journal first: what it vouches for is in the files by then.
                copy(journals, moment.resolve("journals"));
                copy(folder, moment.resolve("out"));
                moments.add(moment);
            }
        });
        run(journalled(1, journals), request(killed, folder, TYPES));
        List<Path> files = Stream.of(TYPES).map(type -> folder.resolve("m-" + type + ".gguf")).toList();
        List<byte[]> whole = new ArrayList<>();
        for (Path file : files) {
            whole.add(Files.readAllBytes(file));
        }
        assertThat(moments).hasSizeGreaterThan(5);
        long most = 0;
        for (Path moment : moments) {
            Folders.delete(folder);
            Folders.delete(journals);
            copy(moment.resolve("journals"), journals);
            copy(moment.resolve("out"), folder);
            long blocks = PassFixture.journalledBlocks(journal);
            most = Math.max(most, blocks);
            GeneratedSource again = GeneratedSource.model(1);
            PassResult result = run(journalled(2, journals), request(again, folder, TYPES));
            assertThat(result.resumedBytes()).as("%s, %d blocks in the journal", moment.getFileName(), blocks).isEqualTo(Journalled.bytes(blocks, files, BLOCK_WEIGHTS));
            assertThat(again.rowsRead.get()).as(moment.toString()).isEqualTo(again.rows() - PassFixture.rowsIn(blocks, again));
            for (int f = 0; f < files.size(); f++) {
                assertThat(Files.readAllBytes(files.get(f))).as(moment + " " + files.get(f)).isEqualTo(whole.get(f));
            }
        }
        assertThat(most).as("blocks of the latest checkpoint that was gone on from").isGreaterThan(4 * BLOCKS_PER_CHECKPOINT);
    }

    private static void copy(Path from, Path to) {
        try (Stream<Path> files = Files.list(from)) {
            Files.createDirectories(to);
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
