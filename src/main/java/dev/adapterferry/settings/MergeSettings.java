package dev.adapterferry.settings;

import java.util.List;
import java.util.Optional;

/** Adapter into base: section {@code merge}. */
public record MergeSettings(
        @Setting(value = "Whether the merged checkpoint is written as safetensors too. Quantizing does not need it.", def = "false") boolean save,
        @Setting(value = "Element type of the saved checkpoint. `auto`: the base's.", def = "auto") Dtype dtype,
        @Setting(value = "Largest shard of the saved checkpoint.", def = "5GB") Size shardSize,
        @Setting("Base for every model that names none of its own: a Hugging Face repository or a folder.") Optional<String> base,
        @Setting(value = "Whether a run goes on although the base named by the adapter is not the one used.", def = "false") boolean allowBaseMismatch,
        @Setting("What may pass although a merge refuses it: the names that the refusals give, such as a base's repository or `untrained-modules`.") List<String> allow) {

    /** Element type of a saved checkpoint. */
    public enum Dtype { AUTO, BF16, F16, F32 }
}
