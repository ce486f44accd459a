package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SourceFiles;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a merge leaves on the disk at some moment, as a kill would leave it, and the same merge again from there. */
class MergeResumeTest {
    private static final int LAYERS = 6;
    private static final int ROWS = 64;

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;
    private final Map<String, Integer> rowsRead = new ConcurrentHashMap<>();

    @BeforeEach
    void write() {
        base = new TinyFiles(folder.resolve("base"), 1);
        adapter = TinyFiles.peft(folder.resolve("majora"), 2, 2, 5);
        for (int l = 0; l < LAYERS; l++) {
            base.add("model.layers." + l + ".input_layernorm.weight", ElementType.BF16, 0.1, 32);
            base.add("model.layers." + l + ".mlp.up_proj.weight", ElementType.BF16, 0.1, ROWS, 32);
            base.add("model.layers." + l + ".self_attn.q_proj.weight", ElementType.BF16, 0.1, ROWS, 32);
            adapter.pair("model.layers." + l + ".self_attn.q_proj", 2, ROWS, 32);
        }
        base.writeBase(1 << 20);
        adapter.writeAdapter();
    }

    @ParameterizedTest
    @ValueSource(ints = {1 << 20, 5000})
    void goesOnWhereItWasKilledAndEndsWithTheSameBytes(int shardBytes) throws IOException {
        MergeReport whole = merge("out", shardBytes, "again", "merging", 0.5);
        List<String> lines = Files.readAllLines(folder.resolve(".again.partial/merge-journal.jsonl"));
        assertThat(lines.size()).isBetween(5, 2 * LAYERS + 2);
        rowsRead.clear();
        MergeReport resumed = merge("again", shardBytes, null, "", 0);
        for (TinyFiles.Stored tensor : base.tensors.values()) {
            boolean kept = lines.stream().anyMatch(line -> line.contains('"' + tensor.info().name() + '"'));
            int rows = rowsRead.getOrDefault(tensor.info().name(), 0);
            // The check at the end reads four rows of adapted tensors, once as they are and once adapted.
            assertThat(kept ? rows <= 8 && (rows == 0 || tensor.info().name().contains("q_proj")) : rows >= tensor.info().rows()).as(tensor.info().name() + " kept " + kept + ", rows read " + rows).isTrue();
        }
        requireSame(whole, resumed);
    }

    @Test
    void whatIsNotWhatTheJournalSaysIsWrittenAgain() throws IOException {
        MergeReport whole = merge("out", 1 << 20, "again", "merging", 0.9);
        Path shard = folder.resolve(".again.partial/model.safetensors.partial");
        try (RandomAccessFile file = new RandomAccessFile(shard.toFile(), "rw")) {
            file.seek(file.length() / 2);
            int old = file.read();
            file.seek(file.length() / 2);
            file.write(old ^ 64);
        }
        Files.writeString(folder.resolve(".again.partial/merge-journal.jsonl"), "{\"tensor\":\"model.layers.5.mlp.up_p", java.nio.file.StandardOpenOption.APPEND);
        requireSame(whole, merge("again", 1 << 20, null, "", 0));
    }

    /** Every shard has its name already, the folder has not. */
    @Test
    void aKillDuringTheCheckCostsTheCheckOnly() throws IOException {
        MergeReport whole = merge("out", 5000, "again", "checking", 0);
        assertThat(folder.resolve(".again.partial/model.safetensors.index.json")).exists();
        rowsRead.clear();
        requireSame(whole, merge("again", 5000, null, "", 0));
        assertThat(rowsRead.values()).allMatch(rows -> rows <= 8);
    }

    @Test
    void anotherMergeDoesNotTakeItUp() throws IOException {
        merge("out", 1 << 20, "again", "merging", 0.5);
        adapter.config.put("lora_alpha", 4);
        adapter.writeAdapter();
        rowsRead.clear();
        merge("again", 1 << 20, null, "", 0);
        assertThat(base.tensors.values()).allMatch(tensor -> rowsRead.get(tensor.info().name()) >= tensor.info().rows());
    }

    /** As Ctrl-C stops it. */
    @ParameterizedTest
    @ValueSource(strings = {"merging", "checking"})
    void aCancelledMergeSaysWhereItWaitsAndGoesOn(String activity) throws IOException {
        MergeReport whole = merge("out", 5000, null, "", 0);
        Path partial = folder.resolve(".again.partial");
        Cancellation cancellation = new Cancellation();
        assertThatThrownBy(() -> merge("again", 5000, cancelling(activity, 0.5, cancellation), cancellation)).isInstanceOf(Cancelled.class)
                .hasMessageContaining("kept in " + partial).hasMessageContaining("Delete that folder");
        assertThat(folder.resolve("again")).doesNotExist();
        List<String> lines = Files.readAllLines(partial.resolve("merge-journal.jsonl"));
        // Stopped once more, before anything is added to it, and while it looks at what is there.
        Cancellation at = new Cancellation();
        at.request();
        assertThatThrownBy(() -> merge("again", 5000, Progress.NONE, at)).isInstanceOf(Cancelled.class).hasMessageContaining("kept in " + partial);
        assertThat(Files.readAllLines(partial.resolve("merge-journal.jsonl"))).isEqualTo(lines);
        rowsRead.clear();
        requireSame(whole, merge("again", 5000, null, "", 0));
        // The check at the end reads four rows of adapted tensors, once as they are and once adapted; nothing else of what is noted is read again.
        assertThat(base.tensors.keySet().stream().filter(name -> lines.stream().anyMatch(line -> line.contains('"' + name + '"')))).allMatch(name -> rowsRead.getOrDefault(name, 0) <= 8);
        assertThat(lines.size() - 1).isGreaterThanOrEqualTo(activity.equals("checking") ? base.tensors.size() : base.tensors.size() / 2);
    }

    @Test
    void aMergeThatIsCancelledBeforeAnythingIsWholeLeavesNothing() {
        Cancellation cancellation = new Cancellation();
        cancellation.request();
        assertThatThrownBy(() -> merge("out", 5000, Progress.NONE, cancellation)).isInstanceOf(Cancelled.class).hasMessageContaining("Nothing of it is kept");
        assertThat(folder).isDirectoryNotContaining("glob:**out*");
    }

    @Test
    void aSecondMergeIntoTheSameFolderIsRefusedAndTheFirstGoesOn() throws IOException {
        MergeReport whole = merge("out", 5000, null, "", 0);
        AtomicReference<Throwable> second = new AtomicReference<>();
        MergeReport first = merge("again", 5000, step -> second.compareAndSet(null, catchThrowable(() -> merge("again", 5000, null, "", 0))), new Cancellation());
        assertThat(second.get()).isInstanceOf(TransientFailure.class).hasMessageContaining("the merged checkpoint " + folder.resolve("again"));
        requireSame(whole, first);
        assertThat(folder).isDirectoryNotContaining("glob:**.lock");
    }

    private static Progress cancelling(String activity, double share, Cancellation cancellation) {
        return step -> {
            if (step.activity().startsWith(activity) && step.done() >= share * step.total()) {
                cancellation.request();
            }
        };
    }

    private void requireSame(MergeReport whole, MergeReport resumed) throws IOException {
        assertThat(resumed).isEqualTo(whole);
        try (Stream<Path> files = Files.list(folder.resolve("out"))) {
            for (Path file : files.toList()) {
                assertThat(folder.resolve("again").resolve(file.getFileName())).hasSameBinaryContentAs(file);
            }
        }
        assertThat(folder.resolve("again")).isDirectoryNotContaining("glob:**journal*");
        assertThat(folder.resolve(".again.partial")).doesNotExist();
    }

    /**
     * Merges with one thread, every tensor noted at once.
     *
     * @param copy where to copy what there is, as soon as this share of this activity is done; null for nowhere
     */
    private MergeReport merge(String out, int shardBytes, String copy, String activity, double share) {
        return merge(out, shardBytes, step -> {
            if (copy != null && step.activity().startsWith(activity) && step.done() >= share * step.total() && !Files.exists(folder.resolve("." + copy + ".partial"))) {
                copy(folder.resolve("." + out + ".partial"), folder.resolve("." + copy + ".partial"));
            }
        }, new Cancellation());
    }

    private MergeReport merge(String out, int shardBytes, Progress progress, Cancellation cancellation) {
        MergeRequest request = new MergeRequest(folder.resolve(out), Optional.empty(), shardBytes, 1);
        try (MergedCheckpoint merged = MergedCheckpoint.open(new Counted(base.openBase()), List.of(MergeInput.of(adapter.folder)), MergeOptions.STRICT)) {
            return new AdapterMerger(1).merge(merged, request, progress, cancellation);
        }
    }

    private static void copy(Path from, Path to) {
        try (Stream<Path> files = Files.list(from)) {
            Files.createDirectory(to);
            for (Path file : files.toList()) {
                Files.copy(file, to.resolve(file.getFileName()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The base, its rows counted as they are read. */
    private final class Counted implements Checkpoint, SourceFiles {
        private final Checkpoint whole;

        Counted(Checkpoint whole) {
            this.whole = whole;
        }

        @Override
        public String name() {
            return whole.name();
        }

        @Override
        public ObjectNode config() {
            return whole.config();
        }

        @Override
        public Optional<Path> file(String fileName) {
            return whole.file(fileName);
        }

        @Override
        public List<Path> files() {
            return ((SourceFiles) whole).files();
        }

        @Override
        public TensorSource tensors() {
            TensorSource source = whole.tensors();
            return new TensorSource() {
                @Override
                public List<TensorInfo> tensors() {
                    return source.tensors();
                }

                @Override
                public Optional<TensorInfo> find(String name) {
                    return source.find(name);
                }

                @Override
                public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                    rowsRead.merge(tensor.name(), rows, Integer::sum);
                    source.read(tensor, firstRow, rows, into, offset);
                }

                @Override
                public void close() { }
            };
        }

        @Override
        public void close() {
            whole.close();
        }
    }
}
