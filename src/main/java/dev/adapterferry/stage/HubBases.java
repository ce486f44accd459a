package dev.adapterferry.stage;

import dev.adapterferry.failure.SettingsException;
import java.util.Optional;

/** Finds bases that are named by their repository on the Hugging Face Hub. */
public final class HubBases implements LocalBases.Repositories {
    @Override
    public MergedModel.Base find(RunContext run, String repository, Optional<String> revision) {
        throw new SettingsException("The base " + repository + " of " + run.name() + " is not on this machine. Download it once (for example 'hf download " + repository
                + "') and name its folder with --base DIR or models." + run.name() + ".base.");
    }
}
