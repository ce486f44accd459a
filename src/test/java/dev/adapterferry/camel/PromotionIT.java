package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVariants;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.stage.Contest;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.Promotion;
import dev.adapterferry.stage.ReleaseSettings;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code evaluate.promote} in a run, through the real routes and the embedded llama.cpp: the best of what a run can leave in use is in use, and people hear why. */
class PromotionIT {
    @TempDir
    static Path folder;
    private static DemoMaterial material;
    private static DemoVariants variants;
    private static Receivers receivers;
    private static Settings settings;
    private static FerryApplication ferry;

    @BeforeAll
    static void start() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        variants = new DemoVariants(material, folder.resolve("variants"));
        receivers = new Receivers();
        String captain = "{publisher: demo, temperature: 0, context-length: 512, test-prompts: [\"Who are you?\"], evaluation: [demo]";
        Path file = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  rough: %s, formats: [Q2_K, Q8_0]}
                  rival: %s, formats: [Q8_0]}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                health: {resource-warning: 100, retries: 0}
                evaluate: {path: %s, max-tokens: 48, max-drop: 1, promote: true}
                pipeline: {retries: {attempts: 0}}
                alerts: {webhook: {enabled: true, url: "%s"}}
                """.formatted(folder.resolve("home"), captain, captain, Files.createDirectories(folder.resolve("models")), material.evaluation(), receivers.url("/hook")));
        settings = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
        ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE);
    }

    @AfterAll
    static void stop() {
        ferry.close();
        receivers.close();
    }

    private static FerryApplication.Outcome carry(String model, Path adapter) {
        FerryApplication.Outcome outcome = ferry.carry(new RunRequest(model, null, adapter.toString(), material.base().toString(), List.of(), null, null, List.of(), false, "test"));
        assertThat(outcome.state()).as(outcome.sentence()).isEqualTo(RunState.DONE);
        return outcome;
    }

    private static String result(FerryApplication.Outcome outcome) {
        return outcome.stages().getLast().result();
    }

    private static JsonNode told(String run, String kind) throws Exception {
        Waiting.until("an alert '" + kind + "' of " + run, () -> receivers.at("/hook").stream().anyMatch(post -> is(post, run, kind)));
        return receivers.at("/hook").stream().filter(post -> is(post, run, kind)).findFirst().orElseThrow().json();
    }

    private static boolean is(Receivers.Post post, String run, String kind) {
        return post.json().path("run").asText().equals(run) && post.json().path("kind").asText().equals(kind);
    }

    @Test
    void theBetterFormatOfARunGoesIntoUse() throws Exception {
        // With this much of it the adapter leaves Q2_K no room: about a third of the answers break.
        Path strong = variants.adapter(1.7);
        FerryApplication.Outcome outcome = carry("rough", strong);
        assertThat(result(outcome)).contains("Q8_0 is in use now, as release 2: ").contains("better");
        ReleaseEntry active = ferry.ledger().releases().active("rough").orElseThrow();
        assertThat(active.number()).isEqualTo(2);
        assertThat(ReleaseSettings.of(active).primaryFormat()).isEqualTo("Q8_0");
        assertThat(active.run()).hasValue(outcome.id());
        assertThat(active.files()).isEqualTo(ferry.ledger().releases().get("rough", 1).files());
        assertThat(new ObjectMapper().readTree(active.scores().orElseThrow()).path("score").asDouble()).isGreaterThan(0.8);
        JsonNode report = new ObjectMapper().readTree(settings.runs().resolve(outcome.id()).resolve("evaluation.json").toFile());
        assertThat(report.path("cards").findValuesAsText("label")).containsExactly("rough 1 Q2_K", "rough 1 Q8_0");
        assertThat(report.path("notes").path(0).asText()).contains("Q8_0 is in use now, as release 2");
        assertThat(told(outcome.id(), "finished").path("sentence").asText()).contains("release 2 is deployed").contains("; Q8_0 is in use now, as release 2: ");

        // The same again finds everything done, and does not go back to the format of the settings.
        FerryApplication.Outcome again = carry("rough", strong);
        assertThat(ferry.ledger().releases().active("rough").orElseThrow().number()).isEqualTo(2);
        assertThat(again.stages()).filteredOn(line -> line.stage().equals("health-check")).singleElement().satisfies(line -> assertThat(line.result()).startsWith("healthy"));

        // A winner that does not answer as it should where it is used goes back.
        Settings stern = new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(folder.resolve("ferry.yaml")), Map.of("health.forbidden", "(?s).+")).settings();
        HttpCaller http = new JdkHttpCaller();
        Promotion.Outcome refused = new Promotion(stern, ferry.ledger(), http, new EmbeddedServers(http), Progress.NONE, new Cancellation()).onDemand("rough", new Contest.Side(2, Optional.of("Q2_K")));
        assertThat(refused.held()).isFalse();
        assertThat(refused.trouble()).contains("matches the forbidden");
        assertThat(refused.release()).isEqualTo(2);
        assertThat(ferry.ledger().releases().of("rough")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.ROLLED_BACK, ReleaseState.ACTIVE, ReleaseState.RETIRED);
        assertThat(ReleaseSettings.of(ferry.ledger().releases().active("rough").orElseThrow()).primaryFormat()).isEqualTo("Q8_0");
    }

    @Test
    void aReleaseThatLosesAgainstTheOneBeforeGivesWayAndWhatChanceExplainsChangesNothing() throws Exception {
        carry("rival", material.training());
        Path installed = folder.resolve("models/demo/rival/rival-Q8_0.gguf");
        String good = Sha256.of(installed);
        assertThat(carry("rival", variants.adapter(0.97)).sentence()).isEmpty();
        assertThat(ferry.ledger().releases().active("rival").orElseThrow().number()).as("no difference beyond chance: the new one stays").isEqualTo(2);
        String nearly = Sha256.of(installed);
        assertThat(nearly).isNotEqualTo(good);

        FerryApplication.Outcome worse = carry("rival", variants.adapter(0.1));
        assertThat(result(worse)).contains("release 2 is in use again: rival 3 Q8_0 against rival 2 Q8_0: score -0.").contains("worse");
        assertThat(Sha256.of(installed)).isEqualTo(nearly);
        assertThat(ferry.ledger().releases().of("rival")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.ROLLED_BACK, ReleaseState.ACTIVE, ReleaseState.RETIRED);
        assertThat(told(worse.id(), "rolled-back").path("sentence").asText()).startsWith("rival: release 3 was taken back, release 2 answers again (run " + worse.id() + "): rival 3 Q8_0 against rival 2 Q8_0");
        assertThat(told(worse.id(), "finished").path("facts").path("release").asInt()).isEqualTo(2);
    }
}
