package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run is carried once, also when several threads of one process reach for it: the daemon's, and one that was asked to carry that very run. */
class RunDeskTest {
    private static final ModelServers NO_SERVERS = new ModelServers() {
        @Override
        public Serving serve(String holder, Settings by, String model, Facts.Deployed release) {
            throw new AssertionError("nobody serves here");
        }

        @Override
        public Serving embed(String holder, Settings by, ServedModel model) {
            throw new AssertionError("nobody serves here");
        }

        @Override
        public void release(String holder) { }
    };

    @TempDir
    Path folder;

    @Test
    void aRunIsTakenOnceByOneProcess() throws Exception {
        Path file = folder.resolve("ferry.yaml");
        Files.writeString(file, "home: %s\nmodels:\n  majora: {source: {url: \"file:%s\"}}\n".formatted(folder.resolve("home"), folder));
        Settings settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), new HashMap<>()).settings();
        Files.createDirectories(settings.home());
        try (Ledger ledger = Ledger.open(settings.ledger().url(), settings.ledger().user(), settings.ledger().password(), settings.ledger().lease())) {
            RunDesk desk = new RunDesk(() -> settings, ledger, Progress.NONE, NO_SERVERS);
            String id = desk.open(RunRequest.of("majora", "test")).run().id();
            assertThat(desk.next()).contains(id);
            assertThat(desk.take(id)).as("somebody has it").isFalse();
            assertThat(desk.next()).isEmpty();
            desk.begin(id);
            assertThat(desk.finish(id)).isEqualTo(RunState.DONE);
            assertThat(desk.take(id)).as("it has ended").isFalse();
            assertThatThrownBy(() -> desk.begin(id)).isInstanceOf(TransientFailure.class).hasMessageContaining("Cannot begin run " + id);
        }
    }
}
