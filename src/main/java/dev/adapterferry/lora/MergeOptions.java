package dev.adapterferry.lora;

import java.util.Optional;
import java.util.Set;

/**
 * What the user says about a merge beside what to merge.
 *
 * @param configuredBase the base's name in the settings ({@code merge.base}), if any
 * @param allowed        what may pass although it would be refused: the names that refusals give, for example the name of a base
 */
public record MergeOptions(Optional<String> configuredBase, Set<String> allowed) {
    /** Nothing configured, nothing allowed. */
    public static final MergeOptions STRICT = new MergeOptions(Optional.empty(), Set.of());

    /** Copies the set. */
    public MergeOptions {
        allowed = Set.copyOf(allowed);
    }
}
