package dev.adapterferry.stage;

import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.lora.LandingCheck;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Proves that adapters landed in quantized files: what the merge changed, tensor by tensor, and rows of the finished files held against
 * {@code W + s·B·A}. Whatever a pass took from an earlier one or from the cache, the proof is whole: rows that this pass did not read are
 * read for it, and the files are read back as they lie on the disk.
 */
final class LandingProof {
    private static final int SAMPLED_ROWS = 4;

    private final RunContext run;
    private final MergedCheckpoint merged;

    LandingProof(RunContext run, MergedCheckpoint merged) {
        this.run = run;
        this.merged = merged;
    }

    /** Measures what is missing, reads the files back, and reports; whoever gets the report decides what it is worth. */
    MergeReport report(List<Path> files) {
        merged.measureRest(MergedModel.threads(run), run.cancellation());
        ModelConverter converter = new ModelConverter();
        TensorSource plain = converter.tensors(merged.asPlain());
        TensorSource base = converter.tensors(merged.original());
        List<String> adapted = adapted(converter.tensors(merged), base);
        List<MergeReport.Output> outputs = new ArrayList<>();
        for (Path file : files) {
            AtomicInteger sampled = new AtomicInteger();
            try (GgufModel written = GgufModel.open(file)) {
                LandingCheck check = new LandingCheck(plain, base, written, run.settings().quantize().imatrix().isPresent(), merged.trainedTokens(), SAMPLED_ROWS);
                outputs.add(check.check(file.getFileName().toString(), adapted, () -> {
                    run.cancellation().check("check " + file.getFileName());
                    run.progress().report(new Progress.Step("checking " + file.getFileName(), Math.min(sampled.incrementAndGet(), adapted.size()), adapted.size(), Progress.Unit.TENSORS));
                }));
            }
        }
        return merged.report().withOutputs(outputs);
    }

    /** Tensors that are computed in the merged model, but not in the base: those that generate themselves are in both. */
    private static List<String> adapted(TensorSource merged, TensorSource base) {
        return merged.tensors().stream().filter(tensor -> merged.identity(tensor).isEmpty())
                .filter(tensor -> base.find(tensor.name()).map(before -> base.identity(before).isPresent()).orElse(true)).map(TensorInfo::name).toList();
    }
}
