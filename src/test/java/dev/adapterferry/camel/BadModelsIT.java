package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVariants;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
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
                  impostor: %s, endpoint: "%s"}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                serve: {enabled: auto}
                health: {resource-warning: 100, retries: 0}
                evaluate: {path: %s, max-tokens: 64, max-drop: 0.1}
                pipeline: {retries: {attempts: 0}}
                vast: {enabled: never}
                alerts: {slack: {enabled: true, webhook-url: "%s", mention-on-failure: here}}
                """.formatted(folder.resolve("home"), captain, captain, captain, captain, elsewhere.base(), Files.createDirectories(folder.resolve("models")), material.evaluation(), receivers.url("/slack")));
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
}
