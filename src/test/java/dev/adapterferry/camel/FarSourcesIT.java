package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.files.Folders;
import dev.adapterferry.hub.HubDouble;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.S3Double;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunRequest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs whose adapter lies in a bucket or a repository and whose base is a repository, through the real routes. */
class FarSourcesIT {
    @TempDir
    Path folder;
    private final HubDouble hub = new HubDouble();
    private final S3Double store = new S3Double();
    private final Set<String> heard = ConcurrentHashMap.newKeySet();
    private DemoMaterial material;

    @BeforeEach
    void unpack() throws IOException {
        material = new DemoMaterial(folder.resolve("material"));
        material.unpack();
        hub.repository = "adapterferry/demo-base";
        try (Stream<Path> files = Files.list(material.base())) {
            for (Path file : files.toList()) {
                hub.file(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
    }

    @AfterEach
    void close() {
        hub.close();
        store.close();
    }

    private void fillBucket() throws IOException {
        try (Stream<Path> files = Files.list(material.training())) {
            for (Path file : files.toList()) {
                store.objects.put("adapters/captain/" + file.getFileName(), Files.readAllBytes(file));
            }
        }
        store.objects.put("adapters/captain/optimizer.pt", new byte[100]);
        store.objects.put("adapters/captain/chat_template.jinja", "{{ messages }}".getBytes(StandardCharsets.UTF_8));
        store.objects.put("adapters/captain/additional_chat_templates/rag.jinja", "{{ documents }}".getBytes(StandardCharsets.UTF_8));
    }

    private Settings settings(String source, Map<String, String> more) throws IOException {
        Path file = folder.resolve("ferry.yaml");
        Files.writeString(file, """
                home: %s
                models:
                  captain: {base: adapterferry/demo-base, source: {url: "%s"}, formats: [Q8_0]}
                source: {settle: 0s, archive: zstd, s3: {endpoint: "%s", access-key: %s, secret-key: key-of-the-double, path-style: true}}
                hub: {endpoint: "%s", cache: %s}
                pipeline: {stages: [download, merge, quantize], retries: {attempts: 0}}
                """.formatted(folder.resolve("home"), source, store.endpoint(), S3Double.ACCESS_KEY, hub.endpoint(), folder.resolve("cache")));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), new HashMap<>(more)).settings();
    }

    private FerryApplication.Outcome carry(Settings settings) {
        return carry(settings, RunRequest.of("captain", "command"));
    }

    private FerryApplication.Outcome carry(Settings settings, RunRequest request) {
        try (FerryApplication ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), step -> heard.add(step.activity()))) {
            return ferry.carry(request);
        }
    }

    private static Records records(Settings settings, FerryApplication.Outcome outcome) {
        return new Records(settings.runs().resolve(outcome.id()));
    }

    @Test
    void mergesAnAdapterFromABucketIntoABaseFromTheHub() throws IOException {
        fillBucket();
        Settings settings = settings("s3://lake/adapters/captain", Map.of());
        store.corruptions = 1;
        FerryApplication.Outcome first = carry(settings);
        assertThat(first.sentence()).isEmpty();
        assertThat(first.done()).isTrue();
        Facts.Downloaded downloaded = records(settings, first).get(Stage.DOWNLOAD, Facts.Downloaded.class);
        assertThat(downloaded.source()).isEqualTo("s3://lake/adapters/captain");
        assertThat(downloaded.adapter().resolve("adapter_model.safetensors")).hasBinaryContent(store.objects.get("adapters/captain/adapter_model.safetensors"));
        assertThat(downloaded.adapter().resolve("additional_chat_templates/rag.jinja")).hasContent("{{ documents }}");
        assertThat(downloaded.archive()).isRegularFile().hasFileName("captain-" + downloaded.identity().substring(0, 12) + ".tar.zst");
        assertThat(store.asked).noneMatch(a -> a.endsWith("optimizer.pt"));
        Facts.Merged merged = records(settings, first).get(Stage.MERGE, Facts.Merged.class);
        assertThat(merged.baseName()).isEqualTo("adapterferry/demo-base");
        assertThat(merged.baseCommit()).isEqualTo(HubDouble.COMMIT);
        assertThat(merged.baseIdentity()).isEqualTo("adapterferry/demo-base@" + HubDouble.COMMIT);
        assertThat(merged.base()).isEqualTo(folder.resolve("cache/models--adapterferry--demo-base/snapshots/" + HubDouble.COMMIT));
        assertThat(heard).contains("captain: pulling adapter_model.safetensors", "adapterferry/demo-base: pulling model.safetensors");

        long served = hub.served.get();
        FerryApplication.Outcome again = carry(settings);
        assertThat(again.stages()).extracting(FerryApplication.Outcome.Line::result).satisfies(results -> assertThat(results.subList(0, 3).toString())
                .containsSubsequence("nothing to transfer", "already done in run", "already done in run"));
        assertThat(hub.served.get()).as("a base that nobody needs is not even looked into").isEqualTo(served);

        Folders.delete(merged.base().getParent().getParent());
        Settings further = settings("s3://lake/adapters/captain", Map.of("models.captain.formats", "[Q8_0, Q4_K_M]"));
        assertThat(carry(further).sentence()).as("a base that was deleted is fetched again for a further format").isEmpty();
        assertThat(merged.base().resolve("model.safetensors")).isRegularFile();
    }

    @Test
    void knowsAnAdapterAgainForWhichTheStoreStatesNoDigest() throws IOException {
        fillBucket();
        store.inParts = true;
        Settings settings = settings("s3://lake/adapters/captain", Map.of("pipeline.stages", "[download]"));
        assertThat(records(settings, carry(settings)).get(Stage.DOWNLOAD, Facts.Downloaded.class).bytes()).isPositive();
        store.encryption = "aws:kms";
        store.asked.clear();
        FerryApplication.Outcome again = carry(settings);
        assertThat(records(settings, again).get(Stage.DOWNLOAD, Facts.Downloaded.class).bytes()).as(again.sentence()).isZero();
        assertThat(store.asked).noneMatch(a -> a.equals("GET /lake/adapters/captain/README.md"));
    }

    @Test
    void saysWhatIsWrongWithABucket() throws IOException {
        Settings settings = settings("s3://puddle/adapters", Map.of("models.mate.source.url", "s3://lake/nothing/here", "models.mate.base", "adapterferry/demo-base"));
        try (FerryApplication ferry = FerryApplication.forCommand(settings, Path.of("").toAbsolutePath(), Progress.NONE)) {
            assertThat(ferry.carry(RunRequest.of("captain", "command")).sentence()).contains("s3://puddle").contains("no such bucket");
            assertThat(ferry.carry(RunRequest.of("mate", "command")).sentence()).contains("There is nothing at s3://lake/nothing/here");
        }
        assertThat(carry(settings("s3://lake/adapters", Map.of("source.s3.access-key", "AKIAOTHER"))).sentence()).contains("access is refused").contains("InvalidAccessKeyId");
        assertThat(carry(settings("s3://lake/adapters", Map.of("source.s3.endpoint", "http://127.0.0.1:1"))).sentence()).contains("does not answer").contains("source.s3.endpoint");
    }

    @Test
    void carriesAnAdapterFromARepositoryPinnedByItsCommit() throws IOException {
        hub.repository = "org/demo-adapter";
        hub.files.clear();
        for (String name : List.of("adapter_model.safetensors", "adapter_config.json", "README.md")) {
            hub.file(name, Files.readAllBytes(material.training().resolve(name)));
        }
        Settings settings = settings("hf:org/demo-adapter@" + HubDouble.COMMIT, Map.of("models.captain.base", material.base().toString()));
        FerryApplication.Outcome outcome = carry(settings);
        assertThat(outcome.sentence()).isEmpty();
        assertThat(records(settings, outcome).get(Stage.DOWNLOAD, Facts.Downloaded.class).source()).startsWith("org/demo-adapter@" + HubDouble.COMMIT.substring(0, 12));
        assertThat(records(settings, outcome).get(Stage.MERGE, Facts.Merged.class).base()).isEqualTo(material.base());
    }

    private void makeTheBaseOfAnUnknownKind() throws IOException {
        hub.file("config.json", Files.readString(material.base().resolve("config.json")).replace("Qwen2ForCausalLM", "Qwen9ForCausalLM").getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void asksNothingOfTheAdaptersPlaceWhenTheNamedBaseCannotBeConverted() throws IOException {
        fillBucket();
        makeTheBaseOfAnUnknownKind();
        Settings settings = settings("s3://lake/adapters/captain", Map.of());
        FerryApplication.Outcome refused = carry(settings);
        assertThat(refused.done()).isFalse();
        assertThat(refused.sentence()).contains("adapterferry/demo-base", "architecture 'Qwen9ForCausalLM' is not supported", "Qwen2ForCausalLM");
        assertThat(store.asked).isEmpty();
        assertThat(hub.asked).as("one question for the commit, one for the configuration").hasSize(2).last().asString().endsWith("/config.json");
        assertThat(hub.served.get()).isLessThan(4096);
        assertThat(folder.resolve("home/adapters/captain")).doesNotExist();
        assertThat(folder.resolve("cache/models--adapterferry--demo-base/snapshots")).doesNotExist();
    }

    @Test
    void asksOnlyForTheConfigurationOfAnAdapterWhoseBaseCannotBeConverted() throws IOException {
        fillBucket();
        makeTheBaseOfAnUnknownKind();
        Settings settings = settings("s3://lake/adapters/captain", Map.of("models.captain.base", ""));
        assertThat(carry(settings).sentence()).contains("architecture 'Qwen9ForCausalLM' is not supported");
        assertThat(store.asked).contains("GET /lake/adapters/captain/adapter_config.json").noneMatch(asked -> asked.contains("adapter_model") || asked.contains("tokenizer"));

        store.objects.computeIfPresent("adapters/captain/adapter_config.json", (key, json) -> new String(json, StandardCharsets.UTF_8).replace("\"LORA\"", "\"LOKR\"").getBytes(StandardCharsets.UTF_8));
        assertThat(carry(settings).sentence()).contains("LOKR").contains("Kronecker");
        assertThat(store.asked).noneMatch(asked -> asked.contains("adapter_model"));
        assertThat(carry(settings("s3://lake/adapters/captain", Map.of("models.captain.base", "", "pipeline.stages", "[download]"))).sentence())
                .as("who only wants the files gets them").isEmpty();
    }

    @Test
    void saysWhatToDoWhenTheHubMustNotBeAsked() throws IOException {
        fillBucket();
        assertThat(carry(settings("s3://lake/adapters/captain", Map.of("hub.offline", "true"))).sentence()).contains("adapterferry/demo-base").contains("hub.offline").contains("--base");
        assertThat(hub.asked).isEmpty();
    }

    /** The headers of both tell it: some kilobytes of each. */
    @Test
    void bringsNeitherAdapterNorBaseWhereTheyDoNotFit() throws IOException {
        Path config = material.training().resolve("adapter_config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\"r\" : 8", "\"r\" : 16"));
        fillBucket();
        long whole = Files.size(material.base().resolve("model.safetensors"));
        Settings settings = settings("s3://lake/adapters/captain", Map.of());
        assertThat(carry(settings).sentence()).contains("has rank 8, adapter_config.json says 16");
        assertThat(store.asked).noneMatch(asked -> asked.contains("tokenizer"));
        RunRequest here = new RunRequest("captain", null, material.training().toString(), null, List.of(), null, null, List.of(), false, "command");
        assertThat(carry(settings, here).sentence()).as("an adapter that is here, and a base that is not").contains("has rank 8, adapter_config.json says 16");
        assertThat(folder.resolve("home/adapters/captain")).doesNotExist();
        assertThat(folder.resolve("cache/models--adapterferry--demo-base/snapshots")).doesNotExist();
        assertThat(hub.served.get()).as("bytes that the hub sent, of " + whole).isLessThan(whole);
    }
}
