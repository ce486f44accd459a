package dev.adapterferry.deploy;

import dev.adapterferry.failure.SettingsException;
import java.util.Map;

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
    private static final String PRIMARY = "primary-format";
    private static final String CONTEXT = "context-length";
    private static final String TEMPERATURE = "temperature";
    private static final String SYSTEM = "system-prompt";

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

    /** What a release keeps of this, so that going back to it brings these values back as well. */
    Map<String, String> settings() {
        return Map.of(PRIMARY, primaryFormat, CONTEXT, Integer.toString(context), TEMPERATURE, Double.toString(temperature), SYSTEM, system);
    }

    /** The profile as a release kept it; what the release does not say is as now. */
    public ModelProfile asOf(Release release) {
        Map<String, String> kept = release.identity();
        return new ModelProfile(model, publisher, folder, kept.getOrDefault(PRIMARY, primaryFormat), Integer.parseInt(kept.getOrDefault(CONTEXT, Integer.toString(context))),
                Double.parseDouble(kept.getOrDefault(TEMPERATURE, Double.toString(temperature))), kept.getOrDefault(SYSTEM, system));
    }

    /** The same with another format in use. */
    public ModelProfile withPrimary(String format) {
        return new ModelProfile(model, publisher, folder, format, context, temperature, system);
    }

    /** The file of a release that is loaded: the primary format's, else the first. */
    public Release.File primaryOf(Release release) {
        return release.files().stream().filter(file -> file.format().equalsIgnoreCase(primaryFormat)).findFirst().orElse(release.files().getFirst());
    }
}
