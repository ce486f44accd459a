package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.deploy.OllamaDouble;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Lease;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.modelserver.TinyGguf;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.AlertSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.source.ssh.OpenSshServer;
import dev.adapterferry.waiting.Ports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Releases by the settings: LM Studio's double, Ollama's, a folder, a real SSH server, and what the ledger says afterwards. */
class ReleaseDeskIT {
    private static final String FILE = "acme/majora/majora-Q4_K_M.gguf";

    @TempDir
    Path directory;

    private Path models;
    private LmStudioDouble lmStudio;
    private Ledger ledger;
    private int made;

    @BeforeEach
    void start() throws IOException {
        models = Files.createDirectories(directory.resolve("models"));
        lmStudio = new LmStudioDouble(models);
        ledger = Ledger.open("jdbc:sqlite:" + directory.resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
    }

    @AfterEach
    void stop() {
        ledger.close();
        lmStudio.close();
    }

    private Settings settings(String model, String deploy) throws IOException {
        return settings(model, deploy, "You are Majora.");
    }

    private Settings settings(String model, String deploy, String system) throws IOException {
        Path file = directory.resolve("ferry.yaml");
        Files.writeString(file, """
                home: %s
                models:
                  majora: {publisher: acme, formats: [Q4_K_M, Q8_0], system-prompt: "%s", %s}
                vast: {ssh-key: %s, known-hosts: %s}
                health: {load-timeout: 10s}
                deploy:
                  lmstudio: {enabled: always, models-dir: %s, api-url: "%s"}
                  %s
                """.formatted(directory.resolve("home"), system, model, directory.resolve("user_key"), directory.resolve("known"), models, lmStudio.base(), deploy));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    private ReleaseDesk desk(Settings settings) {
        return new ReleaseDesk(settings, ledger, new JdkHttpCaller(), Progress.NONE, new Cancellation());
    }

    private Candidate candidate(float value, String... formats) throws IOException {
        made++;
        List<Candidate.Item> items = new ArrayList<>();
        for (String format : formats) {
            Path file = TinyGguf.write(directory.resolve("runs/" + made + "/majora-" + format + ".gguf"), value);
            items.add(Candidate.Item.of(file, format, Sha256.of(file)));
        }
        return new Candidate("majora", items, Map.of("adapter", "adapter-" + made, "base", "base"));
    }

    private List<String> states() {
        return ledger.releases().of("majora").stream().map(entry -> entry.number() + " " + entry.state().text()).toList();
    }

    @Test
    void loadsEachReleaseWithItsOwnContextAndGoesBackToIt() throws IOException {
        ReleaseDesk.InUse first = desk(settings("context-length: 4096, temperature: 0.1", "keep: 3")).deploy(candidate(1, "Q4_K_M", "Q8_0"), "run-1", false, Announcer.NOBODY);
        assertThat(first.deployed().loaded().orElseThrow().modelId()).isEqualTo("majora");
        Settings larger = settings("context-length: 8192, temperature: 0.9", "keep: 3");
        desk(larger).deploy(candidate(2, "Q4_K_M", "Q8_0"), "run-2", false, Announcer.NOBODY);
        assertThat(lmStudio.instances.get("majora").context()).isEqualTo(8192);
        ReleaseEntry second = ledger.releases().active("majora").orElseThrow();
        assertThat(second.number()).isEqualTo(2);
        assertThat(second.run()).hasValue("run-2");
        assertThat(second.adapter()).hasValue("adapter-2");
        assertThat(ReleaseSettings.of(second)).isEqualTo(new ReleaseSettings(8192, 0.9, "You are Majora.", "Q4_K_M", "majora"));

        ReleaseDesk.InUse back = desk(larger).rollback("majora", OptionalInt.empty());
        assertThat(back.deployed().release().number()).isEqualTo(1);
        assertThat(lmStudio.instances).containsOnlyKeys("majora");
        assertThat(lmStudio.instances.get("majora").context()).as("the context that release 1 was deployed with").isEqualTo(4096);
        assertThat(states()).containsExactly("2 rolled-back", "1 active");
        assertThat(ledger.releases().active("majora").orElseThrow().run()).hasValue("run-1");
        assertThat(Files.readString(back.clients().orElseThrow().resolve("ask.py"))).contains(lmStudio.base() + "/v1/chat/completions").contains("\"temperature\\\":0.1");

        lmStudio.questions.clear();
        ModelHealth checks = new ModelHealth(new JdkHttpCaller(), new EmbeddedServers(new JdkHttpCaller()), Digests.none());
        Settings later = settings("context-length: 2048, temperature: 0.9, test-prompts: [\"Who are you?\"]", "keep: 3", "Another prompt.");
        checks.check("test", later, "majora", new ActiveReleases(later, ledger).get("majora"), EnumSet.allOf(HealthCheck.Part.class));
        assertThat(lmStudio.questions).isNotEmpty().allSatisfy(question -> {
            assertThat(question.path("temperature").asDouble()).as("as release 1 was deployed, whatever the settings say now").isEqualTo(0.1);
            assertThat(question.path("messages").path(0).path("content").asText()).isEqualTo("You are Majora.");
        });

        desk(larger).rollback("majora", OptionalInt.of(2));
        assertThat(states()).containsExactly("2 active", "1 retired");
        assertThat(lmStudio.instances.get("majora").context()).isEqualTo(8192);
    }

    @Test
    void findsItsOwnReleaseAfterAKillInsteadOfMakingAnother() throws IOException {
        Settings settings = settings("context-length: 4096", "keep: 3");
        Candidate candidate = candidate(1, "Q4_K_M");
        desk(settings).deploy(candidate, "run-1", false, Announcer.NOBODY);
        lmStudio.instances.clear();
        ReleaseDesk.InUse again = desk(settings).deploy(candidate, "run-1", false, Announcer.NOBODY);
        assertThat(again.deployed().release().number()).isEqualTo(1);
        assertThat(again.deployed().previous()).isEmpty();
        assertThat(lmStudio.instances).containsOnlyKeys("majora");
        assertThat(desk(settings).deploy(candidate, "run-2", true, Announcer.NOBODY).deployed().release().number()).as("forced").isEqualTo(2);
        assertThat(desk(settings("context-length: 2048", "keep: 3")).deploy(candidate, "run-3", false, Announcer.NOBODY).deployed().release().number()).as("other settings").isEqualTo(3);
    }

    @Test
    void aReleaseThatLmStudioDoesNotLoadIsTakenBackAndWrittenDownAsFailed() throws IOException {
        desk(settings("context-length: 4096", "keep: 3")).deploy(candidate(1, "Q4_K_M"), "run-1", false, Announcer.NOBODY);
        lmStudio.forcedContext = 4096;
        ReleaseDesk greedy = desk(settings("context-length: 32768", "keep: 3"));
        Candidate next = candidate(2, "Q4_K_M");
        assertThatThrownBy(() -> greedy.deploy(next, "run-2", false, Announcer.NOBODY)).isInstanceOf(FerryException.class).hasMessageContaining("4096 tokens instead of 32768").hasMessageContaining("Release 1 of majora is back");
        assertThat(states()).containsExactly("2 failed", "1 active");
        assertThat(Sha256.of(models.resolve(FILE))).isEqualTo(ledger.releases().active("majora").orElseThrow().files().getFirst().sha256());

        ReleaseDesk keeping = desk(settings("context-length: 32768", "on-failure: keep"));
        assertThatThrownBy(() -> keeping.deploy(next, "run-3", false, Announcer.NOBODY)).isInstanceOf(FerryException.class).hasMessageNotContaining("is back");
        assertThat(states()).containsExactly("3 active", "2 failed", "1 retired");
    }

    @Test
    void aFileThatLmStudioCannotReadIsTakenBackAndPeopleAreToldWhy() throws IOException {
        Settings settings = settings("context-length: 4096", "keep: 3");
        List<Alert> told = new ArrayList<>();
        Candidate unreadable = candidate(1, "Q4_K_M");
        lmStudio.refusal = file -> "unknown model architecture: 'qwen99'";
        assertThatThrownBy(() -> desk(settings).deploy(unreadable, "run-1", false, told::add)).isInstanceOf(FerryException.class)
                .hasMessageContaining("Failed to load model: unknown model architecture: 'qwen99'").hasMessageContaining("Release 1 of majora was taken out again");
        assertThat(told).hasSize(1);
        assertThat(told.getFirst().sentence()).startsWith("majora: release 1 was taken back, none answers now (run run-1): ").contains("unknown model architecture: 'qwen99'");
        assertThat(models.resolve("acme/majora")).doesNotExist();

        lmStudio.refusal = file -> null;
        desk(settings).deploy(candidate(2, "Q4_K_M", "Q8_0"), "run-2", false, told::add);
        String good = Sha256.of(models.resolve(FILE));
        lmStudio.refusal = file -> Sha256.of(file).equals(good) ? null : "tensor 'blk.0.attn_q.weight' has wrong shape";
        Candidate next = candidate(3, "Q4_K_M", "Q8_0");
        assertThatThrownBy(() -> desk(settings).deploy(next, "run-3", false, told::add)).hasMessageContaining("has wrong shape").hasMessageContaining("Release 2 of majora is back.");
        assertThat(told).hasSize(2);
        assertThat(told.getLast().kind()).isEqualTo(AlertSettings.Event.ROLLED_BACK);
        assertThat(told.getLast().sentence()).startsWith("majora: release 3 was taken back, release 2 answers again (run run-3): ").contains("has wrong shape").doesNotContain("is back");
        assertThat(Sha256.of(models.resolve(FILE))).isEqualTo(good);
        assertThat(lmStudio.instances.get("majora").file()).isEqualTo(models.resolve(FILE));
        assertThat(states()).containsExactly("3 failed", "2 active", "1 failed");
        assertThat(ledger.events().last("majora", "rolled-back").orElseThrow().text()).contains("release 3 was taken back; release 2 is back in place").contains("has wrong shape");

        assertThatThrownBy(() -> desk(settings("context-length: 4096", "on-failure: keep")).deploy(next, "run-4", false, told::add)).hasMessageContaining("has wrong shape");
        assertThat(told).as("nothing was taken back").hasSize(2);
    }

    @Test
    void furtherTargetsFollowEveryStep() throws Exception {
        Path share = Files.createDirectories(directory.resolve("share"));
        try (OllamaDouble ollama = new OllamaDouble(); OpenSshServer ssh = OpenSshServer.start(directory)) {
            Settings settings = settings("context-length: 4096, temperature: 0.5", "folder: " + share + "\n  ssh: ssh://" + System.getProperty("user.name") + "@127.0.0.1:" + ssh.port() + directory.resolve("far")
                    + "\n  ollama: {enabled: true, api-url: \"" + ollama.base() + "\"}");
            desk(settings).deploy(candidate(1, "Q4_K_M", "Q8_0"), "run-1", false, Announcer.NOBODY);
            desk(settings).deploy(candidate(2, "Q4_K_M"), "run-2", false, Announcer.NOBODY);
            String second = Sha256.of(models.resolve(FILE));
            for (Path place : List.of(models, share, directory.resolve("far"))) {
                assertThat(Sha256.of(place.resolve(FILE))).as("%s", place).isEqualTo(second);
                assertThat(place.resolve("acme/majora/majora-Q8_0.gguf")).as("%s", place).doesNotExist();
            }
            assertThat(ollama.models).containsOnlyKeys("majora:q4_k_m", "majora:latest");
            assertThat(ollama.models.get("majora:latest").path("parameters").path("num_ctx").asInt()).isEqualTo(4096);

            desk(settings).rollback("majora", OptionalInt.empty());
            for (Path place : List.of(models, share, directory.resolve("far"))) {
                assertThat(Sha256.of(place.resolve(FILE))).as("%s", place).isNotEqualTo(second);
                assertThat(place.resolve("acme/majora/majora-Q8_0.gguf")).as("%s", place).isRegularFile();
            }
            assertThat(ollama.models).containsOnlyKeys("majora:q4_k_m", "majora:q8_0", "majora:latest");

            ollama.failure = "no space left on device";
            Candidate third = candidate(3, "Q4_K_M", "Q8_0");
            assertThatThrownBy(() -> desk(settings).deploy(third, "run-3", false, Announcer.NOBODY)).isInstanceOf(FerryException.class).hasMessageContaining("no space left");
            ollama.failure = null;
            assertThat(states().getFirst()).isEqualTo("3 failed");
        }
    }

    @Test
    void aTargetThatCannotBeReachedStopsTheDeploymentBeforeAnythingIsTouched() throws IOException {
        desk(settings("context-length: 4096", "keep: 3")).deploy(candidate(1, "Q4_K_M"), "run-1", false, Announcer.NOBODY);
        int closed = Ports.free();
        Settings settings = settings("context-length: 4096", "ollama: {enabled: true, api-url: \"http://127.0.0.1:" + closed + "\"}");
        lmStudio.requests.clear();
        Candidate next = candidate(2, "Q4_K_M");
        assertThatThrownBy(() -> desk(settings).deploy(next, "run-2", false, Announcer.NOBODY)).isInstanceOf(TransientFailure.class);
        assertThat(lmStudio.requests).doesNotContain("POST /api/v1/models/unload");
        assertThat(states()).containsExactly("1 active");
    }

    @Test
    void aFormatThatWonIsLoadedAndAskedAndGoesBackWhereItDoesNotAnswer() throws IOException {
        Settings settings = settings("context-length: 4096, test-prompts: [\"Who are you?\"]", "keep: 3");
        desk(settings).deploy(candidate(1, "Q4_K_M", "Q8_0"), "run-1", false, Announcer.NOBODY);
        assertThat(lmStudio.instances.get("majora").quantization()).isEqualTo("Q4_K_M");
        JdkHttpCaller http = new JdkHttpCaller();
        Promotion promotion = new Promotion(settings, ledger, http, new EmbeddedServers(http), Progress.NONE, new Cancellation());

        assertThat(promotion.onDemand("majora", new Contest.Side(1, Optional.of("Q8_0")))).isEqualTo(new Promotion.Outcome(2, true, ""));
        assertThat(lmStudio.instances).containsOnlyKeys("majora");
        assertThat(lmStudio.instances.get("majora").quantization()).isEqualTo("Q8_0");
        assertThat(lmStudio.questions.getLast().path("messages").toString()).contains("Who are you?");
        assertThat(ReleaseSettings.of(ledger.releases().active("majora").orElseThrow()).primaryFormat()).isEqualTo("Q8_0");

        lmStudio.brain = (file, prompt) -> file.toString().contains("Q4_K_M") ? "" : "You said: " + prompt;
        Promotion.Outcome back = promotion.onDemand("majora", new Contest.Side(2, Optional.of("Q4_K_M")));
        assertThat(back.held()).isFalse();
        assertThat(back.release()).isEqualTo(2);
        assertThat(back.trouble()).contains("characters");
        assertThat(lmStudio.instances.get("majora").quantization()).isEqualTo("Q8_0");
        assertThat(states()).containsExactly("3 rolled-back", "2 active", "1 retired");
    }

    @Test
    void refusesToRollBackWhatARunIsCarrying() throws IOException {
        Settings settings = settings("context-length: 4096", "keep: 3");
        desk(settings).deploy(candidate(1, "Q4_K_M"), "run-1", false, Announcer.NOBODY);
        desk(settings).deploy(candidate(2, "Q4_K_M"), "run-2", false, Announcer.NOBODY);
        try (Ledger other = Ledger.open("jdbc:sqlite:" + directory.resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
             Lease held = other.locks().tryAcquire(Runs.lock("majora"), "run-3", new Cancellation()).orElseThrow()) {
            assertThatThrownBy(() -> desk(settings).rollback("majora", OptionalInt.empty())).isInstanceOf(TransientFailure.class)
                    .hasMessageContaining("process " + ProcessHandle.current().pid()).hasMessageContaining("run-3").hasMessageContaining("is carrying it just now");
        }
        desk(settings).rollback("majora", OptionalInt.empty());
        assertThat(states()).containsExactly("2 rolled-back", "1 active");
    }

    @Test
    void takesBackAFirstReleaseAndLeavesNothing() throws IOException {
        Settings settings = settings("context-length: 4096", "folder: " + Files.createDirectories(directory.resolve("share")));
        desk(settings).deploy(candidate(1, "Q4_K_M"), "run-1", false, Announcer.NOBODY);
        assertThat(desk(settings).takeBack("majora", 1)).isEmpty();
        assertThat(models.resolve("acme/majora")).doesNotExist();
        assertThat(directory.resolve("share/acme/majora")).doesNotExist();
        assertThat(lmStudio.instances).isEmpty();
        assertThat(ledger.releases().of("majora").getFirst().state()).isEqualTo(ReleaseState.FAILED);
        assertThat(desk(settings).rollback("majora", OptionalInt.of(1)).deployed().release().number()).as("it stays kept").isEqualTo(1);
        assertThat(states()).containsExactly("1 active");
    }
}
