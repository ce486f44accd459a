package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.lora.AdapterConfig;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.settings.MergeSettings;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Opens a base with its adapters as one checkpoint. */
final class MergedModel {
    private MergedModel() { }

    /** Opens what the merge stage has recorded, and brings its base back when somebody has deleted it since; closed by the caller. */
    static MergedCheckpoint open(RunContext run, Facts.Merged merged, BaseFinder bases) {
        Base base = new Base(merged.base(), merged.baseName(), Optional.ofNullable(merged.baseCommit()));
        if (!Files.isDirectory(base.folder())) {
            Base again = bases.find(run, merged.adapter(), known -> { });
            if (!again.commit().equals(base.commit())) {
                throw new FerryException("The base " + base.folder() + " is gone, and " + again.name() + " is another one now. Merge again: --from merge.");
            }
            base = again;
        }
        return open(run, base, List.of(MergeInput.of(merged.adapter())), Set.of());
    }

    /**
     * Opens a base with adapters; what does not fit is refused here, before anything is written.
     *
     * @param allow what may pass beside what the settings let pass
     */
    static MergedCheckpoint open(RunContext run, Base base, List<MergeInput> adapters, Set<String> allow) {
        return open(run, CheckpointFolder.open(base.folder(), base.name()), adapters, allow);
    }

    /**
     * The same for a base that is open, or of which only names and shapes are known.
     *
     * @param base closed with the result, and also when this fails
     */
    static MergedCheckpoint open(RunContext run, Checkpoint base, List<MergeInput> adapters, Set<String> allow) {
        return MergedCheckpoint.open(base, adapters, options(run, configs(adapters), allow));
    }

    /** What settings and user let pass. */
    static MergeOptions options(RunContext run, List<AdapterConfig> adapters, Set<String> allow) {
        MergeSettings settings = run.settings().merge();
        Optional<String> configured = configured(run.model());
        Set<String> allowed = new HashSet<>(allow);
        allowed.addAll(settings.allow());
        if (settings.allowBaseMismatch()) {
            configured.ifPresent(allowed::add);
            adapters.forEach(adapter -> adapter.baseName().ifPresent(allowed::add));
        }
        return new MergeOptions(configured, allowed);
    }

    /** The configurations of adapters that are here. */
    static List<AdapterConfig> configs(List<MergeInput> adapters) {
        return adapters.stream().map(adapter -> AdapterConfig.read(adapter.folder())).toList();
    }

    /** The repository that the settings name as the model's base. A folder there says where the base lies, not what it is. */
    static Optional<String> configured(ModelSettings model) {
        return model.base().filter(base -> !base.startsWith("/") && !base.startsWith("~") && !base.startsWith(".") && !Files.isDirectory(Path.of(base)))
                .map(base -> base.replaceFirst("@.*", ""));
    }

    /** The type in which a checkpoint is saved, or empty to keep the base's. */
    static Optional<ElementType> type(MergeSettings.Dtype type) {
        return type == MergeSettings.Dtype.AUTO ? Optional.empty() : Optional.of(ElementType.valueOf(type.name()));
    }

    /** Worker threads of a merge. */
    static int threads(RunContext run) {
        int threads = run.settings().quantize().threads();
        return threads > 0 ? threads : Runtime.getRuntime().availableProcessors();
    }

    /**
     * The base checkpoint of a run.
     *
     * @param folder where it lies
     * @param name   its repository, or the folder's path when nothing better is known
     * @param commit its commit, where known
     */
    record Base(Path folder, String name, Optional<String> commit) { }
}
