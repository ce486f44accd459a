package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVariants;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.EvaluateStage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Fallback;
import dev.adapterferry.stage.HealthStage;
import dev.adapterferry.stage.ModelHealth;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunContext;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * Models that are bad on purpose, through the real routes and the embedded llama.cpp: each is caught, and the release before it
 * is back, byte for byte, with the reason in the run and in the ledger.
 */
class BadModelsIT {
    @TempDir
    static Path folder;
    private static DemoMaterial material;
    private static DemoVariants variants;
    private static LmStudioDouble elsewhere;
    private static Receivers receivers;
    private static Settings settings;
    private static FerryApplication ferry;

    @BeforeAll
    static void start() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        variants = new DemoVariants(material, folder.resolve("variants"));
        receivers = new Receivers();
        elsewhere = new LmStudioDouble(Files.createDirectories(folder.resolve("elsewhere")));
        elsewhere.nativeV1 = false;
        elsewhere.nativeV0 = false;
        String captain = "{publisher: demo, formats: [Q8_0], temperature: 0, context-length: 512, test-prompts: [\"Who are you?\", \"What is the capital of France?\"], evaluation: [demo]";
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  garbled: %s}
                  truncated: %s}
                  zero: %s}
                  killed: %s}
                  impostor: %s, endpoint: "%s"}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                serve: {enabled: auto}
                health: {resource-warning: 100, retries: 0}
                evaluate: {path: %s, max-tokens: 64, max-drop: 0.1}
                pipeline: {retries: {attempts: 0}}
                vast: {enabled: never}
                alerts: {slack: {enabled: true, webhook-url: "%s", mention-on-failure: here}}
                """.formatted(folder.resolve("home"), captain, captain, captain, captain, captain, elsewhere.base(), Files.createDirectories(folder.resolve("models")), material.evaluation(), receivers.url("/slack")));
        settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE);
    }

    @AfterAll
    static void stop() {
        ferry.close();
        elsewhere.close();
        receivers.close();
    }

    private static FerryApplication.Outcome carry(String model, Path adapter, Path base, String... skip) {
        return ferry.carry(new RunRequest(model, null, adapter.toString(), base.toString(), List.of(), null, null, List.of(skip), false, "test"));
    }

    /** What Slack was told that holds a text. */
    private static List<String> told(String text) {
        return receivers.at("/slack").stream().map(post -> post.json().path("text").asText()).filter(told -> told.contains(text)).toList();
    }

    private static Path installed(String model) {
        return folder.resolve("models/demo").resolve(model).resolve(model + "-Q8_0.gguf");
    }

    /** Deploys the good model as release 1; what its file holds. */
    private static String good(String model) {
        FerryApplication.Outcome outcome = carry(model, material.training(), material.base(), "evaluate");
        assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
        return Sha256.of(installed(model));
    }

    private static void assertTakenBack(String model, String good, FerryApplication.Outcome bad, Stage caughtBy) {
        assertThat(bad.state()).isEqualTo(RunState.FAILED);
        assertThat(bad.stages().getLast().stage()).isEqualTo(caughtBy.text());
        assertThat(bad.sentence()).contains("release 1 is back");
        assertThat(Sha256.of(installed(model))).as("the file of release 1").isEqualTo(good);
        List<ReleaseEntry> releases = ferry.ledger().releases().of(model);
        assertThat(releases).extracting(ReleaseEntry::number).containsExactly(2, 1);
        assertThat(releases).extracting(ReleaseEntry::state).containsExactly(ReleaseState.FAILED, ReleaseState.ACTIVE);
        assertThat(ferry.ledger().runs().get(bad.id()).error()).hasValue(bad.sentence());
    }

    @Test
    void garbledTokenizerIsCaughtByItsAnswersAndPeopleHearOfIt() throws Exception {
        String good = good("garbled");
        FerryApplication.Outcome bad = carry("garbled", material.training(), variants.garbledBase());
        assertTakenBack("garbled", good, bad, Stage.HEALTH_CHECK);
        assertThat(bad.sentence()).contains("looks broken");
        Waiting.until("Slack hears that the run failed", () -> told("garbled: failed in health-check (run " + bad.id() + ")").size() == 1);
        assertThat(told("(run " + bad.id() + "): it failed the health check: ")).singleElement().asString()
                .startsWith("<!here> garbled: release 2 was taken back, release 1 answers again (run " + bad.id() + ")").contains("looks broken");
    }

    @Test
    void fileThatWasTruncatedAfterItsDeploymentIsCaught() throws IOException {
        String good = good("truncated");
        assertThat(carry("truncated", variants.adapter(0.97), material.base(), "health-check", "evaluate").state()).isEqualTo(RunState.DONE);
        assertThat(Sha256.of(installed("truncated"))).isNotEqualTo(good);
        try (FileChannel channel = FileChannel.open(installed("truncated"), StandardOpenOption.WRITE)) {
            channel.truncate(channel.size() / 2);
        }
        FerryApplication.Outcome checked = ferry.carry(new RunRequest("truncated", null, null, null, List.of(), "health-check", null, List.of(), false, "test"));
        assertThat(checked.state()).isEqualTo(RunState.FAILED);
        assertThat(checked.sentence()).contains("were installed").contains("release 1 is back");
        assertThat(Sha256.of(installed("truncated"))).as("the file of release 1").isEqualTo(good);
        assertThat(ferry.ledger().releases().active("truncated").orElseThrow().number()).isEqualTo(1);
    }

    @Test
    void zeroAdapterIsRefusedBeforeAnythingIsMade() {
        String good = good("zero");
        FerryApplication.Outcome bad = carry("zero", variants.zeroAdapter(), material.base());
        assertThat(bad.state()).isEqualTo(RunState.FAILED);
        assertThat(bad.stages().getLast().stage()).isIn("merge", "quantize");
        assertThat(bad.sentence()).containsIgnoringCase("zero");
        assertThat(Sha256.of(installed("zero"))).isEqualTo(good);
        assertThat(ferry.ledger().releases().of("zero")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.ACTIVE);
    }

    @Test
    void anotherModelBehindTheEndpointIsCaught() throws IOException {
        Path known = Files.writeString(Files.createDirectories(folder.resolve("elsewhere/acme/impostor")).resolve("impostor-Q8_0.gguf"), "weights");
        String good = good("impostor");
        Files.delete(known);
        Path other = Files.writeString(Files.createDirectories(folder.resolve("elsewhere/acme/veran")).resolve("veran-Q8_0.gguf"), "weights");
        elsewhere.instances.clear();
        elsewhere.instances.put("veran", new LmStudioDouble.Instance("veran", other, "Q8_0", 4096));
        FerryApplication.Outcome bad = carry("impostor", variants.adapter(0.97), material.base());
        assertTakenBack("impostor", good, bad, Stage.HEALTH_CHECK);
        assertThat(bad.sentence()).contains("does not list 'impostor'").contains("came from 'veran', asked was 'impostor'");
    }

    /** Kills the engine's processes at once, as the system does when memory runs out. */
    private static void killEngines() {
        ProcessHandle.current().children().filter(child -> commandLine(child).contains("serve.ServerMain")).forEach(ProcessHandle::destroyForcibly);
    }

    /** All of it: {@link ProcessHandle.Info} gives a page, and the class path alone is longer. */
    private static String commandLine(ProcessHandle process) {
        try {
            return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline"));
        } catch (IOException e) {
            return "";
        }
    }

    @Test
    @EnabledOnOs(value = OS.LINUX, disabledReason = "it finds the engine's process in /proc")
    void engineThatDiesWhileItIsAskedTakesTheReleaseBack() {
        String good = good("killed");
        HttpCaller http = new JdkHttpCaller();
        EmbeddedServers servers = new EmbeddedServers(http);
        List<Alert> told = new ArrayList<>();
        Fallback fallback = new Fallback(ferry.ledger(), servers, http, told::add);
        Settings patient = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(folder.resolve("ferry.yaml")), Map.of("health.retries", "3", "health.retry-delay", "1s")).settings();

        // The server answers when it is asked what it has, and dies before it has answered the first question.
        AtomicBoolean alive = new AtomicBoolean(true);
        HttpCaller killing = call -> {
            HttpReply reply = http.call(call);
            if (call.uri().getPath().equals("/v1/models") && alive.getAndSet(false)) {
                killEngines();
            }
            return reply;
        };
        RunContext run = second(patient, Progress.NONE);
        assertThatThrownBy(() -> new HealthStage(killing, servers, fallback, ferry.ledger()).carry(run)).as("although it was started again").isInstanceOf(FerryException.class)
                .hasMessageContaining("died of SIGKILL").hasMessageContaining("release 1 is back in place");
        assertThat(alive).isFalse();
        assertBackAndAnswering(servers, good, told);

        AtomicBoolean asked = new AtomicBoolean();
        RunContext another = second(patient, step -> {
            if (step.activity().startsWith("evaluating") && !asked.getAndSet(true)) {
                killEngines();
            }
        });
        assertThatThrownBy(() -> new EvaluateStage(http, servers, fallback, ferry.ledger(), told::add).carry(another)).isInstanceOf(FerryException.class)
                .hasMessageContaining("The evaluation of killed").hasMessageContaining("broke off").hasMessageContaining("died of SIGKILL").hasMessageContaining("release 1 is back in place");
        assertThat(asked).isTrue();
        assertBackAndAnswering(servers, good, told);
    }

    /** Deploys a newer release of the model that is to be killed, and gives its run as its later stages see it. */
    private static RunContext second(Settings settings, Progress progress) {
        FerryApplication.Outcome outcome = ferry.carry(new RunRequest("killed", null, variants.adapter(0.97).toString(), material.base().toString(), List.of(), null, null,
                List.of("health-check", "evaluate"), true, "test"));
        assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
        assertThat(ferry.ledger().releases().active("killed").orElseThrow().number()).isGreaterThan(1);
        return new RunContext(outcome.id(), RunRequest.of("killed", "test"), settings, new Records(ferry.ledger().runs().get(outcome.id()).folder()), progress, new Cancellation());
    }

    private static void assertBackAndAnswering(EmbeddedServers servers, String good, List<Alert> told) {
        assertThat(told).hasSize(1);
        assertThat(told.getFirst().sentence()).contains("release 1 answers again").contains("died of SIGKILL");
        told.clear();
        assertThat(Sha256.of(installed("killed"))).isEqualTo(good);
        assertThat(ferry.ledger().releases().active("killed").orElseThrow().number()).isEqualTo(1);
        try {
            Facts.Deployed active = new ActiveReleases(settings, ferry.ledger()).get("killed");
            Health health = new ModelHealth(new JdkHttpCaller(), servers, Digests.fresh()).check("afterwards", settings, "killed", active, EnumSet.allOf(HealthCheck.Part.class));
            assertThat(health.status()).as(health.findings().toString()).isEqualTo(Status.HEALTHY);
        } finally {
            servers.release("afterwards");
        }
    }
}
