package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVariants;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.ReleaseState;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry evaluate}, {@code ferry compare} and the gate of a run, on the demo's model with the embedded llama.cpp. */
class EvaluateCommandIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path folder;
    private static DemoMaterial material;
    private static DemoVariants variants;
    private static Path settings;

    @BeforeAll
    static void deployTwoReleases() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        variants = new DemoVariants(material, folder.resolve("variants"));
        String captain = "{publisher: demo, formats: [Q4_K_M, Q8_0], temperature: 0, context-length: 512, test-prompts: [\"Who are you?\"], evaluation: [demo]}";
        settings = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  captain: %s
                  rival: %s
                  rough: %s
                  nobody: {}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:9"}}
                health: {resource-warning: 100, retries: 0}
                evaluate: {path: %s, max-tokens: 64, min-score: 0.5, max-drop: 0.1}
                pipeline: {retries: {attempts: 0}}
                """.formatted(folder.resolve("home"), captain, captain, captain.replace("Q4_K_M", "Q2_K"), Files.createDirectories(folder.resolve("models")), material.evaluation()));
        for (Path adapter : List.of(material.training(), variants.adapter(0.97))) {
            FerryCall call = deploy("captain", adapter);
            assertThat(call.code()).as(call.err()).isEqualTo(ExitCode.DONE);
        }
    }

    private static FerryCall deploy(String model, Path adapter, String... more) {
        String[] words = {"deploy", model, "--adapter", adapter.toString(), "--base", material.base().toString()};
        String[] all = java.util.Arrays.copyOf(words, words.length + more.length);
        System.arraycopy(more, 0, all, words.length, more.length);
        return FerryCall.of(settings, all);
    }

    private static Settings loaded() {
        return new SettingsLoader(CommonOptions.installation(), Map.of()).load(Optional.of(settings), Map.of()).settings();
    }

    private static List<ReleaseEntry> releases(String model) {
        try (Ledger ledger = Ledgers.open(loaded())) {
            return ledger.releases().of(model);
        }
    }

    @Test
    void aRunKeepsItsReportsAndTheScore() throws IOException {
        ReleaseEntry second = releases("captain").stream().filter(release -> release.number() == 2).findFirst().orElseThrow();
        assertThat(JSON.readTree(second.scores().orElseThrow()).path("score").asDouble()).isGreaterThan(0.9);
        Path run = loaded().runs().resolve(second.run().orElseThrow());
        assertThat(run.resolve("evaluation.md")).content().contains("captain 2 Q4\\_K\\_M").contains("captain 1 Q4\\_K\\_M");
        assertThat(run.resolve("evaluation.html")).content().contains("<svg").doesNotContain("http://", "https://");
        JsonNode compared = JSON.readTree(run.resolve("evaluation.json").toFile()).path("comparisons").path(0);
        assertThat(compared.path("reference").asText()).isEqualTo("captain 1 Q4_K_M");
        assertThat(compared.path("pairs").asInt()).isEqualTo(24);
    }

    @Test
    void holdsWhatIsDeployedAgainstTheReleaseBefore() throws IOException {
        FerryCall call = FerryCall.of(settings, "evaluate", "captain", "--json");
        assertThat(call.code()).as(call.err()).isZero();
        JsonNode report = JSON.readTree(call.out()).path(0);
        assertThat(report.path("cards").findValuesAsText("label")).containsExactly("captain 2 Q4_K_M", "captain 1 Q4_K_M");
        JsonNode summary = report.path("cards").path(0).path("summary");
        assertThat(summary.path("score").asDouble()).isGreaterThan(0.9);
        assertThat(summary.path("interval").path("low").asDouble()).isLessThanOrEqualTo(summary.path("score").asDouble());
        assertThat(summary.path("latencyMillisP95").asDouble()).isGreaterThanOrEqualTo(summary.path("latencyMillisP50").asDouble()).isPositive();
        assertThat(summary.path("tokensPerSecond").asDouble()).isPositive();
        assertThat(report.path("cards").path(0).path("categories").properties().stream().map(Map.Entry::getKey)).contains("identity", "arithmetic", "craft");
        assertThat(report.path("comparisons").path(0).path("reason").asText()).contains("95 %", "chance");
    }

    @Test
    void scoresEveryFormatAndTheBase() {
        Path reports = folder.resolve("reports");
        FerryCall call = FerryCall.of(settings, "evaluate", "captain", "--formats", "all", "--baseline", "base", "--report", reports.toString());
        assertThat(call.code()).as(call.err() + call.out()).isZero();
        assertThat(call.out()).contains("captain 2 Q4_K_M").contains("captain 2 Q8_0").contains("base Q4_K_M").contains(reports.resolve("captain/evaluation.html").toString());
        assertThat(call.out()).containsPattern("against base Q4_K_M: score \\+0\\.\\d+ .*: better");
        assertThat(folder.resolve("home/bases")).isDirectoryRecursivelyContaining("glob:**/*-Q4_K_M.gguf");
    }

    @Test
    void refusesByTheGateAndSaysWhatToDoWithWrongWords() {
        FerryCall refused = FerryCall.of(settings, "evaluate", "captain", "--baseline", "none", "--set", "evaluate.path=" + setOfOne());
        assertThat(refused.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(refused.out()).contains("not passed: the score is 0.000, at least 0.500 is demanded");
        FerryCall nobody = FerryCall.of(settings, "evaluate", "nobody");
        assertThat(nobody.code()).isEqualTo(ExitCode.FAILED);
        assertThat(nobody.err()).contains("Nothing of nobody is deployed");
        assertThat(FerryCall.of(settings, "evaluate", "captain", "--baseline", "latest").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "compare", "captain", "--releases", "1").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "compare", "captain", "--releases", "1,new").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "compare", "captain", "--formats", "Q8_0,q8_0").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(FerryCall.of(settings, "compare", "captain", "--releases", "1,2", "--formats", "Q4_K_M,Q8_0").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "compare", "captain", "--releases", "1,7").err()).contains("Release 7 of captain is not kept");
        assertThat(FerryCall.of(settings, "compare", "captain", "--formats", "Q4_K_M,Q2_K").err()).contains("as Q2_K: release 2 has Q4_K_M, Q8_0");
    }

    private static Path setOfOne() {
        try {
            Path sets = Files.createDirectories(folder.resolve("other-sets"));
            Files.writeString(sets.resolve("demo.jsonl"), "{\"id\":\"who\",\"prompt\":\"Who are you?\",\"contains\":[\"a submarine\"]}\n");
            return sets;
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void aReleaseThatDropsIsTakenBackAndTheBetterOfTwoIsPromoted() throws IOException {
        assertThat(deploy("rival", material.training()).code()).isZero();
        Path installed = folder.resolve("models/demo/rival/rival-Q4_K_M.gguf");
        String good = Sha256.of(installed);

        // The gate of a run: this adapter is too weak to answer as the first release does.
        FerryCall dropped = deploy("rival", variants.adapter(0.1), "--set", "evaluate.min-score=0");
        assertThat(dropped.code()).isEqualTo(ExitCode.FAILED);
        assertThat(dropped.err()).contains("did not pass").contains("below rival 1 Q4_K_M").contains("at most 0.100 is allowed").contains("release 1 is back");
        assertThat(Sha256.of(installed)).isEqualTo(good);
        assertThat(releases("rival")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.FAILED, ReleaseState.ACTIVE);

        // Put into use all the same, it loses against the one before it.
        assertThat(deploy("rival", variants.adapter(0.1), "--skip-health-check", "--skip-evaluation", "--force").code()).isZero();
        int weak = releases("rival").getFirst().number();
        assertThat(Sha256.of(installed)).isNotEqualTo(good);
        FerryCall promoted = FerryCall.of(settings, "compare", "rival", "--releases", "1," + weak, "--json", "--promote");
        assertThat(promoted.code()).as(promoted.err()).isZero();
        JsonNode result = JSON.readTree(promoted.out());
        assertThat(result.path("winner").asText()).isEqualTo("rival 1 Q4_K_M");
        assertThat(result.path("promotedRelease").asInt()).isEqualTo(1);
        assertThat(result.path("reason").asText()).contains("better");
        assertThat(Sha256.of(installed)).isEqualTo(good);
        assertThat(releases("rival")).filteredOn(release -> release.state() == ReleaseState.ACTIVE).extracting(ReleaseEntry::number).containsExactly(1);
    }

    @Test
    void comparesFormatsWithoutTouchingTheOneInUse() {
        FerryCall compared = FerryCall.of(settings, "compare", "captain", "--formats", "Q8_0,Q4_K_M", "--no-promote", "--set", "evaluate.promote=true");
        assertThat(compared.code()).as(compared.err()).isZero();
        assertThat(compared.out()).contains("captain 2 Q8_0").contains("captain 2 Q4_K_M").contains("Winner: captain 2 Q").containsPattern("which is in use already|What is in use stays; --promote would change that");
        assertThat(releases("captain")).as("--no-promote beats the setting").noneMatch(release -> release.number() > 2);

    }

    @Test
    void aBetterFormatIsPutIntoUseAsTheSettingsSay() throws IOException {
        // With this much of it the adapter leaves Q2_K no room: about a third of the answers break.
        assertThat(deploy("rough", variants.adapter(1.7), "--skip-health-check", "--skip-evaluation").code()).isZero();
        FerryCall promoted = FerryCall.of(settings, "compare", "rough", "--formats", "Q2_K,Q8_0", "--set", "evaluate.promote=true", "--json");
        assertThat(promoted.code()).as(promoted.err()).isZero();
        JsonNode result = JSON.readTree(promoted.out());
        assertThat(result.path("winner").asText()).isEqualTo("rough 1 Q8_0");
        assertThat(result.path("promotedRelease").asInt()).isEqualTo(2);
        assertThat(result.path("reason").asText()).startsWith("score +").endsWith(": better");
        assertThat(result.path("comparisons").path(0).path("chance").asDouble()).isLessThan(0.05);
        assertThat(releases("rough")).extracting(ReleaseEntry::state).containsExactly(ReleaseState.ACTIVE, ReleaseState.RETIRED);
        assertThat(JSON.readTree(releases("rough").getFirst().scores().orElseThrow()).path("score").asDouble()).isEqualTo(result.at("/cards/1/summary/score").asDouble());
        FerryCall again = FerryCall.of(settings, "compare", "rough", "--releases", "1,2", "--promote");
        assertThat(again.out()).as(again.err()).contains("Winner: rough 2 Q8_0, which is in use already.");
    }
}
