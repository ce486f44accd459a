package dev.adapterferry.stage;

import com.fasterxml.jackson.annotation.JsonInclude;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.settings.Stage;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * What somebody asked for: a model, and what differs from its settings this time. Travels as JSON through the ledger, the
 * dead letter and the HTTP API; absent members mean "as the settings say".
 *
 * @param model      name under {@code models:}
 * @param instanceId vast.ai instance to pull from, or null
 * @param adapter    local adapter folder to use instead of the source, or null
 * @param base       base checkpoint folder or Hugging Face id, or null
 * @param formats    formats to make, empty for the model's
 * @param only       the one stage to run, or null
 * @param from       first stage to run; earlier ones must have been done, or null
 * @param skip       stages to leave out
 * @param force      do again what is already done
 * @param trigger    what started it: {@code command}, {@code inbox}, {@code schedule}, {@code api}, {@code retry}
 */
@JsonInclude(JsonInclude.Include.NON_EMPTY)
public record RunRequest(String model, String instanceId, String adapter, String base, List<String> formats, String only, String from,
        List<String> skip, boolean force, String trigger) {
    /** Copies the lists and checks the names of stages and formats. */
    public RunRequest {
        formats = formats == null ? List.of() : formats.stream().map(f -> Mix.parse(f).label()).toList();
        skip = skip == null ? List.of() : skip.stream().map(s -> stage(s).text()).toList();
        only = only == null || only.isBlank() ? null : stage(only).text();
        from = from == null || from.isBlank() ? null : stage(from).text();
    }

    /** A request that changes nothing of the model's settings. */
    public static RunRequest of(String model, String trigger) {
        return new RunRequest(model, null, null, null, List.of(), null, null, List.of(), false, trigger);
    }

    /** The same request for another trigger. */
    public RunRequest triggeredBy(String newTrigger) {
        return new RunRequest(model, instanceId, adapter, base, formats, only, from, skip, force, newTrigger);
    }

    /** Whether the request lets a stage run at all. */
    public boolean wants(Stage stage) {
        if (skip.contains(stage.text())) {
            return false;
        }
        if (only != null) {
            return only.equals(stage.text());
        }
        return from == null || stage.ordinal() >= stage(from).ordinal();
    }

    /**
     * The stage of a name; underscores count as hyphens.
     *
     * @throws SettingsException when there is none, listing those that exist
     */
    public static Stage stage(String name) {
        String wanted = name.strip().toLowerCase(Locale.ROOT).replace('_', '-');
        return Arrays.stream(Stage.values()).filter(s -> s.text().equals(wanted)).findFirst().orElseThrow(() -> new SettingsException(
                "There is no stage '" + name + "'. The stages are " + Arrays.stream(Stage.values()).map(Stage::text).collect(Collectors.joining(", ")) + "."));
    }
}
