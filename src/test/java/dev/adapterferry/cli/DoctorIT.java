package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.hub.HubDouble;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The doctor and the dry run: what they say, their exit codes, and that they change nothing. */
class DoctorIT {
    private static final String BASE = "adapterferry/demo-base";

    @TempDir
    Path folder;
    private final HubDouble hub = new HubDouble();
    private DemoMaterial material;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        hub.repository = BASE;
        try (Stream<Path> files = Files.list(material.base())) {
            for (Path file : files.toList()) {
                hub.file(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        Files.writeString(folder.resolve("ferry.yaml"), "home: " + folder.resolve("home") + "\nmodels:\n  captain: {publisher: demo, formats: [Q8_0, Q4_K_M], source: {url: \"file:"
                + material.training() + "\"}}\ndeploy: {lmstudio: {enabled: never}}\nserve: {enabled: always}\nevaluate: {enabled: false}\npipeline: {retries: {attempts: 0}}\nhub: {endpoint: \"" + hub.endpoint()
                + "\", cache: " + folder.resolve("cache") + "}\n");
    }

    @AfterEach
    void close() {
        hub.close();
    }

    private FerryCall ferry(String... arguments) {
        return FerryCall.of(folder.resolve("ferry.yaml"), arguments);
    }

    private void assertNothingWasMade() throws IOException {
        for (String name : List.of("home", "cache")) {
            if (Files.exists(folder.resolve(name))) {
                try (Stream<Path> files = Files.walk(folder.resolve(name))) {
                    assertThat(files.filter(Files::isRegularFile).filter(f -> !f.toString().endsWith(".log"))).isEmpty();
                }
            }
        }
    }

    @Test
    void judgesFoldersThatNoSettingNames() throws IOException {
        FerryCall ended = ferry("doctor", "--adapter", material.training().toString(), "--base", material.base().toString());
        assertThat(ended.code()).as(ended.out() + ended.err()).isEqualTo(ExitCode.DONE);
        assertThat(ended.out()).contains("LoRA, rank 8, alpha 16").contains("becomes qwen2").contains("byte-level BPE, pre-tokenizer qwen2, 512 tokens, with a chat template").contains("tensors of the base are adapted")
                .contains("the embedding serves as the output too").contains("which fits").contains("kernels timed just now");
        assertNothingWasMade();
    }

    @Test
    void readsOnlyHeadersOfABaseOnTheHub() throws Exception {
        FerryCall ended = ferry("doctor", "captain", "--json");
        assertThat(ended.code()).as(ended.out() + ended.err()).isEqualTo(ExitCode.DONE);
        JsonNode report = new ObjectMapper().readTree(ended.out());
        assertThat(report.path("healthy").asBoolean()).isTrue();
        assertThat(text(report, "base")).contains(BASE).contains(HubDouble.COMMIT.substring(0, 12)).contains("to download from the hub");
        assertThat(text(report, "architecture")).contains("Qwen2ForCausalLM becomes qwen2");
        assertThat(text(report, "vocabulary")).contains("read when the base is here");
        assertThat(report.at("/forecast/formats/0/bytes").asLong()).isGreaterThan(1_000_000);
        long whole = Files.size(material.base().resolve("model.safetensors"));
        assertThat(hub.served.get()).as("bytes that the hub sent, of " + whole).isLessThan(whole / 2);
        assertNothingWasMade();
    }

    private static String text(JsonNode report, String check) {
        for (JsonNode finding : report.path("findings")) {
            if (finding.path("check").asText().equals(check)) {
                return finding.path("text").asText();
            }
        }
        return "";
    }

    @Test
    void refusesAnUnsupportedBaseBeforeItIsDownloaded() throws IOException {
        hub.file("config.json", Files.readString(material.base().resolve("config.json")).replace("Qwen2ForCausalLM", "Qwen9ForCausalLM").getBytes(StandardCharsets.UTF_8));
        FerryCall doctor = ferry("doctor", "captain");
        assertThat(doctor.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(doctor.out()).contains("architecture 'Qwen9ForCausalLM' is not supported").contains("Qwen2ForCausalLM").contains("Qwen3ForCausalLM");
        assertNothingWasMade();
        FerryCall deploy = ferry("deploy", "captain");
        assertThat(deploy.code()).isEqualTo(ExitCode.FAILED);
        assertThat(deploy.err() + deploy.out()).contains("architecture 'Qwen9ForCausalLM' is not supported");
        assertThat(folder.resolve("cache/models--adapterferry--demo-base/snapshots")).doesNotExist();
        assertThat(hub.served.get()).isLessThan(Files.size(material.base().resolve("model.safetensors")));
    }

    @Test
    void saysWhatItCannotKnowWithoutTheHub() throws IOException {
        FerryCall ended = ferry("doctor", "captain", "--set", "hub.offline=true");
        assertThat(ended.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(ended.out()).contains("FAILED   base").contains("hub.offline").contains("ok       adapter");
        assertNothingWasMade();
    }

    @Test
    void saysThatAdapterAndBaseDoNotFit() throws IOException {
        Path config = material.training().resolve("adapter_config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\"r\" : 8", "\"r\" : 16"));
        FerryCall ended = ferry("doctor", "captain", "--adapter", material.training().toString(), "--base", material.base().toString());
        assertThat(ended.code()).isEqualTo(ExitCode.UNHEALTHY);
        assertThat(ended.out()).contains("FAILED   fit").contains("rank");
    }

    @Test
    void wantsToKnowWhatToLookAt() {
        assertThat(ferry("doctor").code()).isEqualTo(ExitCode.USAGE);
        assertThat(ferry("doctor", "captian").code()).isEqualTo(ExitCode.SETTINGS);
    }

    @Test
    void planTellsWhatIsDueAndWhatWasDone() throws IOException {
        String[] request = {"deploy", "captain", "--adapter", material.training().toString(), "--base", material.base().toString(), "--skip-health-check"};
        FerryCall before = ferry(Stream.concat(Stream.of(request), Stream.of("--dry-run")).toArray(String[]::new));
        assertThat(before.code()).as(before.out() + before.err()).isEqualTo(ExitCode.DONE);
        assertThat(before.out()).containsPattern("quantize +due").containsPattern("health-check +skipped +left out by the command line")
                .containsPattern("download +due.*\\(nothing to transfer\\)").containsPattern("quantize +due.* s \\((kernels timed just now|.*assumed 500.0 MB/s)").containsPattern("all +about \\d+ s");
        assertNothingWasMade();
        FerryCall done = ferry(request);
        assertThat(done.code()).as(done.err()).isEqualTo(ExitCode.DONE);
        FerryCall after = ferry(Stream.concat(Stream.of(request), Stream.of("--dry-run")).toArray(String[]::new));
        assertThat(after.out()).containsPattern("merge +skipped +the same inputs were done in run").containsPattern("quantize +skipped").containsPattern("deploy +skipped");
        FerryCall forced = ferry(Stream.concat(Stream.of(request), Stream.of("--dry-run", "--formats", "Q5_K_M")).toArray(String[]::new));
        assertThat(forced.out()).containsPattern("merge +skipped").containsPattern("quantize +due +was not done for these inputs").containsPattern("deploy +due");
        try (Stream<Path> runs = Files.list(folder.resolve("home/runs"))) {
            assertThat(runs).as("one run, the dry ones left none").hasSize(1);
        }
        // The forecast is what was made.
        try (Stream<Path> files = Files.walk(folder.resolve("home/gguf"))) {
            long made = files.filter(f -> f.toString().endsWith(".gguf")).mapToLong(f -> f.toFile().length()).sum();
            assertThat(before.out()).contains(Console.bytes(made));
        }
    }
}
