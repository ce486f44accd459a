package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.DemoVastApi;
import dev.adapterferry.files.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the original's flags mean, seen in the plan that {@code --dry-run} prints, and that it changes nothing. */
class DryRunIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private DemoMaterial material;
    private Path settings;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        settings = Files.writeString(folder.resolve("ferry.yaml"), """
                home: %1$s
                models:
                  captain: {base: %2$s, source: {url: "file:%3$s"}}
                  mate: {base: %2$s, source: {url: "file:%3$s"}}
                quantize: {formats: [Q8_0], primary-format: Q8_0}
                source: {settle: 0}
                vast: {enabled: never, api-key: none}
                deploy: {lmstudio: {enabled: always, models-dir: %4$s}}
                serve: {enabled: always}
                routes: {path: %5$s}
                health: {retries: 0, resource-warning: 100}
                pipeline: {retries: {attempts: 0}}
                """.formatted(folder.resolve("home"), material.base(), material.training(), Files.createDirectories(folder.resolve("models")), Path.of("routes").toAbsolutePath()));
    }

    private JsonNode plan(String... flags) throws IOException {
        List<String> all = new ArrayList<>(List.of("deploy", "--dry-run", "--json"));
        all.addAll(List.of(flags));
        FerryCall call = FerryCall.of(settings, all.toArray(String[]::new));
        assertThat(call.code()).as(call.out() + call.err()).isIn(ExitCode.DONE, ExitCode.UNHEALTHY);
        return JSON.readTree(call.out());
    }

    private static String due(JsonNode plan) {
        return String.join(" ", plan.path("stages").valueStream().filter(stage -> stage.path("due").asBoolean()).map(stage -> stage.path("stage").asText()).toList());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "--all-models                                                                       | captain mate | download merge quantize deploy health-check evaluate",
        "--model captain --stage quantize                                                   | captain      | quantize",
        "--model mate --from-checkpoint --skip-download --skip-health-check --skip-evaluation | mate       | merge quantize deploy"})
    void flagsOfTheOriginalMeanWhatTheyMeant(String flags, String models, String due) throws IOException {
        JsonNode plans = plan(flags.split(" "));
        assertThat(String.join(" ", plans.findValuesAsText("model"))).isEqualTo(models);
        assertThat(plans).allSatisfy(plan -> assertThat(due(plan)).as(plan.toPrettyString()).isEqualTo(due));
        assertThat(folder.resolve("home")).as("not even the working directory is made").doesNotExist();
    }

    @Test
    void flagsOfTheOriginalThatNameAnInstanceAReleaseAndTheSettings() throws IOException {
        try (DemoVastApi vast = DemoVastApi.start(7, "captain", "none", 1)) {
            FerryCall elsewhere = FerryCall.of(settings, "deploy", "--model", "captain", "--instance-id", "4711", "--set", "vast.api-url=" + vast.address());
            assertThat(elsewhere.code()).isEqualTo(ExitCode.FAILED);
            assertThat(elsewhere.err()).as("the instance is asked for").contains("4711");
        }
        FerryCall back = FerryCall.of(settings, "deploy", "--rollback", "captain");
        assertThat(back.code()).isEqualTo(ExitCode.FAILED);
        assertThat(back.err()).as("nothing is deployed").contains("captain");
        assertThat(FerryCall.of(folder.resolve("no-such.yaml"), "deploy", "--dry-run", "--model", "captain").err()).as("--config").contains("no-such.yaml");
    }

    /** Every file below a folder with the hash of its content, and every folder. */
    private static Map<String, String> snapshot(Path folder) throws IOException {
        Map<String, String> all = new TreeMap<>();
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file : files.toList()) {
                    all.put(folder.relativize(file).toString(), Files.isDirectory(file) ? "a folder" : Sha256.of(file));
                }
            }
        }
        return all;
    }

    @Test
    void changesNothing() throws IOException {
        FerryCall done = FerryCall.of(settings, "deploy", "captain", "--skip-evaluation", "--skip-health-check", "--quiet");
        assertThat(done.code()).as(done.err()).isZero();
        Map<String, String> home = snapshot(folder.resolve("home"));
        Map<String, String> models = snapshot(folder.resolve("models"));
        assertThat(home).containsKey("ledger.db");
        assertThat(models.keySet()).anyMatch(file -> file.endsWith(".gguf"));
        plan("--all");
        plan("captain", "--formats", "Q4_0,Q8_0", "--force");
        FerryCall words = FerryCall.of(settings, "deploy", "--dry-run", "captain");
        assertThat(words.out()).contains("due").contains("Q8_0");
        assertThat(snapshot(folder.resolve("home"))).isEqualTo(home);
        assertThat(snapshot(folder.resolve("models"))).isEqualTo(models);
    }
}
