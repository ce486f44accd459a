package dev.adapterferry.lora;

import com.fasterxml.jackson.core.json.JsonWriteFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.FolderLock;
import dev.adapterferry.files.Folders;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.FurtherTemplates;
import dev.adapterferry.tensor.SentenceModules;
import dev.adapterferry.tensor.ShardedSafetensors;
import dev.adapterferry.tensor.TensorSource;
import dev.adapterferry.tensor.TokenizerFiles;
import dev.adapterferry.tensor.TurnedExperts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes a merged checkpoint as a model folder that transformers loads, with a {@code merge-report.json} that proves that the adapter
 * landed. The folder appears under its name when everything in it was written, read back and checked. A merge that was killed or cancelled leaves a hidden folder
 * with a {@link MergeJournal}; the same merge takes up from there what is whole.
 */
public final class AdapterMerger {
    /** Writes a number without bounds as transformers reads it: Infinity, without quotation marks. */
    private static final JsonMapper JSON = JsonMapper.builder().disable(JsonWriteFeature.WRITE_NAN_AS_STRINGS).build();

    /** What belongs to a model beside its weights. */
    private static final List<String> COMPANIONS = Stream.of(TokenizerFiles.ALL, SentenceModules.FILES, List.of("generation_config.json", "preprocessor_config.json", "processor_config.json", "LICENSE"))
            .flatMap(List::stream).toList();
    private static final String REPORT = "merge-report.json";
    private static final int SAMPLED_ROWS = 4;
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
     * Writes the checkpoint. One call at a time per folder; a second one, also of another process, is refused.
     *
     * @param merged       the checkpoint with its adapters; stays open
     * @param request      where and how
     * @param progress     hears of tensors and bytes
     * @param cancellation stops the work
     * @return what was done
     * @throws Cancelled        when asked to stop; what is written whole stays for the same merge
     * @throws TransientFailure when another merge writes the same folder
     * @throws FerryException   when the output exists, the disk is full, or the adapter did not land; nothing is left behind
     */
    public MergeReport merge(MergedCheckpoint merged, MergeRequest request, Progress progress, Cancellation cancellation) {
        Path out = request.out().toAbsolutePath().normalize();
        requireReplaceable(out);
        try {
            Files.createDirectories(out.getParent());
        } catch (IOException e) {
            throw failure(out, e);
        }
        try (FolderLock _ = FolderLock.take(out.resolveSibling("." + out.getFileName() + ".lock"), "the merged checkpoint " + out)) {
            return merge(merged, request, out, progress, cancellation);
        }
    }

    private MergeReport merge(MergedCheckpoint merged, MergeRequest request, Path out, Progress progress, Cancellation cancellation) {
        Path partial = out.resolveSibling("." + out.getFileName() + ".partial");
        boolean keep = false;
        try {
            new MergedWeights(merged, request).write(partial, journalBytes, progress, cancellation);
            MergeReport report = cancellation.over(merged::report).withOutputs(List.of(sample(merged, partial, progress, cancellation)));
            report.requireLanded();
            writeCompanions(merged, request, partial, report);
            MergeJournal.delete(partial);
            Folders.delete(out);
            Files.move(partial, out, StandardCopyOption.ATOMIC_MOVE);
            return report;
        } catch (Cancelled e) {
            keep = MergeJournal.holdsWork(partial);
            throw new Cancelled("merge " + merged.name(), keep ? "What is written is kept in " + partial + ": the same merge goes on from there. Delete that folder to give it up."
                    : "Nothing of it is kept: the same merge begins anew.");
        } catch (IOException e) {
            throw failure(out, e);
        } finally {
            if (!keep) {
                deleteQuietly(partial);
            }
        }
    }

    private static FerryException failure(Path out, IOException e) {
        return new FerryException("Cannot write the merged checkpoint " + out + ": " + Durable.reason(e) + ".", e);
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
            throw failure(out, e);
        }
        throw new FerryException("Cannot write the merged checkpoint to " + out + ": it exists and is not an earlier merge. Name another folder.");
    }

    private static MergeReport.Output sample(MergedCheckpoint merged, Path folder, Progress progress, Cancellation cancellation) {
        List<String> names = merged.adaptedTensors();
        AtomicInteger sampled = new AtomicInteger();
        try (TensorSource written = ShardedSafetensors.find(folder, "model").orElseThrow()) {
            Map<String, String> packed = MergedWeights.packed(TurnedExperts.unpacked(merged.tensors()));
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
