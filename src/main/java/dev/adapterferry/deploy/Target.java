package dev.adapterferry.deploy;

import java.nio.file.Path;

/**
 * A further place that gets a model's releases, besides the models directory: Ollama, a folder, another host. It has no
 * memory of its own; going back to an older release is putting that one.
 */
public interface Target {
    /** How messages name it: {@code Ollama at http://127.0.0.1:11434}. */
    String name();

    /**
     * Looks whether the target can be reached, before anything is touched.
     *
     * @throws dev.adapterferry.failure.TransientFailure when it does not answer
     */
    default void check() { }

    /**
     * Makes the target hold this release and nothing of the model's others. Safe to repeat; after a failure the target
     * holds what it held before, or is finished by the next call.
     *
     * @param release what to put
     * @param files   directory with its files
     * @param profile how the model wants to be run
     */
    void put(Release release, Path files, ModelProfile profile);

    /**
     * Takes out whatever the target holds of the model's releases: the first one did not hold, and there is none to go back to.
     *
     * @param profile the model
     */
    void remove(ModelProfile profile);
}
