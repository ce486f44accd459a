package dev.adapterferry.stage;

import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Opens base and adapter of a run as one checkpoint. */
final class MergedModel {
    private MergedModel() { }

    /** Opens what the merge stage has recorded; closed by the caller. */
    static MergedCheckpoint open(RunContext run, Facts.Merged merged) {
        return open(run, new Base(merged.base(), merged.baseName(), Optional.ofNullable(merged.baseCommit())), merged.adapter());
    }

    /** Opens a base with an adapter; what does not fit is refused here, before anything is written. */
    static MergedCheckpoint open(RunContext run, Base base, java.nio.file.Path adapter) {
        // The base that the user named for this run or this model is the user's word; what the adapter names is compared with it.
        Set<String> allowed = run.settings().merge().allowBaseMismatch() ? declared(adapter) : Set.of();
        return MergedCheckpoint.open(CheckpointFolder.open(base.folder(), base.name()), List.of(MergeInput.of(adapter)), new MergeOptions(Optional.empty(), allowed));
    }

    private static Set<String> declared(java.nio.file.Path adapter) {
        return dev.adapterferry.lora.AdapterConfig.read(adapter).baseName().map(Set::of).orElse(Set.of());
    }

    /**
     * The base checkpoint of a run.
     *
     * @param folder where it lies
     * @param name   its repository, or the folder's path when nothing better is known
     * @param commit its commit, where known
     */
    record Base(java.nio.file.Path folder, String name, Optional<String> commit) { }
}
