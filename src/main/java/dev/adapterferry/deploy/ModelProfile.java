package dev.adapterferry.deploy;

import dev.adapterferry.failure.SettingsException;

/**
 * How a model wants to be run, wherever it is installed.
 *
 * @param model         its name in the settings
 * @param publisher     publisher folder in LM Studio's models directory
 * @param folder        model folder there, and the name in Ollama
 * @param primaryFormat quantization that is loaded, probed and evaluated
 * @param context       context length in tokens
 * @param temperature   sampling temperature
 * @param system        system prompt, or an empty string
 */
public record ModelProfile(String model, String publisher, String folder, String primaryFormat, int context, double temperature, String system) {
    /** Checks the names. */
    public ModelProfile {
        ModelFolder.checkName("model", model);
        ModelFolder.checkName("publisher", publisher);
        ModelFolder.checkName("model folder", folder);
        system = system == null ? "" : system;
        if (context < 1) {
            throw new SettingsException("The context length of " + model + " must be positive, not " + context + ".");
        }
    }

    /** The file of a release that is loaded: the primary format's, else the first. */
    Release.File primaryOf(Release release) {
        return release.files().stream().filter(file -> file.format().equalsIgnoreCase(primaryFormat)).findFirst().orElse(release.files().getFirst());
    }
}
