package dev.adapterferry.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.source.AdapterFixture;
import dev.adapterferry.source.AdapterPull;
import dev.adapterferry.source.PulledAdapter;
import dev.adapterferry.source.RemoteAdapter;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.transfer.TransferTerms;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BaseResolverIT {
    private static final String TOKEN = "hf_" + "x".repeat(20);

    @TempDir
    Path dir;
    private final HubDouble hub = new HubDouble();
    private final List<Duration> pauses = new ArrayList<>();

    @BeforeEach
    void writeARepository() {
        hub.file("config.json", "{\"architectures\":[\"LlamaForCausalLM\"]}").file("tokenizer.json", "{}").file("README.md", "# tiny").file("chat_template.jinja", "{{ messages }}")
                .file("additional_chat_templates/rag.jinja", "{{ rag }}").file("modules.json", "[]").file("1_Pooling/config.json", "{}").file("2_Dense/config.json", "{}").file("2_Dense/pytorch_model.bin", new byte[64]).file("config_sentence_transformers.json", "{}")
                .file("model.safetensors.index.json", "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"a\":\"model-00001-of-00002.safetensors\",\"b\":\"model-00002-of-00002.safetensors\"}}")
                .file("model-00001-of-00002.safetensors", shard("a", 9 << 20, 1)).file("model-00002-of-00002.safetensors", shard("b", 1 << 20, 2))
                .file("tiktoken.model", "AA== 0\n").file("tokenization_kimi.py", "pat_str = r\"x\"\n").file("modeling_kimi.py", "import os\n").file("examples/modeling_kimi.py", "import os\n")
                .file("original/consolidated.safetensors", shard("c", 4096, 3)).file("pytorch_model.bin", new byte[4096]);
    }

    private static byte[] shard(String tensor, int bytes, long seed) {
        return AdapterFixture.safetensors("{\"" + tensor + "\":{\"dtype\":\"F32\",\"shape\":[" + bytes / 4 + "],\"data_offsets\":[0," + bytes + "]}}", bytes, seed);
    }

    @AfterEach
    void close() {
        hub.close();
    }

    private HubTerms terms(boolean offline) {
        return new HubTerms(hub.endpoint(), Optional.of(new Secret(TOKEN)), dir.resolve("cache"), offline, 3, Duration.ofSeconds(2));
    }

    private BaseResolver resolver(boolean offline) {
        return new BaseResolver(terms(offline), () -> new HubApi(new JdkHttpCaller(), terms(offline), pauses::add));
    }

    private BaseResolver.Base resolve() {
        return resolver(false).resolve("org/tiny", "main", TransferTerms.free());
    }

    private long bytesNeeded() {
        return hub.files.entrySet().stream().filter(e -> !e.getKey().matches("README.md|examples/.*|original/.*|.*\\.bin")).mapToLong(e -> e.getValue().length).sum();
    }

    private List<Path> blobs() throws Exception {
        try (Stream<Path> blobs = Files.list(dir.resolve("cache/models--org--tiny/blobs"))) {
            return blobs.toList();
        }
    }

    @Test
    void downloadsOnlyWhatAMergeNeedsIntoTheCacheThatOthersShare() throws Exception {
        BaseResolver.Base base = resolve();
        assertThat(base.origin()).isEqualTo(BaseResolver.Origin.HUB);
        assertThat(base.commit()).contains(HubDouble.COMMIT);
        assertThat(base.folder()).isEqualTo(dir.resolve("cache/models--org--tiny/snapshots/" + HubDouble.COMMIT));
        try (Stream<Path> names = Files.list(base.folder())) {
            assertThat(names.map(p -> p.getFileName().toString())).containsExactlyInAnyOrder("config.json", "tokenizer.json", "chat_template.jinja", "additional_chat_templates", "modules.json", "1_Pooling", "2_Dense", "config_sentence_transformers.json",
                    "tiktoken.model", "tokenization_kimi.py", "modeling_kimi.py", "model.safetensors.index.json",
                    "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors");
        }
        assertThat(base.folder().resolve("additional_chat_templates/rag.jinja")).hasContent("{{ rag }}");
        assertThat(base.folder().resolve("1_Pooling/config.json")).hasContent("{}");
        byte[] weights = hub.files.get("model-00001-of-00002.safetensors");
        Path link = base.folder().resolve("model-00001-of-00002.safetensors");
        assertThat(link).hasBinaryContent(weights);
        assertThat(Files.readSymbolicLink(link)).isEqualTo(Path.of("../../blobs/" + HubDouble.sha256(weights)));
        assertThat(Files.readSymbolicLink(base.folder().resolve("config.json"))).isEqualTo(Path.of("../../blobs/" + HubDouble.gitBlob(hub.files.get("config.json"))));
        assertThat(dir.resolve("cache/models--org--tiny/refs/main")).hasContent(HubDouble.COMMIT);
        assertThat(blobs()).allMatch(p -> p.getFileName().toString().matches("[0-9a-f]{40}|[0-9a-f]{64}"));
        assertThat(hub.asked).noneMatch(a -> a.contains("original") || a.contains(".bin") || a.contains("README"));
        try (CheckpointFolder checkpoint = CheckpointFolder.open(base.folder())) {
            assertThat(checkpoint.tensors().tensors()).hasSize(2);
        }
        long served = hub.served.get();
        assertThat(resolve().origin()).isEqualTo(BaseResolver.Origin.CACHE);
        assertThat(hub.served.get() - served).as("only the index is looked into again").isLessThan(1000);
    }

    @Test
    void sendsTheTokenToTheHubAndNeverToTheStorage() {
        hub.requiredToken = TOKEN;
        assertThat(resolve().origin()).isEqualTo(BaseResolver.Origin.HUB);
        assertThat(hub.tokensAtStorage).isEmpty();
    }

    @Test
    void goesOnWhereAConnectionWasCut() {
        hub.cutAfter = 3 << 20;
        resolve();
        assertThat(hub.served.get()).isLessThan((long) (bytesNeeded() * 1.3));
    }

    @Test
    void copesWithAServerThatIgnoresRanges() {
        hub.ignoreRanges = true;
        assertThat(resolve().folder().resolve("model-00001-of-00002.safetensors")).hasBinaryContent(hub.files.get("model-00001-of-00002.safetensors"));
    }

    @Test
    void givesUpASilentConnectionAndTriesAgain() {
        hub.stalls.set(1);
        assertThat(resolve().origin()).isEqualTo(BaseResolver.Origin.HUB);
    }

    @Test
    void fetchesADamagedFileOnceMore() throws Exception {
        hub.corruptions.set(1);
        BaseResolver.Base base = resolve();
        for (String name : List.of("config.json", "model-00001-of-00002.safetensors")) {
            assertThat(base.folder().resolve(name)).hasBinaryContent(hub.files.get(name));
        }
    }

    @Test
    void keepsNothingThatArrivesDamagedAgainAndAgain() throws Exception {
        hub.corruptions.set(Integer.MAX_VALUE);
        assertThatThrownBy(this::resolve).isInstanceOf(TransientFailure.class).hasMessageContaining("damaged");
        hub.corruptions.set(0);
        hub.damagedAtStorage = true;
        assertThatThrownBy(this::resolve).isInstanceOf(TransientFailure.class).hasMessageContaining("damaged twice").hasMessageContaining("model-00001-of-00002.safetensors");
        assertThat(blobs()).extracting(p -> p.getFileName().toString()).as("the small files alone").allMatch(n -> n.length() == 40);
        assertThat(dir.resolve("cache/models--org--tiny/refs/main")).doesNotExist();
    }

    @Test
    void waitsAsLongAsTheHubAsks() {
        hub.busy.set(2);
        resolve();
        assertThat(pauses).containsExactly(Duration.ofSeconds(8), Duration.ofSeconds(8));
    }

    @Test
    void refusesEncodedFiles() {
        hub.encode = true;
        assertThatThrownBy(this::resolve).isExactlyInstanceOf(FerryException.class).hasMessageContaining("encoded");
    }

    @Test
    void followsARenamedRepository() {
        HubVersion version = new HubApi(new JdkHttpCaller(), terms(false)).version("old/name", "main");
        assertThat(version.commit()).isEqualTo(HubDouble.COMMIT);
    }

    @Test
    void asksForSizesThatTheListingLeavesOut() {
        hub.sparing = true;
        assertThat(resolve().folder().resolve("model-00002-of-00002.safetensors")).hasBinaryContent(hub.files.get("model-00002-of-00002.safetensors"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "404 | RepoNotFound     |                                            | Check the name",
            "403 | GatedRepo        |                                            | accept its terms",
            "401 |                  | Invalid credentials in Authorization header | renew HF_TOKEN",
            "404 | RevisionNotFound |                                            | no such branch, tag or commit",
            "404 | EntryNotFound    |                                            | no such file",
            "403 |                  | Access to this resource is disabled.       | disabled"})
    void saysWhatToDoAboutARefusal(int status, String code, String message, String remedy) {
        hub.refuseWith = status;
        hub.refuseCode = code;
        hub.refuseMessage = message;
        assertThatThrownBy(this::resolve).isExactlyInstanceOf(FerryException.class).hasMessageContaining(remedy).hasMessageContaining("org/tiny").hasMessageNotContaining(TOKEN);
    }

    @Test
    void asksAnAnonymousUserForAToken() {
        hub.requiredToken = TOKEN;
        HubTerms anonymous = new HubTerms(hub.endpoint(), Optional.empty(), dir.resolve("cache"), false, 2, Duration.ofSeconds(2));
        BaseResolver resolver = new BaseResolver(anonymous, () -> new HubApi(new JdkHttpCaller(), anonymous));
        assertThatThrownBy(() -> resolver.resolve("org/tiny", "main", TransferTerms.free())).hasMessageContaining("private").hasMessageContaining("set HF_TOKEN");
        hub.refuseCode = "GatedRepo";
        assertThatThrownBy(() -> resolver.resolve("org/tiny", "main", TransferTerms.free())).hasMessageContaining("gated").hasMessageContaining(hub.endpoint() + "/org/tiny").hasMessageContaining("set HF_TOKEN");
    }

    @Test
    void worksOfflineFromACompleteSnapshotOnly() throws Exception {
        resolve();
        hub.asked.clear();
        assertThat(resolver(true).resolve("org/tiny", "main", TransferTerms.free()).origin()).isEqualTo(BaseResolver.Origin.CACHE);
        assertThat(resolver(true).resolve("org/tiny", HubDouble.COMMIT, TransferTerms.free()).origin()).isEqualTo(BaseResolver.Origin.CACHE);
        Files.delete(dir.resolve("cache/models--org--tiny/snapshots/" + HubDouble.COMMIT + "/model-00002-of-00002.safetensors"));
        assertThatThrownBy(() -> resolver(true).resolve("org/tiny", "main", TransferTerms.free())).isExactlyInstanceOf(FerryException.class)
                .hasMessageContaining("not complete").hasMessageContaining("hub.offline");
        assertThatThrownBy(() -> HubTree.open(new HubApi(new JdkHttpCaller(), terms(true)), "org/tiny", "main")).as("an adapter's repository").hasMessageContaining("hub.offline");
        assertThat(hub.asked).isEmpty();
        assertThat(resolve().origin()).as("a partial snapshot is completed").isEqualTo(BaseResolver.Origin.HUB);
    }

    @Test
    void usesWhatIsCachedWhileTheHubIsDown() {
        resolve();
        hub.close();
        assertThat(resolve().origin()).isEqualTo(BaseResolver.Origin.CACHE);
        assertThatThrownBy(() -> resolver(false).resolve("org/other", "main", TransferTerms.free())).isInstanceOf(TransientFailure.class).hasMessageContaining("does not answer");
    }

    @Test
    void takesALocalFolderAsItIs() throws Exception {
        Path folder = Files.createDirectories(dir.resolve("my base"));
        assertThatThrownBy(() -> resolver(true).resolve(folder.toString(), "main", TransferTerms.free())).hasMessageContaining("no config.json");
        Files.writeString(folder.resolve("config.json"), "{}");
        assertThat(resolver(true).resolve(folder.toString(), "main", TransferTerms.free()).folder()).isEqualTo(folder);
        assertThatThrownBy(() -> resolver(true).resolve("./nowhere/at all", "main", TransferTerms.free())).hasMessageContaining("no such folder");
        assertThat(hub.asked).isEmpty();
    }

    @Test
    void refusesRepositoriesWithoutSafetensors() {
        hub.files.keySet().removeIf(n -> n.endsWith(".safetensors") || n.endsWith("index.json"));
        assertThatThrownBy(this::resolve).hasMessageContaining("pytorch_model.bin").hasMessageContaining("safetensors version");
        hub.files.remove("config.json");
        hub.file("adapter_config.json", "{}");
        assertThatThrownBy(this::resolve).hasMessageContaining("It is an adapter");
    }

    @Test
    void pullsAnAdapterFromARepository() {
        hub.files.clear();
        hub.file("adapter_model.safetensors", AdapterFixture.weights(1 << 20, 4)).file("adapter_config.json", AdapterFixture.config(false)).file("tokenizer.json", "{}")
                .file("optimizer.pt", new byte[10]).file("chat_template.jinja", "{{ messages }}").file("additional_chat_templates/rag.jinja", "{{ rag }}");
        AdapterPull pull = new AdapterPull(AdapterPull.Terms.finished(new RemoteAdapter.Look(Duration.ZERO, RemoteAdapter.Choice.AUTO, 1L << 30), 2));
        try (HubTree tree = HubTree.open(new HubApi(new JdkHttpCaller(), terms(false)), "org/tiny", "main")) {
            PulledAdapter pulled = pull.pull(tree, dir.resolve("adapter"), TransferTerms.free());
            assertThat(pulled.files()).extracting(PulledAdapter.File::name).containsExactlyInAnyOrder("adapter_model.safetensors", "adapter_config.json", "tokenizer.json",
                    "chat_template.jinja", "additional_chat_templates/rag.jinja");
            assertThat(dir.resolve("adapter/additional_chat_templates/rag.jinja")).hasContent("{{ rag }}");
            assertThat(pulled.files()).allMatch(PulledAdapter.File::verified);
            assertThat(dir.resolve("adapter/adapter_model.safetensors")).hasBinaryContent(hub.files.get("adapter_model.safetensors"));
            assertThat(pull.pull(tree, dir.resolve("adapter"), TransferTerms.free()).upToDate()).isTrue();
        }
    }
}
