package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that carry and look after runs, on real files: what they print, and with which code they end. */
class CommandsIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private DemoMaterial material;
    private Path settings;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        settings = folder.resolve("ferry.yaml");
        // Sorted by base, the two of demo-base follow each other although another stands between them in the file.
        Files.writeString(settings, """
                home: %1$s
                models:
                  captain: {base: %2$s, source: {url: "file:%3$s"}}
                  broken: {base: %1$s/no-such-base, source: {url: "file:%1$s/no-such-adapter"}}
                  mate: {base: %2$s, source: {url: "file:%3$s"}}
                  ashore: {enabled: false, base: %2$s, source: {url: "file:%3$s"}}
                quantize: {formats: [Q8_0], primary-format: Q8_0}
                source: {settle: 0}
                vast: {enabled: never}
                deploy: {lmstudio: {enabled: never}}
                serve: {enabled: always}
                evaluate: {enabled: false}
                pipeline: {stages: [download, merge, quantize, deploy], retries: {attempts: 0}}
                """.formatted(folder.resolve("home"), material.base(), material.training()));
    }

    private FerryCall ferry(String... arguments) {
        return FerryCall.of(settings, arguments);
    }

    private Ledger ledger() {
        return Ledger.open("jdbc:sqlite:" + folder.resolve("home/ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(30));
    }

    @Test
    void carriesAllModelsGroupedByBaseAndSendsTheFailedOneAgain() throws Exception {
        FerryCall all = ferry("deploy", "--all", "--json", "--quiet");
        assertThat(all.code()).as(all.all()).isEqualTo(ExitCode.PARTLY);
        assertThat(all.err()).as("quiet: only the failure's sentence").contains("no-such-base").hasLineCount(1);
        JsonNode reports = JSON.readTree(all.out());
        assertThat(reports.findValuesAsText("model").stream().distinct()).as("in the order of their bases, without the one that is switched off").containsExactly("captain", "mate", "broken");
        assertThat(reports.get(0).path("files").get(0).path("sha256").asText()).hasSize(64);
        assertThat(reports.get(2).path("state").asText()).isEqualTo("failed");
        assertThat(reports.get(2).path("dead-letter").path("stage").asText()).isEqualTo("download");

        FerryCall again = ferry("retry", "--all-failed");
        assertThat(again.code()).as(again.all()).isEqualTo(ExitCode.FAILED);
        assertThat(again.err()).contains("no-such-base");
        Files.writeString(settings, Files.readString(settings).replace(folder.resolve("home") + "/no-such-adapter", material.training().toString())
                .replace(folder.resolve("home") + "/no-such-base", material.base().toString()));
        FerryCall healed = ferry("retry", "--all-failed");
        assertThat(healed.code()).as(healed.all()).isEqualTo(ExitCode.DONE);
        assertThat(healed.out()).contains("broken, run ").contains("release 1");
        FerryCall nothing = ferry("retry", "--all-failed");
        assertThat(nothing.code()).isEqualTo(ExitCode.DONE);
        assertThat(nothing.err()).contains("No failed run waits");

        FerryCall failed = ferry("runs", "--state", "failed", "--json");
        assertThat(JSON.readTree(failed.out())).hasSize(2).allSatisfy(run -> assertThat(run.path("model").asText()).isEqualTo("broken"));
        FerryCall list = ferry("runs", "--model", "mate");
        assertThat(list.out()).contains("mate").contains("done").doesNotContain("captain");
        String id = reports.get(1).path("id").asText();
        assertThat(ferry("runs", id.substring(id.length() - 6)).out()).contains("# mate: done").contains("| quantize | done | 1 |");
        assertThat(JSON.readTree(ferry("runs", id, "--json").out()).path("id").asText()).isEqualTo(id);
        assertThat(ferry("logs", "mate").out()).contains("download: begins").contains("quantize: ").contains("done after");
        assertThat(ferry("logs", id, "--stage", "download", "--follow").out()).contains("transferred").doesNotContain("quantize");
        List<String> structured = ferry("logs", id, "--json").out().lines().toList();
        assertThat(structured).hasSizeGreaterThan(5).allSatisfy(line -> assertThat(JSON.readTree(line).path("run").asText()).isEqualTo(id));
        assertThat(structured).anySatisfy(line -> assertThat(JSON.readTree(line).path("stage").asText()).isEqualTo("quantize"));
        assertThat(ferry("logs", id, "--json", "--stage", "download", "--follow").out().lines()).isNotEmpty().allSatisfy(line -> assertThat(JSON.readTree(line).path("stage").asText()).isEqualTo("download"));
        assertThat(JSON.readTree(ferry("status", "--json").out()).path("releases")).hasSize(3);
    }

    @Test
    void understandsTheFlagsOfTheOriginal() throws Exception {
        String[] usual = {"deploy", "--model", "captain", "--skip-health-check", "--skip-evaluation", "--adapter", material.training().toString()};
        assertThat(ferry(usual).code()).isEqualTo(ExitCode.DONE);
        FerryCall resumed = ferry("deploy", "--model", "captain", "--from-checkpoint", "--skip-download");
        assertThat(resumed.code()).as(resumed.all()).isEqualTo(ExitCode.DONE);
        assertThat(resumed.out()).contains("already done in run");
        FerryCall one = ferry("deploy", "--model", "captain", "--stage", "quantize", "--json");
        assertThat(JSON.readTree(one.out()).get(0).path("stages")).filteredOn(stage -> !stage.path("state").asText().equals("skipped")).isEmpty();
        FerryCall forced = ferry("deploy", "--model", "captain", "--stage", "quantize", "--force", "--json");
        assertThat(JSON.readTree(forced.out()).get(0).path("stages")).filteredOn(stage -> stage.path("state").asText().equals("done")).extracting(stage -> stage.path("stage").asText())
                .containsExactly("quantize");
        assertThat(ferry("deploy", "captain", "--formats", "Q4_0", "--quiet").out()).contains("release 2");
        FerryCall back = ferry("deploy", "--rollback", "captain", "--json");
        assertThat(back.code()).as(back.all()).isIn(ExitCode.DONE, ExitCode.DEGRADED);
        JsonNode told = JSON.readTree(back.out());
        assertThat(told.path("release").asInt()).isEqualTo(1);
        assertThat(told.path("replaced").asInt()).isEqualTo(2);
        assertThat(told.path("health").path("model").asText()).isEqualTo("captain");
        assertThat(told.path("health").path("answers")).isNotEmpty();
    }

    @Test
    void endsWithACodeThatSaysWhatWentWrong() {
        assertThat(ferry("deploy").code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("deploy", "captain", "--no-such-option").code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("retry").code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("cancel").code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("runs", "--state", "lost").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of().code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("deploy", "captian").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ferry("deploy", "captain", "--set", "pipeline.stages=download,sail").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ferry("deploy", "captain", "--stage", "sail").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ferry("deploy", "broken").code()).isEqualTo(ExitCode.FAILED);
        assertThat(ferry("logs", "20200101-000000-nobody-0000").code()).isEqualTo(ExitCode.FAILED);
    }

    @Test
    void cancelsARunThatWaitsAndSaysWhenThereIsNothingToCancel() throws Exception {
        Files.createDirectories(folder.resolve("home"));
        String id;
        try (Ledger ledger = ledger()) {
            id = ledger.runs().open("captain", "inbox", "{\"model\":\"captain\"}", "{}", folder.resolve("home/runs")).run().id();
        }
        String second;
        try (Ledger ledger = ledger()) {
            second = ledger.runs().open("mate", "inbox", "{\"model\":\"mate\"}", "{}", folder.resolve("home/runs")).run().id();
        }
        FerryCall asJson = ferry("cancel", second, "--json");
        assertThat(asJson.code()).as(asJson.all()).isEqualTo(ExitCode.DONE);
        assertThat(JSON.readTree(asJson.out())).isEqualTo(JSON.readTree("[{\"run\": \"" + second + "\", \"model\": \"mate\", \"state\": \"cancelled\"}]"));
        FerryCall cancelled = ferry("cancel", id.substring(id.length() - 4));
        assertThat(cancelled.code()).as(cancelled.all()).isEqualTo(ExitCode.DONE);
        assertThat(cancelled.out()).contains("run " + id + ": cancelled");
        FerryCall nothing = ferry("cancel", "--all", "--json");
        assertThat(nothing.out().strip()).isIn("[]", "[ ]");
        FerryCall again = ferry("cancel", id);
        assertThat(again.code()).isEqualTo(ExitCode.FAILED);
        assertThat(again.err()).contains("has ended already (cancelled)");
        assertThat(ferry("cancel", "--all").out()).contains("No run waits");
        FerryCall carried = ferry("retry", id, "--quiet");
        assertThat(carried.code()).as(carried.all()).isEqualTo(ExitCode.DONE);
        try (Ledger ledger = ledger()) {
            Run newest = ledger.runs().newest(1).getFirst();
            assertThat(newest.trigger()).isEqualTo("retry");
            assertThat(newest.state()).isEqualTo(RunState.DONE);
        }
    }
}
