package dev.adapterferry.stage;

import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;

/**
 * One run as its stages see it.
 *
 * @param id           the run's id
 * @param request      what was asked for
 * @param settings     the settings in force when the stage began
 * @param records      what the stages hand to each other
 * @param progress     hears how far a stage has come
 * @param cancellation stops it
 */
public record RunContext(String id, RunRequest request, Settings settings, Records records, Progress progress, Cancellation cancellation) {
    /** The model's name. */
    public String name() {
        return request.model();
    }

    /** The model's settings. */
    public ModelSettings model() {
        return settings.model(request.model());
    }

    /** The run's folder. */
    public Path folder() {
        return records.folder();
    }
}
