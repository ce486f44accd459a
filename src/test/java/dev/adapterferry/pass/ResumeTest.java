package dev.adapterferry.pass;

import static dev.adapterferry.pass.PassFixture.expected;
import static dev.adapterferry.pass.PassFixture.journalled;
import static dev.adapterferry.pass.PassFixture.pass;
import static dev.adapterferry.pass.PassFixture.request;
import static dev.adapterferry.pass.PassFixture.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ResumeTest {
    private static final GgmlType[] TYPES = {GgmlType.Q4_K, GgmlType.Q8_0};

    @TempDir
    Path temp;
    private Path folder;
    private Path journals;
    private Path journal;

    @BeforeEach
    void folders() {
        folder = temp.resolve("out");
        journals = temp.resolve("journals");
        journal = journals.resolve("m-Q4_K.gguf.journal");
    }

    @Test
    void goesOnAfterAFailureThatHealsAndDoesNothingTwice() throws IOException {
        breakAt(350);
        long kept = PassFixture.rowsIn(PassFixture.journalledBlocks(journal), GeneratedSource.model(1));
        assertThat(kept).isPositive();
        GeneratedSource again = GeneratedSource.model(1);
        PassResult result = run(journalled(2, journals), request(again, folder, TYPES));
        assertComplete(result);
        assertThat(again.rowsRead.get()).isEqualTo(again.rows() - kept);
        assertThat(result.resumedBytes()).isPositive();
        assertThat(result.bytesWritten()).isLessThan(Files.size(folder.resolve("m-Q4_K.gguf")) + Files.size(folder.resolve("m-Q8_0.gguf")) - result.resumedBytes() + 1);
    }

    @Test
    void goesOnAfterACancellation() throws Exception {
        Cancellation cancellation = new Cancellation();
        GeneratedSource source = GeneratedSource.model(1).beforeRead(rows -> {
            if (rows > 400) {
                cancellation.request();
            }
        });
        awaitingCheckpoint(source, 300);
        assertThatThrownBy(() -> pass(journalled(2, journals)).run(request(source, folder, TYPES), Progress.NONE, cancellation)).isInstanceOf(Cancelled.class);
        assertThat(folder.resolve("m-Q4_K.gguf")).doesNotExist();
        assertThat(folder.resolve("m-Q4_K.gguf.part")).exists();
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(1, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isLessThan(again.rows());
    }

    /** When the last block is written and hashed, but no file has its name yet. */
    @Test
    void aCancellationAtTheVeryEndStopsBeforeTheNamesAndLosesNothing() throws IOException {
        Cancellation cancellation = new Cancellation();
        Progress last = step -> {
            if (step.unit() == Progress.Unit.BYTES && step.done() == step.total()) {
                cancellation.request();
            }
        };
        assertThatThrownBy(() -> pass(journalled(2, journals)).run(request(GeneratedSource.model(1), folder, TYPES), last, cancellation)).isInstanceOf(Cancelled.class);
        assertThat(folder.resolve("m-Q4_K.gguf")).doesNotExist();
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(2, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isZero();
    }

    /** The files have their names, and somebody reads them, when the pass is cancelled: nothing is made again. */
    @Test
    void isTakenUpWholeWhenTheProofWasCutShort() throws IOException {
        PassRequest request = request(GeneratedSource.model(1), folder, TYPES);
        assertThatThrownBy(() -> pass(journalled(2, journals)).run(request, Progress.NONE, new Cancellation(), made -> {
            assertThat(made.files()).allMatch(file -> Files.exists(file.file()));
            throw new Cancelled("the proof");
        })).isInstanceOf(Cancelled.class);
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(2, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isZero();
    }

    @Test
    void anInterruptedCallerCancels() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        GeneratedSource source = GeneratedSource.model(1).beforeRead(rows -> reading.countDown());
        Thread caller = Thread.ofPlatform().unstarted(() -> assertThatThrownBy(() -> run(journalled(2, journals), request(slowed(source), folder, TYPES))).isInstanceOf(Cancelled.class));
        List<Throwable> uncaught = new java.util.concurrent.CopyOnWriteArrayList<>();
        caller.setUncaughtExceptionHandler((t, e) -> uncaught.add(e));
        caller.start();
        reading.await();
        caller.interrupt();
        caller.join();
        assertThat(uncaught).isEmpty();
        assertThat(folder.resolve("m-Q4_K.gguf")).doesNotExist();
    }

    @Test
    void discardsTheJournalOfAnotherSource() throws IOException {
        breakAt(350);
        GeneratedSource other = GeneratedSource.model(99);
        PassRequest request = PassFixture.with(request(other, folder, TYPES), "another key", List.of(), Optional.empty());
        PassResult result = run(journalled(2, journals), request);
        assertThat(result.resumedBytes()).isZero();
        assertThat(other.rowsRead.get()).isEqualTo(other.rows());
        assertThat(Files.readAllBytes(folder.resolve("m-Q4_K.gguf"))).isEqualTo(expected(other, request.outputs().getFirst(), Optional.empty()));
    }

    /** In the header; in a tensor of its own; in one whose bytes both files share, and which only the second has wrong. */
    @ParameterizedTest
    @ValueSource(strings = {"header", "token_embd.weight", "blk.0.attn_norm.weight"})
    void startsOverWhenWhatWasWrittenIsDamaged(String where) throws IOException {
        breakAt(350);
        Path part = folder.resolve("m-Q8_0.gguf.part");
        byte[] bytes = Files.readAllBytes(part);
        GgufPlan plan = request(GeneratedSource.model(1), folder, TYPES).outputs().get(1).plan();
        int at = (int) plan.tensors().stream().filter(tensor -> tensor.source().name().equals(where)).mapToLong(tensor -> tensor.offset() + 100).findFirst().orElse(20);
        bytes[at] ^= 1;
        Files.write(part, bytes);
        assertStartsOver();
    }

    @Test
    void startsOverWhenAPartIsGone() throws IOException {
        breakAt(350);
        Files.delete(folder.resolve("m-Q8_0.gguf.part"));
        assertStartsOver();
    }

    @Test
    void passesOverAJournalLineThatAKillCutShort() throws IOException {
        breakAt(350);
        long kept = PassFixture.rowsIn(PassFixture.journalledBlocks(journal), GeneratedSource.model(1));
        Files.writeString(journal, Files.readString(journal) + "{\"blocks\":9999,\"ha");
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(2, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isEqualTo(again.rows() - kept);
    }

    @Test
    void finishesAPassThatWasKilledBetweenTwoRenames() throws IOException {
        PassRequest request = request(GeneratedSource.model(1), folder, TYPES);
        // The state after the first rename, as a kill would leave it: all is written and journalled, one file has its name.
        breakAt(Long.MAX_VALUE);
        assertThat(folder.resolve("m-Q8_0.gguf.part")).exists();
        Files.move(folder.resolve("m-Q4_K.gguf.part"), folder.resolve("m-Q4_K.gguf"));
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(2, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isZero();
        assertThat(request.outputs()).allMatch(o -> Files.exists(o.file()) && !Files.exists(o.part()));
    }

    @Test
    void leavesNothingAfterAFailureThatCannotHeal() throws IOException {
        GeneratedSource source = GeneratedSource.model(1).beforeRead(rows -> {
            if (rows > 350) {
                throw new FerryException("damaged for good");
            }
        });
        awaitingCheckpoint(source, 340);
        assertThatThrownBy(() -> run(journalled(2, journals), request(source, folder, TYPES))).hasMessage("damaged for good");
        assertThat(folder).isEmptyDirectory();
        assertThat(journals).isEmptyDirectory();
    }

    @Test
    void refusesToWriteWhatAnotherPassIsWriting() throws Exception {
        CountDownLatch reading = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        GeneratedSource source = GeneratedSource.model(1).beforeRead(rows -> {
            reading.countDown();
            await(go);
        });
        Thread first = Thread.ofPlatform().start(() -> run(journalled(1, journals), request(source, folder, TYPES)));
        reading.await();
        assertThatThrownBy(() -> run(journalled(1, journals), request(GeneratedSource.model(1), folder, TYPES))).isInstanceOf(TransientFailure.class).hasMessageContaining("another pass");
        go.countDown();
        first.join();
        PassRequest request = request(GeneratedSource.model(1), folder, TYPES);
        assertThat(Files.readAllBytes(request.outputs().getFirst().file())).isEqualTo(expected(GeneratedSource.model(1), request.outputs().getFirst(), Optional.empty()));
    }

    /** Runs a pass that fails, healably, once so many rows were read; with the largest number, when all is written but nothing named. */
    private void breakAt(long rows) throws IOException {
        GeneratedSource source = GeneratedSource.model(1);
        source.beforeRead(read -> {
            if (read >= rows) {
                throw new TransientFailure("the source went away");
            }
        });
        PassRequest request = request(source, folder, TYPES);
        if (rows == Long.MAX_VALUE) {
            Path inTheWay = folder.resolve("m-Q4_K.gguf");
            source.beforeRead(read -> {
                if (read == 0) {
                    makeFolder(inTheWay.resolve("full"));
                }
            });
            assertThatThrownBy(() -> run(journalled(2, journals), request)).isInstanceOf(WriteFailure.class);
            Files.delete(inTheWay.resolve("full"));
            Files.delete(inTheWay);
        } else {
            awaitingCheckpoint(source, rows - 10);
            assertThatThrownBy(() -> run(journalled(2, journals), request)).hasMessage("the source went away");
            assertThat(folder.resolve("m-Q4_K.gguf")).doesNotExist();
        }
    }

    /** Makes a source wait, past some row, until the journal has a checkpoint, so that a failure finds something to keep. */
    private void awaitingCheckpoint(GeneratedSource source, long fromRow) {
        source.alsoBeforeRead(read -> {
            while (read >= fromRow && PassFixture.journalledBlocks(journal) == 0) {
                Thread.onSpinWait();
            }
        });
    }

    private void assertStartsOver() throws IOException {
        GeneratedSource again = GeneratedSource.model(1);
        assertComplete(run(journalled(2, journals), request(again, folder, TYPES)));
        assertThat(again.rowsRead.get()).isEqualTo(again.rows());
    }

    private void assertComplete(PassResult result) throws IOException {
        GeneratedSource source = GeneratedSource.model(1);
        for (int f = 0; f < TYPES.length; f++) {
            PassOutput output = request(source, folder, TYPES).outputs().get(f);
            byte[] bytes = Files.readAllBytes(output.file());
            assertThat(bytes).as(output.format()).isEqualTo(expected(source, output, Optional.empty()));
            assertThat(result.files().get(f).tensors()).allMatch(t -> t.xxh64().length() == 16);
            assertThat(output.part()).doesNotExist();
        }
        assertThat(journals).isEmptyDirectory();
        assertThat(folder.resolve("m.manifest.json")).exists();
    }

    private static GeneratedSource slowed(GeneratedSource source) {
        return source.alsoBeforeRead(rows -> {
            long until = System.nanoTime() + 20_000_000;
            while (System.nanoTime() < until) {
                Thread.onSpinWait();
            }
        });
    }

    private static void makeFolder(Path path) {
        try {
            Files.createDirectories(path);
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            latch.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
