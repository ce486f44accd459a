package dev.adapterferry.settings;

import dev.adapterferry.failure.SettingsException;
import java.nio.file.Path;
import java.util.Map;

/**
 * Everything that {@code ferry.yaml} says, with the defaults filled in. Immutable; {@link #toString()} shows no secret. Made by
 * {@link SettingsLoader}.
 */
public record Settings(
        @Setting(value = "Working directory: inbox, runs, failed requests, releases, logs and ledger live under it.", def = "${user.home}/.adapter-ferry", restart = true) Path home,
        @Setting("The models, by name.") Map<String, ModelSettings> models,
        @Setting("The rented machines.") VastSettings vast,
        @Setting("How adapters are pulled.") SourceSettings source,
        @Setting("Where base checkpoints come from.") HubSettings hub,
        @Setting("Adapter into base.") MergeSettings merge,
        @Setting("Merged tensors into GGUF files.") QuantizeSettings quantize,
        @Setting("Where a release is installed.") DeploySettings deploy,
        @Setting("The embedded OpenAI-compatible server.") ServeSettings serve,
        @Setting("What counts as healthy.") HealthSettings health,
        @Setting("How releases are scored.") EvaluateSettings evaluate,
        @Setting("Who hears what.") AlertSettings alerts,
        @Setting("Where runs and releases are written down.") LedgerSettings ledger,
        @Setting("The passage as a whole.") PipelineSettings pipeline,
        @Setting("How long things stay.") RetentionSettings retention,
        @Setting("The ferry's own HTTP API.") HttpSettings http,
        @Setting("The watched folder.") InboxSettings inbox,
        @Setting("The routes.") RoutesSettings routes,
        @Setting("What is written down as it happens.") LogSettings log,
        @Setting("Where a run's stages are taken up.") StageSettings stage) {

    /** Folder with one folder per run: records, reports, logs. */
    public Path runs() {
        return home.resolve("runs");
    }

    /** Folder of requests that failed for good. */
    public Path failed() {
        return home.resolve("failed");
    }

    /**
     * One model by name.
     *
     * @throws SettingsException when there is none of that name; says which are near
     */
    public ModelSettings model(String name) {
        ModelSettings model = models.get(name);
        if (model == null) {
            throw new SettingsException("No model '" + name + "' in the settings"
                    + Nearest.to(name, models.keySet()).map(near -> "; did you mean '" + near + "'?").orElse(models.isEmpty()
                            ? "; there are no models yet: add one under 'models:'." : "; known are " + String.join(", ", models.keySet()) + "."));
        }
        return model;
    }

    /** Folder and Ollama name under which a model is deployed. */
    public String deployName(String name) {
        return model(name).deployAs().orElse(name);
    }

    /**
     * What differs from earlier settings.
     *
     * @param before the settings in force until now
     * @return the dotted keys whose values differ, sorted
     */
    public Changes changesSince(Settings before) {
        return Changes.between(before, this);
    }

    /** Every effective value under its dotted key, in the order of the file; what is not set is absent. */
    public Map<String, FlatValue> flat() {
        return Flattening.of(this);
    }
}
