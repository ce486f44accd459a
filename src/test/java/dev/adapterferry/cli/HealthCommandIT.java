package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.modelserver.LmStudioDouble;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ferry health} on the demo's model, deployed by {@code ferry deploy}: what it says, and that its exit code is true. */
class HealthCommandIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path folder;
    private static Path settings;

    @BeforeAll
    static void deploy() throws IOException {
        DemoMaterial material = new DemoMaterial(folder);
        material.unpack();
        settings = write("ferry.yaml", "home", "auto", "http://127.0.0.1:9", "");
        FerryCall deployed = FerryCall.of(settings, "deploy", "captain", "--adapter", material.training().toString(), "--base", material.base().toString());
        assertThat(deployed.code()).as(deployed.err()).isEqualTo(ExitCode.DONE);
    }

    private static Path write(String name, String home, String serve, Object endpoint, String more) throws IOException {
        Path models = Files.createDirectories(folder.resolve("models"));
        return Files.writeString(folder.resolve(name), """
                home: %s
                models:
                  captain: {publisher: demo, formats: [Q4_K_M, Q8_0], temperature: 0, context-length: 512, test-prompts: ["Who are you?", "What can you do?"], endpoint: "%s"}
                  nobody: {}
                deploy: {lmstudio: {enabled: always, models-dir: %s}}
                serve: {enabled: %s}
                evaluate: {enabled: false}
                health: {resource-warning: 100, retries: 0, min-tokens-per-second: 0, max-latency: 5m, max-first-token-latency: 5m%s}
                """.formatted(folder.resolve(home), endpoint, models, serve, more));
    }

    private static JsonNode json(FerryCall call) throws IOException {
        JsonNode json = JSON.readTree(call.out());
        assertThat(JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(Files.readString(Path.of("src/docs/health.schema.json"))).validate(json)).isEmpty();
        assertThat(json.path("exitCode").asInt()).isEqualTo(call.code());
        return json;
    }

    @Test
    void findsADeployedModelHealthyByServingItItself() throws IOException {
        FerryCall call = FerryCall.of(settings, "health", "captain", "--json");
        JsonNode model = json(call).path("models").path(0);
        assertThat(call.code()).as(call.out()).isZero();
        assertThat(model.path("files")).hasSize(2).allMatch(file -> file.path("intact").asBoolean() && file.path("gguf").path("architecture").asText().equals("qwen2"));
        assertThat(model.path("api").path("listed").asBoolean()).isTrue();
        assertThat(model.path("answers")).hasSize(2).allMatch(answer -> answer.path("passed").asBoolean() && answer.path("tokensPerSecond").asDouble() > 0
                && answer.path("firstTokenMillis").asLong() <= answer.path("latencyMillis").asLong());
        assertThat(model.path("system").path("memoryTotalBytes").asLong()).isPositive();
    }

    @Test
    void saysForPeopleWhatItSaw() {
        FerryCall call = FerryCall.of(settings, "health", "--all", "--detailed");
        assertThat(call.code()).as(call.out()).isZero();
        assertThat(call.out()).contains("captain  healthy  2 of 2 whole  openai-compatible  2 of 2 good").contains("as installed").contains("answered  ").contains("disk ").contains("memory ");
    }

    @Test
    void leavesOutWhatIsNotAskedFor() throws IOException {
        JsonNode files = json(FerryCall.of(settings, "health", "captain", "--files-only", "--json")).path("models").path(0);
        assertThat(files.path("files")).hasSize(2);
        assertThat(files.path("api").isNull() && files.path("answers").isNull() && files.path("system").isNull()).isTrue();
        JsonNode api = json(FerryCall.of(settings, "health", "captain", "--api-only", "--json")).path("models").path(0);
        assertThat(api.path("api").path("listed").asBoolean()).isTrue();
        assertThat(api.path("files").isNull() && api.path("answers").isNull()).isTrue();
        JsonNode quiet = json(FerryCall.of(settings, "health", "captain", "--no-test", "--json")).path("models").path(0);
        assertThat(quiet.path("answers").isNull()).isTrue();
        assertThat(quiet.path("files")).hasSize(2);
        assertThat(quiet.path("system").isObject()).isTrue();
    }

    @Test
    void endsWith7ForADegradedModel() throws IOException {
        FerryCall call = FerryCall.of(settings, "health", "captain", "--json", "--set", "health.min-tokens-per-second=100000000");
        assertThat(call.code()).isEqualTo(ExitCode.DEGRADED);
        assertThat(json(call).path("models").path(0).path("findings")).allMatch(finding -> finding.path("status").asText().equals("degraded") && finding.path("sentence").asText().contains("tokens/s"));
    }

    @Test
    void endsWith6ForATruncatedFileAndDoesNotLoadIt() throws IOException {
        Path file = folder.resolve("models/demo/captain/captain-Q4_K_M.gguf");
        byte[] whole = Files.readAllBytes(file);
        try {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                channel.truncate(whole.length - 100);
            }
            FerryCall call = FerryCall.of(settings, "health", "captain", "--json");
            assertThat(call.code()).isEqualTo(ExitCode.UNHEALTHY);
            JsonNode model = json(call).path("models").path(0);
            assertThat(model.path("findings").findValuesAsText("sentence")).anyMatch(sentence -> sentence.contains(file.toString()) && sentence.contains(whole.length + " were installed"));
            assertThat(model.path("answers").isNull()).as("a broken file is not loaded into this process").isTrue();
        } finally {
            Files.write(file, whole);
        }
    }

    @Test
    void endsWith6WhenNothingIsDeployedOrNothingAnswers() throws IOException {
        FerryCall missing = FerryCall.of(settings, "health", "nobody", "--json");
        assertThat(missing.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(json(missing).path("models").path(0).path("findings").path(0).path("sentence").asText()).contains("nobody has no installed file");

        FerryCall empty = FerryCall.of(write("empty.yaml", "empty", "auto", "http://127.0.0.1:9", ""), "health", "--all");
        assertThat(empty.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(empty.out()).contains("Nothing is deployed");

        FerryCall silent = FerryCall.of(write("silent.yaml", "home", "never", "http://127.0.0.1:9", ""), "health", "captain");
        assertThat(silent.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(silent.out()).contains("no answer").contains("127.0.0.1:9");
    }

    @Test
    void endsWith6WhenAnotherModelAnswers() throws IOException {
        Path elsewhere = Files.createDirectories(folder.resolve("elsewhere/acme/veran"));
        Path other = Files.writeString(elsewhere.resolve("veran-Q4_K_M.gguf"), "weights");
        try (LmStudioDouble server = new LmStudioDouble(folder.resolve("elsewhere"))) {
            server.justInTime = false;
            server.instances.put("veran", new LmStudioDouble.Instance("veran", other, "Q4_K_M", 512));
            FerryCall call = FerryCall.of(write("wrong.yaml", "home", "auto", server.base(), ""), "health", "captain");
            assertThat(call.code()).isEqualTo(ExitCode.UNHEALTHY);
            assertThat(call.out()).contains("lm-studio, not listed").contains("does not list 'captain'").contains("came from 'veran', asked was 'captain'");
        }
    }

    /** A command line with the exit code that it must have, with {@code --json} as without. */
    private record Case(int code, Path settings, String... arguments) {
        @Override
        public String toString() {
            return settings.getFileName() + ": ferry health " + String.join(" ", arguments);
        }
    }

    /** Healthy 0, degraded 7, unhealthy 6, settings 3, usage 2: on every path. */
    @Test
    void everyPathEndsWithItsCode() throws IOException {
        Path silent = write("silent.yaml", "home", "never", "http://127.0.0.1:9", "");
        Path empty = write("empty.yaml", "empty", "auto", "http://127.0.0.1:9", "");
        // Some of any machine's memory is in use.
        Path full = write("full.yaml", "home", "never", "http://127.0.0.1:9", ", retry-delay: 0s");
        Files.writeString(full, Files.readString(full).replace("resource-warning: 100", "resource-warning: 1"));
        List<Case> cases = List.of(
                new Case(0, settings, "captain", "--files-only"), new Case(0, settings, "--model", "captain", "--files-only"), new Case(0, settings, "--all", "--files-only"),
                new Case(0, settings, "--files-only"), new Case(0, settings, "--files-only", "--detailed"), new Case(0, settings, "captain", "--api-only"),
                new Case(0, settings, "captain", "--no-test", "--detailed"),
                new Case(7, settings, "captain", "--set", "health.resource-warning=1"), new Case(0, full, "captain", "--files-only"), new Case(6, full, "captain", "--no-test"),
                new Case(6, silent, "captain"), new Case(6, silent, "captain", "--api-only"), new Case(6, silent, "captain", "--no-test"), new Case(6, silent, "captain", "--detailed"),
                new Case(0, silent, "captain", "--files-only"),
                new Case(6, settings, "nobody"), new Case(6, settings, "nobody", "--files-only"), new Case(6, settings, "nobody", "--api-only"), new Case(6, settings, "nobody", "--no-test"),
                new Case(6, settings, "nobody", "--detailed"), new Case(6, settings, "captain", "nobody", "--files-only"),
                new Case(6, empty), new Case(6, empty, "--all"), new Case(6, empty, "--files-only"), new Case(6, empty, "--all", "--detailed"),
                new Case(3, settings, "captian"), new Case(3, settings, "captain", "captian", "--files-only"), new Case(3, settings, "--set", "health.retries=many"),
                new Case(2, settings, "captain", "--all"), new Case(2, settings, "--files-only", "--api-only"), new Case(2, settings, "--no-test", "--files-only"), new Case(2, settings, "--file-only"));
        for (Case each : cases) {
            FerryCall plain = FerryCall.of(each.settings(), command(each));
            assertThat(plain.code()).as(each + "\n" + plain.out() + plain.err()).isEqualTo(each.code());
            String[] more = java.util.Arrays.copyOf(command(each), each.arguments().length + 2);
            more[more.length - 1] = "--json";
            FerryCall json = FerryCall.of(each.settings(), more);
            assertThat(json.code()).as(each + " --json").isEqualTo(each.code());
            if (each.code() == ExitCode.USAGE || each.code() == ExitCode.SETTINGS) {
                assertThat(json.out()).as(each + ": no document that says nothing").isEmpty();
                assertThat(json.err()).as(each.toString()).isNotBlank();
            } else {
                assertThat(json(json).path("status").asText()).as(each.toString()).isEqualTo(each.code() == 0 ? "healthy" : each.code() == 7 ? "degraded" : "unhealthy");
            }
        }
    }

    private static String[] command(Case each) {
        return java.util.stream.Stream.concat(java.util.stream.Stream.of("health"), java.util.Arrays.stream(each.arguments())).toArray(String[]::new);
    }

    @Test
    void wrongWordsOfTheUserHaveTheirOwnCodes() {
        assertThat(FerryCall.of(settings, "health", "captian").code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(FerryCall.of(settings, "health", "--files-only", "--api-only").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "health", "captain", "--all").code()).isEqualTo(ExitCode.USAGE);
        assertThat(FerryCall.of(settings, "health", "--help").out()).contains("0 every model is healthy").contains("7 a model is degraded").contains("6 a model is unhealthy");
    }
}
