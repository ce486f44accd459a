package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.apache.camel.builder.NotifyBuilder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The daemon with the real routes: what starts runs by itself. */
class DaemonIT {
    @TempDir
    Path folder;

    private Settings settings(DemoMaterial material, String source, String more) throws IOException {
        Path file = folder.resolve("ferry.yaml");
        Files.createDirectories(folder.resolve("models"));
        Files.writeString(file, """
                home: %s
                models:
                  captain: {base: %s, source: %s, formats: [Q8_0], publisher: demo, temperature: 0, context-length: 512}
                source: {settle: 1s}
                deploy: {lmstudio: {enabled: always, models-dir: %s}}
                serve: {enabled: always}
                evaluate: {enabled: false}
                http: {enabled: false}
                %s
                """.formatted(folder.resolve("home"), material.base(), source, folder.resolve("models"), more));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of("vast.api-key", "demo")).settings();
    }

    @Test
    void carriesAFinishedAdapterThatTheScheduleFindsOnceOnly() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        try (DemoInstance instance = DemoInstance.start(folder.resolve("ssh")); DemoVastApi vast = DemoVastApi.start(7, "captain", "demo", instance.port())) {
            Settings settings = settings(material, "{instance-id: 7, path: " + material.training() + "}",
                    "vast: {api-url: \"" + vast.address() + "\", ssh-key: " + instance.loginKey() + ", poll: \"0/2 * * * * ?\"}");
            try (FerryApplication daemon = FerryApplication.forDaemon(settings, Path.of("").toAbsolutePath(), Progress.NONE)) {
                Waiting.until("a run by the schedule", () -> daemon.ledger().runs().newest(5).stream().anyMatch(run -> run.state().isEnd()));
                Run run = daemon.ledger().runs().newest(1).getFirst();
                assertThat(run.trigger()).isEqualTo("schedule");
                assertThat(run.state()).as(run.error().orElse("")).isEqualTo(RunState.DONE);
                assertThat(folder.resolve("models/demo/captain/captain-Q8_0.gguf")).isRegularFile();
                // More looks at the same adapter start nothing; the first that ends now may have begun before.
                NotifyBuilder looks = new NotifyBuilder(daemon.routes().live().context()).fromRoute("scheduled-pull").whenDone(2).create();
                assertThat(looks.matches(180, TimeUnit.SECONDS)).isTrue();
                assertThat(daemon.ledger().runs().newest(5)).hasSize(1);
            }
        }
    }

    @Test
    void carriesWhatIsDroppedIntoTheInboxAndRefusesWhatIsNot() throws Exception {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        Settings settings = settings(material, "{url: \"file:" + material.training() + "\"}", "vast: {enabled: never, poll: \"0 0 0 1 1 ?\"}\n");
        try (FerryApplication daemon = FerryApplication.forDaemon(settings, Path.of("").toAbsolutePath(), Progress.NONE)) {
            Path inbox = settings.inbox().path();
            Files.createDirectories(inbox);
            Files.createFile(inbox.resolve("captain"));
            Files.createFile(inbox.resolve("nobody"));
            Waiting.until("the refusal", () -> Files.exists(inbox.resolve(".failed/nobody.reason.txt")));
            assertThat(Files.readString(inbox.resolve(".failed/nobody.reason.txt"))).contains("nobody").contains("captain");
            Waiting.until("the run", () -> daemon.ledger().runs().newest(5).stream().anyMatch(run -> run.state().isEnd()));
            List<Run> runs = daemon.ledger().runs().newest(5);
            assertThat(runs).hasSize(1);
            assertThat(runs.getFirst().trigger()).isEqualTo("inbox");
            assertThat(runs.getFirst().state()).as(runs.getFirst().error().orElse("")).isEqualTo(RunState.DONE);
            assertThat(inbox.resolve(".done/captain." + runs.getFirst().id())).exists();
        }
    }
}
