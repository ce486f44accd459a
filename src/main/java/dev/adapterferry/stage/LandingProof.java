package dev.adapterferry.stage;

import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.lora.LandingCheck;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;

/**
 * Proves that adapters landed in quantized files: what the merge changed, tensor by tensor, and rows of the finished files held against
 * {@code W + s·B·A}. Whatever a pass took from an earlier one or from the cache, the proof is whole: rows that this pass did not read are
 * read for it, and the files are read back as they lie on the disk.
 */
final class LandingProof {
    private static final int SAMPLED_ROWS = 4;

    private final MergedCheckpoint merged;
    private final boolean importance;
    private final int threads;
    private final Progress progress;
    private final Cancellation cancellation;

    /** @param importance whether the files were quantized under an importance matrix */
    LandingProof(MergedCheckpoint merged, boolean importance, int threads, Progress progress, Cancellation cancellation) {
        this.merged = merged;
        this.importance = importance;
        this.threads = threads;
        this.progress = progress;
        this.cancellation = cancellation;
    }

    /** The proof for a run. */
    LandingProof(RunContext run, MergedCheckpoint merged) {
        this(merged, run.settings().quantize().imatrix().isPresent(), MergedModel.threads(run), run.progress(), run.cancellation());
    }

    /** Measures what is missing, reads the files back, and reports; whoever gets the report decides what it is worth. */
    MergeReport report(List<Path> files) {
        merged.measureRest(threads, cancellation);
        ModelConverter converter = new ModelConverter();
        TensorSource plain = converter.tensors(merged.asPlain());
        TensorSource base = converter.tensors(merged.original());
        List<String> adapted = adapted(converter.tensors(merged), base);
        List<MergeReport.Output> outputs = new ArrayList<>();
        for (Path file : files) {
            AtomicInteger sampled = new AtomicInteger();
            try (GgufModel written = GgufModel.open(file)) {
                LandingCheck check = new LandingCheck(plain, base, written, importance, merged.trainedTokens(), SAMPLED_ROWS);
                outputs.add(check.check(file.getFileName().toString(), adapted, () -> {
                    cancellation.check("check " + file.getFileName());
                    progress.report(new Progress.Step("checking " + file.getFileName(), Math.min(sampled.incrementAndGet(), adapted.size()), adapted.size(), Progress.Unit.TENSORS));
                }));
            }
        }
        return cancellation.over(merged::report).withOutputs(outputs);
    }

    /**
     * Proves it, and removes files for which it does not hold: they would be taken for good ones.
     *
     * @param told hears the report in any case
     * @return the report of what landed
     * @throws FerryException when an adapter did not
     */
    MergeReport require(List<Path> files, Consumer<MergeReport> told) {
        MergeReport report = report(files);
        told.accept(report);
        try {
            report.requireLanded();
            return report;
        } catch (FerryException e) {
            for (Path file : files) {
                try {
                    Files.deleteIfExists(file);
                } catch (IOException again) {
                    e.addSuppressed(again);
                }
            }
            throw e;
        }
    }

    /** Tensors that are computed in the merged model, but not in the base: those that generate themselves are in both. */
    private static List<String> adapted(TensorSource merged, TensorSource base) {
        return merged.tensors().stream().filter(tensor -> merged.identity(tensor).isEmpty())
                .filter(tensor -> base.find(tensor.name()).map(before -> base.identity(before).isPresent()).orElse(true)).map(TensorInfo::name).toList();
    }
}
