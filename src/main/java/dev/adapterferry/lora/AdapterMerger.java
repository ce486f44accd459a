package dev.adapterferry.lora;

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.FurtherTemplates;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.ShardedSafetensors;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.StoredBytes;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TurnedExperts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a merged checkpoint as a model folder that transformers loads, with a {@code merge-report.json} that proves that the adapter
 * landed. The folder appears under its name when everything in it was written, read back and checked. A merge that was killed leaves a hidden folder with a
 * {@link MergeJournal}; the same merge takes up from there what is whole.
 */
public final class AdapterMerger {
    /** Writes a number without bounds as transformers reads it: Infinity, without quotation marks. */
    private static final JsonMapper JSON = JsonMapper.builder().disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS).build();

    /** What belongs to a model beside its weights. */
    private static final List<String> COMPANIONS = List.of("generation_config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json",
            "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "tiktoken.model", "qwen.tiktoken",
            "spiece.model", "sentencepiece.bpe.model", "vocab.txt", SentenceModules.NAME, "config_sentence_transformers.json", "sentence_bert_config.json",
            "chat_template.jinja", "chat_template.json", "preprocessor_config.json", "processor_config.json", "LICENSE");
    private static final String REPORT = "merge-report.json";
    private static final int SAMPLED_ROWS = 4;
    private static final int UNIT = 1 << 20;
    /** Values between two looks at whether to stop: before kernels are compiled, a whole unit takes seconds. */
    private static final int SLICE = 1 << 17;
    private static final long JOURNAL_BYTES = 32L << 20;
    private static final Logger LOG = LoggerFactory.getLogger(AdapterMerger.class);

    private final long journalBytes;

    /** A merger whose work is lost by a kill for a sixteenth and 32 MB at most, beside what is under way. */
    public AdapterMerger() {
        this(JOURNAL_BYTES);
    }

    /** @param journalBytes how much finished work waits to be noted */
    AdapterMerger(long journalBytes) {
        this.journalBytes = journalBytes;
    }

    /**
     * Writes the checkpoint.
     *
     * @param merged       the checkpoint with its adapters; stays open
     * @param request      where and how
     * @param progress     hears of tensors and bytes
     * @param cancellation stops the work
     * @return what was done
     * @throws FerryException when the output exists, the disk is full, or the adapter did not land; nothing is left behind, which only a kill does
     */
    public MergeReport merge(MergedCheckpoint merged, MergeRequest request, Progress progress, Cancellation cancellation) {
        Path out = request.out().toAbsolutePath().normalize();
        Path partial = out.resolveSibling("." + out.getFileName() + ".partial");
        requireReplaceable(out);
        try {
            writeTensors(merged, request, partial, progress, cancellation);
            MergeReport report = cancellation.over(merged::report).withOutputs(List.of(sample(merged, partial, progress, cancellation)));
            report.requireLanded();
            writeCompanions(merged, request, partial, report);
            MergeJournal.delete(partial);
            Folders.delete(out);
            Files.move(partial, out, StandardCopyOption.ATOMIC_MOVE);
            return report;
        } catch (IOException e) {
            throw new FerryException("Cannot write the merged checkpoint " + out + ": " + e.getMessage() + ".", e);
        } finally {
            deleteQuietly(partial);
        }
    }

    /** An earlier merge may be replaced; anything else is the user's. */
    private static void requireReplaceable(Path out) {
        if (!Files.exists(out) || Files.isRegularFile(out.resolve(REPORT))) {
            return;
        }
        try (Stream<Path> files = Files.list(out)) {
            if (files.findAny().isEmpty()) {
                return;
            }
        } catch (IOException e) {
            throw new FerryException("Cannot write into " + out + ": " + e.getMessage() + ".", e);
        }
        throw new FerryException("Cannot write the merged checkpoint to " + out + ": it exists and is not an earlier merge. Name another folder.");
    }

    private static void requireSpace(long needed, MergeRequest request, Path folder) throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        if (needed > free) {
            throw new FerryException("Cannot write the merged checkpoint to " + request.out() + ": it needs " + (needed >> 20) + " MiB, "
                    + (free >> 20) + " MiB are free.");
        }
    }

    private static TensorInfo written(TensorInfo tensor, MergeRequest request) {
        boolean weights = ((ElementType) tensor.type()).isFloat() && tensor.type() != ElementType.F64;
        return weights && request.type().isPresent() ? new TensorInfo(tensor.name(), request.type().get(), tensor.shape()) : tensor;
    }

    private void writeTensors(MergedCheckpoint merged, MergeRequest request, Path folder, Progress progress, Cancellation cancellation) throws IOException {
        Map<String, String> unpacked = TurnedExperts.unpacked(merged.tensors());
        TensorSource source = unpacked.isEmpty() ? merged.tensors() : new TurnedExperts(merged.tensors(), unpacked);
        List<TensorInfo> outputs = source.tensors().stream().map(tensor -> written(tensor, request)).toList();
        long total = bytes(outputs);
        String key = MergeJournal.key(merged, outputs, request.shardBytes());
        if (!MergeJournal.isOf(folder, key)) {
            Folders.delete(folder);
            Files.createDirectories(folder);
        }
        Map<String, String> packed = packed(unpacked);
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.resume(folder, outputs, request.shardBytes());
                MergeJournal journal = new MergeJournal(folder, writer, merged, packed, Math.min(journalBytes, total / 16))) {
            Set<String> kept = journal.begin(key, outputs, cancellation);
            long there = bytes(outputs.stream().filter(tensor -> kept.contains(tensor.name())).toList());
            requireSpace(total - there, request, folder);
            if (!kept.isEmpty()) {
                LOG.info("Going on with a merge that was killed: {} of {} tensors of {} are written.", kept.size(), outputs.size(), request.out());
            }
            List<RowBlocks.Block> blocks = new ArrayList<>();
            for (int i = 0; i < outputs.size(); i++) {
                TensorInfo tensor = source.tensors().get(i);
                if (kept.contains(tensor.name())) {
                    continue;
                }
                // What is turned is turned a matrix at a time, each by one thread.
                int unit = unpacked.containsValue(tensor.name()) ? Math.toIntExact(tensor.elements() / tensor.shape().getFirst()) : UNIT;
                RowBlocks.split(tensor, outputs.get(i), unit, blocks);
            }
            ThreadLocal<Buffers> buffers = ThreadLocal.withInitial(Buffers::new);
            new RowBlocks(request.threads()).run(blocks, block -> {
                cancellation.check("merge " + merged.name());
                copy(source, writer, block, buffers.get(), cancellation);
                journal.done(block);
            }, done -> progress.report(new Progress.Step("merging " + merged.name(), there + done, total, Progress.Unit.BYTES)));
            writer.commit();
        }
    }

    private static long bytes(List<TensorInfo> tensors) {
        return tensors.stream().mapToLong(t -> t.type().bytesFor(t.elements())).sum();
    }

    /** The merged tensors' names by those under which they are written, where these differ. */
    private static Map<String, String> packed(Map<String, String> unpacked) {
        Map<String, String> packed = new HashMap<>();
        unpacked.forEach((stored, name) -> packed.put(name, stored));
        return packed;
    }

    /** What one worker reads into, block after block: arrays of this size go straight to the old generation and would wait there for a full collection. */
    private static final class Buffers {
        private float[] floats = new float[0];
        private byte[] bytes = new byte[0];

        float[] floats(int count) {
            floats = floats.length < count ? new float[count] : floats;
            return floats;
        }

        byte[] bytes(int count) {
            bytes = bytes.length < count ? new byte[count] : bytes;
            return bytes;
        }
    }

    private static void copy(TensorSource source, ShardedSafetensorsWriter writer, RowBlocks.Block block, Buffers buffers, Cancellation cancellation) {
        TensorInfo from = block.from();
        TensorInfo to = block.to();
        if (from.type() == to.type() && source instanceof StoredBytes stored && stored.isStored(from)) {
            long begin = from.type().bytesFor(block.firstRow() * from.rowLength());
            int length = (int) from.type().bytesFor(block.rows() * from.rowLength());
            byte[] bytes = buffers.bytes(length);
            stored.readStored(from, begin, length, bytes, 0);
            writer.writeStored(to, begin, length, bytes, 0);
            return;
        }
        int step = (int) Math.max(1, SLICE / Math.max(1, from.rowLength()));
        for (int done = 0; done < block.rows(); done += step) {
            cancellation.check("merge " + to.name());
            convert(source, writer, block, block.firstRow() + done, Math.min(step, block.rows() - done), buffers);
        }
    }

    private static void convert(TensorSource source, ShardedSafetensorsWriter writer, RowBlocks.Block block, long firstRow, int rows, Buffers buffers) {
        TensorInfo from = block.from();
        TensorInfo to = block.to();
        int count = Math.toIntExact(rows * from.rowLength());
        float[] values = buffers.floats(count);
        source.read(from, firstRow, rows, values, 0);
        if (to.type() == ElementType.F16) {
            for (int i = 0; i < count; i++) {
                if (Math.abs(values[i]) > 65504) {
                    throw new FerryException("Cannot write tensor '" + to.name() + "' as F16: it holds " + values[i] + ", F16 ends at 65504. Write BF16 or F32.");
                }
            }
        }
        writer.write(to, firstRow, rows, values, 0);
    }

    private static MergeReport.Output sample(MergedCheckpoint merged, Path folder, Progress progress, Cancellation cancellation) {
        List<String> names = merged.adaptedTensors();
        AtomicInteger sampled = new AtomicInteger();
        try (TensorSource written = ShardedSafetensors.find(folder, "model").orElseThrow()) {
            Map<String, String> packed = packed(TurnedExperts.unpacked(merged.tensors()));
            LandingCheck check = new LandingCheck(merged.plain(), merged.original().tensors(), packed.isEmpty() ? written : new TurnedExperts(written, packed), false, merged.trainedTokens(), SAMPLED_ROWS);
            return check.check("checkpoint", names, () -> {
                cancellation.check("check " + merged.name());
                progress.report(new Progress.Step("checking " + merged.name(), Math.min(sampled.incrementAndGet(), names.size()), names.size(), Progress.Unit.TENSORS));
            });
        }
    }

    private static void writeCompanions(MergedCheckpoint merged, MergeRequest request, Path folder, MergeReport report) throws IOException {
        for (String name : COMPANIONS) {
            Optional<Path> file = merged.file(name);
            if (file.isPresent()) {
                Files.copy(file.get(), folder.resolve(name), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        List<Path> further = merged.file("chat_template.jinja").map(FurtherTemplates::beside).orElse(List.of());
        if (!further.isEmpty()) {
            Files.createDirectories(folder.resolve(FurtherTemplates.FOLDER));
            for (Path template : further) {
                Files.copy(template, folder.resolve(FurtherTemplates.FOLDER).resolve(template.getFileName()), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        for (Path module : SentenceModules.of(merged).map(SentenceModules::files).orElse(List.of())) {
            Path into = Files.createDirectories(folder.resolve(module.getParent().getFileName()));
            Files.copy(module, into.resolve(module.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
        for (Path code : code(merged)) {
            Files.copy(code, folder.resolve(code.getFileName()), StandardCopyOption.REPLACE_EXISTING);
        }
        var config = merged.config();
        request.type().ifPresent(type -> {
            String name = switch (type) {
                case F32 -> "float32";
                case F16 -> "float16";
                default -> "bfloat16";
            };
            config.put(config.has("dtype") ? "dtype" : "torch_dtype", name);
        });
        Files.writeString(folder.resolve("config.json"), JSON.writerWithDefaultPrettyPrinter().writeValueAsString(config));
        Files.write(folder.resolve(REPORT), report.toJson());
    }

    /** The base's own code, which its config.json may name ({@code auto_map}); transformers runs it where the user trusts it, this program does not. */
    private static List<Path> code(MergedCheckpoint merged) throws IOException {
        Optional<Path> config = merged.file("config.json");
        if (config.isEmpty()) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(config.get().toAbsolutePath().getParent())) {
            return files.filter(file -> file.getFileName().toString().endsWith(".py") && Files.isRegularFile(file)).sorted().toList();
        }
    }

    private static void deleteQuietly(Path folder) {
        try {
            Folders.delete(folder);
        } catch (IOException e) {
            LOG.warn("Cannot remove {}: {}", folder, e.getMessage());
        }
    }
}
