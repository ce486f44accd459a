package dev.adapterferry.stage;

import dev.adapterferry.files.Durable;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.settings.PipelineSettings;
import dev.adapterferry.settings.Stage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What passes leave under {@code home/gguf}: the newest finished one spares the next run its work and stays, what it has
 * replaced goes, and what was never finished goes where the settings want no resuming. To be called under the model's lock.
 */
final class Intermediates {
    private static final Logger LOG = LoggerFactory.getLogger(Intermediates.class);
    private static final int EARLIER_RUNS = 50;

    private Intermediates() { }

    /** Deletes what the end of a run has made worthless. What cannot be deleted is told and left. */
    static void clean(RunContext run, RunState end, Ledger ledger) {
        PipelineSettings.Cleanup cleanup = run.settings().pipeline().cleanup();
        Path passes = run.settings().home().resolve("gguf").resolve(run.name());
        if (cleanup == PipelineSettings.Cleanup.NEVER || cleanup == PipelineSettings.Cleanup.ON_SUCCESS && end != RunState.DONE || !Files.isDirectory(passes)) {
            return;
        }
        Optional<Path> newest = newest(run.name(), ledger);
        try (Stream<Path> all = Files.list(passes)) {
            List<Path> old = all.filter(Files::isDirectory).filter(pass -> !newest.equals(Optional.of(pass))).toList();
            old.forEach(Housekeeping::deleteTree);
            if (!old.isEmpty()) {
                LOG.info("{} passes of {} that nothing needs any more were deleted", old.size(), run.name());
            }
        } catch (IOException e) {
            LOG.warn("Cannot look through {}: {}", passes, Durable.reason(e));
        }
    }

    /** Folder of the newest finished pass of a model. */
    private static Optional<Path> newest(String model, Ledger ledger) {
        return ledger.runs().of(model, EARLIER_RUNS).stream().flatMap(run -> ledger.stages().find(run.id(), Stage.QUANTIZE.text()).stream())
                .flatMap(entry -> entry.record().stream()).flatMap(record -> record.files().stream()).map(file -> Path.of(file.path()).getParent()).findFirst();
    }
}
