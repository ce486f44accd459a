package dev.adapterferry.stage;

import dev.adapterferry.convert.ConvertedModel;
import dev.adapterferry.convert.ModelConverter;
import dev.adapterferry.convert.Provenance;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.files.ToolVersion;
import dev.adapterferry.gguf.ImatrixGguf;
import dev.adapterferry.ledger.StageKey;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.pass.ReadBack;
import dev.adapterferry.pass.TensorCache;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeOverride;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.settings.QuantizeSettings;
import dev.adapterferry.settings.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** One pass over base and adapter writes every format. */
public final class QuantizeStage implements StageWork {
    /** Raised when the same inputs give other bytes than before. */
    private static final int VERSION = 2;

    private final BaseFinder bases;

    /** @param bases brings back a base that was deleted since it was merged */
    public QuantizeStage(BaseFinder bases) {
        this.bases = bases;
    }

    @Override
    public Stage stage() {
        return Stage.QUANTIZE;
    }

    @Override
    public Class<Facts.Quantized> facts() {
        return Facts.Quantized.class;
    }

    @Override
    public Optional<String> key(RunContext run) {
        Facts.Merged merged = run.records().get(Stage.MERGE, Facts.Merged.class);
        QuantizeSettings settings = run.settings().quantize();
        return Optional.of(new StageKey("quantize", VERSION).with("adapter", merged.adapterIdentity()).with("base", merged.baseIdentity()).with("formats", formats(run))
                .with("imatrix", settings.imatrix().map(Sha256::of).orElse(null)).with("output", settings.outputType().orElse(null))
                .with("embedding", settings.embeddingType().orElse(null)).with("overrides", settings.overrides()).with("name", fileName(run)).hex());
    }

    @Override
    public Facts.Quantized carry(RunContext run) {
        Facts.Merged merged = run.records().get(Stage.MERGE, Facts.Merged.class);
        QuantizeSettings settings = run.settings().quantize();
        String key = key(run).orElseThrow();
        // Named by the inputs, not by the run: a pass that was killed is taken up by whichever run comes next.
        Path folder = run.settings().home().resolve("gguf").resolve(run.name()).resolve(key.substring(0, 12));
        String runId = firstRun(folder, run.id());
        Provenance provenance = new Provenance(Optional.of(merged.adapterIdentity()), Optional.ofNullable(merged.baseName()), Optional.ofNullable(merged.baseCommit()),
                Optional.of(runId), ToolVersion.find(), Optional.of(run.name()), card(merged.adapter()));
        try (MergedCheckpoint checkpoint = MergedModel.open(run, merged, bases)) {
            ConvertedModel model = new ModelConverter().convert(checkpoint, provenance);
            Optional<ImportanceMatrix> importance = settings.imatrix().map(ImatrixGguf::readEither);
            QuantizeRequest request = new QuantizeRequest(fileName(run), model.tensors(), model.metadata(), key, checkpoint.files(), folder,
                    requests(run, importance.isPresent()), importance, false);
            List<String> sha256 = new ArrayList<>();
            PassResult result = new QuantizeJob(passSettings(run, folder)).run(request, run.progress(), run.cancellation(), made -> {
                new LandingProof(run, checkpoint).require(made.files().stream().map(PassResult.FileResult::file).toList(),
                        report -> Reports.writeBytes(run.folder().resolve("merge-report.json"), report.toJson()));
                sha256.addAll(new ReadBack(run.progress(), run.cancellation()).sha256(made.files(), threads(settings)));
            });
            List<Facts.Gguf> files = new ArrayList<>();
            for (int i = 0; i < sha256.size(); i++) {
                PassResult.FileResult file = result.files().get(i);
                files.add(new Facts.Gguf(file.format(), new Facts.Item(file.file(), file.size(), sha256.get(i))));
            }
            return new Facts.Quantized(files, model.parameters(), Map.of("adapter", merged.adapterIdentity(), "base", merged.baseName() == null ? merged.base().toString() : merged.baseName(),
                    "base-identity", merged.baseIdentity(), "run", run.id()), result.wall().toMillis(), result.bytesRead(), result.bytesWritten(), result.resumedBytes(), model.notes());
        }
    }

    /** The model card that lies in an adapter's folder. */
    static Optional<Path> card(Path adapter) {
        return Optional.of(adapter.resolve("README.md")).filter(Files::isRegularFile);
    }

    static PassSettings passSettings(RunContext run, Path folder) {
        QuantizeSettings settings = run.settings().quantize();
        Optional<TensorCache> cache = settings.cacheSize().bytes() == 0 ? Optional.empty()
                : Optional.of(new TensorCache(run.settings().home().resolve("cache").resolve("tensors"), settings.cacheSize().bytes()));
        return new PassSettings(threads(settings), Optional.of(folder.resolve("journal")), cache);
    }

    private static int threads(QuantizeSettings settings) {
        return settings.threads() > 0 ? settings.threads() : Runtime.getRuntime().availableProcessors();
    }

    /** The run that began this pass: its id stands in the files, so that a pass taken up by another run gives the same bytes. */
    private static String firstRun(Path folder, String id) {
        Path file = folder.resolve("run-id");
        try {
            if (Files.isRegularFile(file)) {
                return Files.readString(file).strip();
            }
            Files.createDirectories(folder);
            Durable.write(file, id + "\n");
            return id;
        } catch (IOException e) {
            throw new FerryException("Cannot write into " + folder + ": " + Durable.reason(e) + ".", e);
        }
    }

    static List<TypeRequest> requests(RunContext run, boolean importance) {
        QuantizeSettings settings = run.settings().quantize();
        List<TypeOverride> overrides = settings.overrides().entrySet().stream()
                .map(e -> new TypeOverride(Pattern.compile(e.getKey(), Pattern.CASE_INSENSITIVE), TypeOverride.parseType(e.getValue()))).toList();
        return formats(run).stream().map(format -> new TypeRequest(Mix.parse(format), importance, settings.outputType().map(TypeOverride::parseType),
                settings.embeddingType().map(TypeOverride::parseType), overrides, false, false)).toList();
    }

    /** The request's formats, else the model's. */
    static List<String> formats(RunContext run) {
        return run.request().formats().isEmpty() ? run.model().formats().stream().map(f -> f.text()).toList()
                : run.request().formats().stream().map(f -> Mix.parse(f).label()).distinct().toList();
    }

    static String fileName(RunContext run) {
        return run.settings().deployName(run.name());
    }

    @Override
    public String summary(Object facts) {
        Facts.Quantized made = (Facts.Quantized) facts;
        return made.files().stream().map(f -> f.format() + " " + f.item().bytes() + " bytes").collect(Collectors.joining(", "))
                + (made.notes().isEmpty() ? "" : "; note: " + String.join("; ", made.notes()));
    }
}
