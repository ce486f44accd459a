package dev.adapterferry.lora;

import java.nio.file.Path;
import java.util.Optional;

/**
 * One adapter to merge.
 *
 * @param folder  its folder
 * @param weight  factor on its delta; 1 to merge it as it was trained
 * @param initial the adapter as it was before training, where the initialisation changed the base (CorDA, LoRA-GA, LoftQ, PiSSA)
 */
public record MergeInput(Path folder, double weight, Optional<Path> initial) {
    /** Refuses weights that would undo the merge or break it. */
    public MergeInput {
        if (!Double.isFinite(weight) || weight == 0) {
            throw new IllegalArgumentException("the weight of " + folder + " is " + weight + ", expected a number other than 0");
        }
    }

    /** An adapter as it was trained. */
    public static MergeInput of(Path folder) {
        return new MergeInput(folder, 1, Optional.empty());
    }
}
