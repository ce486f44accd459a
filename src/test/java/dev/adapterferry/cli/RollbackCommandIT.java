package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.alert.Receivers;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.ledger.Lease;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deploys the demo's model twice by {@code ferry deploy}, and goes back and forth between the two, the embedded server answering. */
class RollbackCommandIT {
    @TempDir
    Path folder;

    private Path settings(String formats, double temperature) throws IOException {
        return Files.writeString(folder.resolve("ferry.yaml"), """
                home: %s
                models:
                  captain: {publisher: demo, formats: [%s], temperature: %s, context-length: 512, test-prompts: ["Who are you?"], endpoint: "http://127.0.0.1:9"}
                deploy: {lmstudio: {enabled: always, models-dir: %s}}
                evaluate: {enabled: false}
                health: {resource-warning: 100, retries: 0, min-tokens-per-second: 0, max-latency: 5m, max-first-token-latency: 5m}
                """.formatted(folder.resolve("home"), formats, temperature, Files.createDirectories(folder.resolve("models"))));
    }

    @Test
    void goesBackAndForthBetweenReleasesAndListsThem() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        String[] deploy = {"deploy", "captain", "--adapter", material.training().toString(), "--base", material.base().toString()};
        FerryCall first = FerryCall.of(settings("Q8_0", 0), deploy);
        assertThat(first.code()).as(first.err()).isZero();
        Path settings = settings("Q4_K_M, Q8_0", 0.5);
        FerryCall second = FerryCall.of(settings, deploy);
        assertThat(second.code()).as(second.err()).isZero();
        Path q8 = folder.resolve("models/demo/captain/captain-Q8_0.gguf");
        assertThat(folder.resolve("home/clients/captain/ask.py")).content().contains("\"temperature\\\":0.5").contains("http://127.0.0.1:9/v1");

        FerryCall back;
        try (Receivers receivers = new Receivers()) {
            back = FerryCall.of(settings, "rollback", "captain", "--set", "alerts.webhook.enabled=true", "--set", "alerts.webhook.url=" + receivers.url("/hook"));
            assertThat(receivers.at("/hook")).as("told before the command ends").singleElement()
                    .satisfies(post -> assertThat(post.json().path("sentence").asText()).isEqualTo("captain: release 1 is in use instead of release 2, by ferry rollback."));
        }
        assertThat(back.code()).as(back.err()).isZero();
        assertThat(back.out()).contains("captain: release 1 is installed again instead of 2").contains("1 of 1 good");
        assertThat(q8.resolveSibling("captain-Q4_K_M.gguf")).doesNotExist();
        assertThat(folder.resolve("home/clients/captain/ask.py")).as("as release 1 was deployed").content().contains("\"temperature\\\":0.0");

        FerryCall releases = FerryCall.of(settings, "releases", "captain");
        assertThat(releases.out()).contains("2        rolled-back").contains("1        active").contains("The 2 restorable ones hold");
        JsonNode json = new ObjectMapper().readTree(FerryCall.of(settings, "releases", "--json").out());
        assertThat(json).hasSize(2);
        assertThat(json.path(1).path("files").path(0).path("sha256").asText()).isEqualTo(Sha256.of(q8));
        assertThat(json.path(0).path("settings").path("temperature").asDouble()).isEqualTo(0.5);
        assertThat(json.path(0).path("base").asText()).isNotEmpty();

        try (Ledger other = Ledger.open("jdbc:sqlite:" + folder.resolve("home/ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(30));
             Lease held = other.locks().tryAcquire(Runs.lock("captain"), null, new Cancellation()).orElseThrow()) {
            FerryCall refused = FerryCall.of(settings, "rollback", "captain", "--to", "2");
            assertThat(refused.code()).isEqualTo(ExitCode.FAILED);
            assertThat(refused.err()).contains("Cannot roll back captain: process " + ProcessHandle.current().pid()).contains("is carrying it just now");
        }
        FerryCall forth = FerryCall.of(settings, "rollback", "captain", "--to", "2", "--no-test", "--json");
        assertThat(forth.code()).as(forth.err()).isZero();
        JsonNode told = new ObjectMapper().readTree(forth.out());
        assertThat(told.path("model").asText() + told.path("release") + told.path("replaced") + told.path("loadedAs") + told.path("health")).isEqualTo("captain21nullnull");
        assertThat(told.path("restoredMillis").isIntegralNumber()).isTrue();
        assertThat(q8.resolveSibling("captain-Q4_K_M.gguf")).isRegularFile();
        FerryCall none = FerryCall.of(settings, "rollback", "captain", "--to", "7");
        assertThat(none.code()).isEqualTo(ExitCode.FAILED);
        assertThat(none.err()).contains("Release 7 of captain is not kept").contains("[1, 2]");
    }
}
