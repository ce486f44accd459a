package dev.adapterferry.stage;

import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.files.ToolVersion;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.gguf.ImatrixGguf;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.Fingerprint;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** Quantizes what a user names, outside of any run: a checkpoint folder, with adapters or without, or a GGUF file. */
public final class FileQuantization {
    private final PassSettings settings;

    /** @param settings how passes run on this machine */
    public FileQuantization(PassSettings settings) {
        this.settings = settings;
    }

    /**
     * What to quantize, and to what.
     *
     * @param source          a checkpoint folder, a GGUF file, or the first shard of a split one
     * @param adapters        adapters to merge into a checkpoint while it is read, one after the other; may be empty
     * @param allow           what may pass although a merge would refuse it, by the names that the refusals give
     * @param folder          where the files go
     * @param name            files are named {@code NAME-FORMAT.gguf}
     * @param formats         the mixes, with exceptions if any
     * @param imatrix         importance matrix in either of llama.cpp's forms, or empty
     * @param allowRequantize quantize again what is quantized already, which loses twice
     */
    public record Order(Path source, List<Path> adapters, Set<String> allow, Path folder, String name, List<TypeRequest> formats, Optional<Path> imatrix, boolean allowRequantize) {
        /** Copies the collections. */
        public Order {
            adapters = List.copyOf(adapters);
            allow = Set.copyOf(allow);
            formats = List.copyOf(formats);
        }
    }

    /**
     * What came of it.
     *
     * @param result  the finished files
     * @param weights number of weights of the model
     * @param notes   what the user should know, one sentence each
     */
    public record Outcome(PassResult result, long weights, List<String> notes) { }

    /**
     * Quantizes.
     *
     * @throws FerryException when the source is neither, an adapter does not fit or does not land, or the pass fails; see {@link QuantizeJob#run}
     */
    public Outcome carry(Order order, Progress progress, Cancellation cancellation) {
        Optional<ImportanceMatrix> importance = order.imatrix().map(ImatrixGguf::readEither);
        if (Files.isDirectory(order.source())) {
            return order.adapters().isEmpty() ? plain(order, importance, progress, cancellation) : merged(order, importance, progress, cancellation);
        }
        if (!Files.isRegularFile(order.source())) {
            throw new FerryException("Cannot quantize " + order.source() + ": there is no such folder or file.");
        }
        if (!order.adapters().isEmpty()) {
            throw new FerryException("Cannot merge " + order.adapters().getFirst() + " into " + order.source()
                    + ": adapters are merged into a checkpoint folder, not into a GGUF file. Name the base's folder as the source.");
        }
        try (GgufModel model = GgufModel.open(order.source())) {
            QuantizeRequest request = QuantizeRequest.of(order.name(), model, order.folder(), order.formats(), importance, order.allowRequantize());
            PassResult result = new QuantizeJob(settings).run(request, progress, cancellation);
            return new Outcome(result, model.tensors().stream().mapToLong(TensorInfo::elements).sum(), List.of());
        }
    }

    private Outcome plain(Order order, Optional<ImportanceMatrix> importance, Progress progress, Cancellation cancellation) {
        try (CheckpointFolder checkpoint = CheckpointFolder.open(order.source())) {
            ConvertedModel model = new ModelConverter().convert(checkpoint, provenance(checkpoint.name(), Optional.empty(), order.adapters()));
            String key = key(checkpoint.files(), order.adapters());
            return new Outcome(run(order, model, key, checkpoint.files(), importance, progress, cancellation, made -> { }), model.parameters(), model.notes());
        }
    }

    private Outcome merged(Order order, Optional<ImportanceMatrix> importance, Progress progress, Cancellation cancellation) {
        CheckpointFolder base = CheckpointFolder.open(order.source());
        try (MergedCheckpoint merged = MergedCheckpoint.open(base, order.adapters().stream().map(MergeInput::of).toList(), new MergeOptions(Optional.empty(), order.allow()))) {
            String adapters = order.adapters().stream().map(folder -> DownloadStage.local(folder).identity()).collect(Collectors.joining("\n"));
            String identity = order.adapters().size() == 1 ? adapters : Sha256.of(adapters.getBytes(StandardCharsets.UTF_8));
            ConvertedModel model = new ModelConverter().convert(merged, provenance(base.name(), Optional.of(identity), order.adapters()));
            List<String> notes = new ArrayList<>();
            PassResult result = run(order, model, key(merged.files(), order.adapters()), merged.files(), importance, progress, cancellation, made -> {
                List<Path> files = made.files().stream().map(PassResult.FileResult::file).toList();
                notes.addAll(new LandingProof(merged, importance.isPresent(), settings.threads(), progress, cancellation).require(files, told -> { }).warnings());
            });
            notes.addAll(model.notes());
            return new Outcome(result, model.parameters(), notes);
        }
    }

    private PassResult run(Order order, ConvertedModel model, String key, List<Path> inputs, Optional<ImportanceMatrix> importance, Progress progress, Cancellation cancellation,
            Consumer<PassResult> proof) {
        QuantizeRequest request = new QuantizeRequest(order.name(), model.tensors(), model.metadata(), key, inputs, order.folder(), order.formats(), importance, order.allowRequantize());
        return new QuantizeJob(settings).run(request, progress, cancellation, proof);
    }

    private static Provenance provenance(String base, Optional<String> adapter, List<Path> folders) {
        Optional<String> tune = Optional.of(folders.stream().map(folder -> folder.toAbsolutePath().normalize().getFileName().toString()).collect(Collectors.joining("+"))).filter(name -> !name.isEmpty());
        return new Provenance(adapter, Optional.of(base), Optional.empty(), Optional.empty(), ToolVersion.find(),
                tune, folders.stream().findFirst().flatMap(QuantizeStage::card));
    }

    /** The order of the adapters counts, and so does that there are any. */
    private static String key(List<Path> files, List<Path> adapters) {
        return Sha256.of((files.stream().map(Fingerprint::of).collect(Collectors.joining("\n")) + "\nadapters " + adapters.size()).getBytes(StandardCharsets.UTF_8));
    }
}
