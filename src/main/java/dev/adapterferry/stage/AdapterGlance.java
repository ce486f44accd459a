package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.source.AdapterSketch;
import dev.adapterferry.source.SourceSpec;
import dev.adapterferry.source.Sources;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.transfer.FileEntry;
import dev.adapterferry.transfer.FileTree;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * An adapter before it is brought here.
 *
 * @param folder  holds its adapter_config.json; all of it where {@code whole}
 * @param whole   whether the weights are there too
 * @param place   where it lies, in words without secrets
 * @param missing bytes that a download would bring
 * @param tensors names and shapes of its tensors, where they were read of one that is not here
 */
record AdapterGlance(Path folder, boolean whole, String place, long missing, Optional<List<TensorInfo>> tensors) {
    private static final String CONFIG = "adapter_config.json";

    /**
     * Looks where the request or the settings point; of a remote adapter only its configuration and the headers of its weights are read.
     *
     * @param scratch receives that configuration
     * @throws FerryException when there is none, or the place cannot be asked
     */
    static AdapterGlance of(RunContext run, AdapterSources sources, Path scratch) {
        if (run.request().adapter() != null) {
            Path folder = Path.of(run.request().adapter());
            if (!Files.isDirectory(folder)) {
                throw new FerryException("Cannot use the adapter " + folder + ": there is no such folder.");
            }
            return new AdapterGlance(folder, true, folder.toString(), 0, Optional.empty());
        }
        Path carried = run.settings().home().resolve("adapters").resolve(run.name());
        if (run.request().instanceId() == null && Files.isRegularFile(carried.resolve(CONFIG))) {
            return new AdapterGlance(carried, true, carried + " (as it was carried last)", 0, Optional.empty());
        }
        SourceSpec spec = sources.spec(run.settings(), run.name(), Optional.ofNullable(run.request().instanceId()));
        try (Sources opened = sources.open(run.settings()); FileTree tree = opened.open(spec)) {
            FileEntry config = tree.list().stream().filter(f -> f.plainName().equals(CONFIG) && f.refusal().isEmpty()).min(Comparator.comparingInt((FileEntry f) -> f.name().length()))
                    .orElseThrow(() -> new FerryException("There is no " + CONFIG + " in " + tree.place() + ": the training has not saved an adapter yet, or the path is another one."));
            List<FileEntry> files = tree.list().stream().filter(f -> f.folder().equals(config.folder()) && f.plainName().matches("adapter_.*|tokenizer.*|.*\\.jinja")).toList();
            AdapterSketch sketch = AdapterSketch.read(tree, config, files);
            Files.write(scratch.resolve(CONFIG), sketch.configuration());
            return new AdapterGlance(scratch, false, tree.place(), files.stream().mapToLong(FileEntry::size).sum(), sketch.headers().get());
        } catch (IOException e) {
            throw new FerryException("Cannot write into " + scratch + ": " + e.getMessage() + ".", e);
        }
    }

    /** What kind of adapter it is, in words. */
    String kind() {
        AdapterConfig config = AdapterConfig.read(folder);
        StringBuilder text = new StringBuilder(config.format() == AdapterConfig.Format.MLX ? "mlx-lm " : "");
        text.append(config.dora() ? "DoRA" : config.rsLora() ? "rsLoRA" : "LoRA").append(", rank ").append(config.rank());
        text.append(config.rankPattern().isEmpty() ? "" : " (others by pattern)").append(", alpha ").append(config.alpha() == Math.rint(config.alpha()) ? Long.toString((long) config.alpha())
                : Double.toString(config.alpha()));
        text.append(config.modulesToSave().isEmpty() ? "" : ", with whole modules " + config.modulesToSave());
        text.append(config.trainableTokens().isEmpty() ? "" : ", with trained tokens").append(config.targetParameters().isEmpty() ? "" : ", on fused experts");
        text.append(config.init().equals("true") || config.init().equals("false") ? "" : ", initialised by " + config.init());
        return text.toString();
    }
}
