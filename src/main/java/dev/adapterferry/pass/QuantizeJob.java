package dev.adapterferry.pass;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Writes a model in the formats asked for, {@code FOLDER/NAME-FORMAT.gguf} each, and {@code FOLDER/NAME.manifest.json}, in one
 * pass. The source may be a checkpoint under its GGUF names or a GGUF file. Tensors stay in the source's order; keys are
 * those of the source with {@code general.quantization_version} and {@code general.file_type} rewritten and, for quantized
 * formats, moved to the end as llama-quantize does.
 */
public final class QuantizeJob {
    private final PassSettings settings;

    /** @param settings how passes run on this machine */
    public QuantizeJob(PassSettings settings) {
        this.settings = settings;
    }

    /**
     * Chooses types and plans the files without writing anything: sizes and types are known after this.
     *
     * @param request what to write
     * @return the pass that would write it
     * @throws FerryException when a tensor cannot become what was asked for
     */
    public static PassRequest plan(QuantizeRequest request) {
        OutputPlanner planner = new OutputPlanner(request);
        List<PassOutput> outputs = request.formats().stream().map(planner::plan).toList();
        for (PassOutput output : outputs) {
            if (request.inputs().stream().anyMatch(input -> input.toAbsolutePath().normalize().equals(output.file().toAbsolutePath().normalize()))) {
                throw new FerryException("Cannot quantize " + request.name() + ": " + output.file() + " is the source itself. Choose another folder or name.");
            }
        }
        Path manifest = request.folder().resolve(request.name() + ".manifest.json");
        return new PassRequest(request.name(), request.source(), request.sourceKey(), request.inputs(), outputs, request.importance(), Optional.of(manifest),
                request.metadata().findStrings("adapterferry.notes").orElse(List.of()));
    }

    /**
     * Writes the files.
     *
     * @param request      what to write
     * @param progress     hears of bytes and tensors done
     * @param cancellation stops it within a row block
     * @return the finished files
     * @throws Cancelled      when asked to stop
     * @throws FerryException see {@link QuantizationPass#run}
     */
    public PassResult run(QuantizeRequest request, Progress progress, Cancellation cancellation) {
        return run(request, progress, cancellation, result -> { });
    }

    /**
     * Writes the files and lets somebody look at them before it counts as done.
     *
     * @param proof see {@link QuantizationPass#run(PassRequest, Progress, Cancellation, Consumer)}
     */
    public PassResult run(QuantizeRequest request, Progress progress, Cancellation cancellation, Consumer<PassResult> proof) {
        return new QuantizationPass(settings).run(plan(request), progress, cancellation, proof);
    }
}
