package dev.adapterferry.stage;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.ledger.ReleaseEntry;

/**
 * The settings that a release runs with, as the ledger keeps them.
 *
 * @param contextLength context length in tokens
 * @param temperature   sampling temperature
 * @param systemPrompt  system prompt, or an empty string
 * @param primaryFormat the format that is loaded
 * @param modelId       id under which LM Studio loaded it, or null when none was asked
 */
public record ReleaseSettings(int contextLength, double temperature, String systemPrompt, String primaryFormat, String modelId) {
    static ReleaseSettings of(ModelProfile profile, String modelId) {
        return new ReleaseSettings(profile.context(), profile.temperature(), profile.system(), profile.primaryFormat(), modelId);
    }

    /** The settings of a release in the ledger. */
    public static ReleaseSettings of(ReleaseEntry release) {
        try {
            return Records.JSON.readValue(release.settings(), ReleaseSettings.class);
        } catch (JsonProcessingException e) {
            throw new FerryException("The settings of release " + release.number() + " of " + release.model() + " in the ledger are not readable: " + e.getOriginalMessage(), e);
        }
    }

    String json() {
        try {
            return Records.JSON.writer().without(com.fasterxml.jackson.databind.SerializationFeature.INDENT_OUTPUT).writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }
}
