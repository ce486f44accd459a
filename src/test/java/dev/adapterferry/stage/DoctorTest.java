package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.convert.QueryValueAdapter;
import dev.adapterferry.convert.TinyFolder;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.demo.VisionTower;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What the doctor says of a machine and of folders on it: sizes and times by given rates, and a remedy for whatever fails. */
class DoctorTest {
    private static final long PLENTY = 1L << 40;

    @TempDir
    Path folder;
    private DemoMaterial material;
    private boolean answering;
    private final List<Map<GgmlType, Long>> timed = new ArrayList<>();

    @BeforeEach
    void unpack() {
        material = new DemoMaterial(folder);
        material.unpack();
    }

    private Doctor.Report examine(long memory, ToLongFunction<FileStore> free, String formats, Map<String, String> more) {
        return examine(memory, free, formats, more, material.training().toString());
    }

    private Doctor.Report examine(long memory, ToLongFunction<FileStore> free, String formats, Map<String, String> more, String adapter) {
        Map<String, String> settings = new HashMap<>(Map.of("home", folder.resolve("home").toString(), "models.captain.formats", formats, "models.captain.base", material.base().toString(),
                "deploy.lmstudio.enabled", "never", "quantize.threads", "2"));
        settings.putAll(more);
        Settings loaded = new SettingsLoader(folder, Map.of()).load(Optional.empty(), settings).settings();
        RunRequest request = new RunRequest("captain", null, adapter, null, List.of(), null, null, List.of(), false, "command");
        // Seven milliseconds to begin, and a nanosecond for each weight, whatever its type.
        Machine machine = new Machine(memory, free, weights -> {
            timed.add(weights);
            return new Machine.Encoding(Duration.ofMillis(7), Duration.ofNanos(weights.values().stream().mapToLong(Long::longValue).sum()));
        });
        AdapterSources sources = new AdapterSources(null, (connection, login) -> connection, bucket -> {
            throw new AssertionError("no bucket is named");
        });
        return new Doctor(sources, null, endpoint -> answering, machine, folder).examine(new RunContext("run", request, loaded, new Records(folder), Progress.NONE, new Cancellation()), true);
    }

    private static Diagnosis finding(Doctor.Report report, String check) {
        return report.found().stream().filter(d -> d.check().equals(check)).findFirst().orElseThrow(() -> new AssertionError("nothing was said of " + check + ": " + report.found()));
    }

    private void edit(Path file, String text, String instead) throws IOException {
        String before = Files.readString(file);
        assertThat(before).contains(text);
        Files.writeString(file, before.replace(text, instead));
    }

    @Test
    void saysOfAModelOfEncoderAndDecoderWhatRunsIt() throws IOException {
        Path adapter = QueryValueAdapter.write("t5", folder.resolve("t5-training"));
        Path base = TinyFolder.write("t5", folder.resolve("t5-base"));
        Doctor.Report report = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of("models.captain.base", base.toString(), "merge.allow", "[base]"), adapter.toString());
        assertThat(finding(report, "fit").text()).contains("12 tensors of the base are adapted");
        assertThat(finding(report, "architecture").text()).contains("T5ForConditionalGeneration becomes t5").contains("a model of encoder and decoder");
        assertThat(finding(report, "architecture").remedy()).contains("llama-completion").contains("ask no server");
        assertThat(finding(report, "vocabulary").text()).startsWith("unigram, 384 tokens");
        assertThat(report.found()).noneMatch(d -> d.state() == Diagnosis.State.FAILED);
    }

    @Test
    void multipliesWeightsAndRates() throws IOException {
        Forecast forecast = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of("models.captain.context-length", "1000")).forecast().orElseThrow();
        Map<GgmlType, Long> one = timed.getFirst();
        assertThat(one.keySet()).containsExactly(GgmlType.F32, GgmlType.Q8_0);
        assertThat(one.values().stream().mapToLong(Long::longValue).sum()).as("every weight is encoded once").isEqualTo(forecast.weights());
        assertThat(forecast.computing()).isEqualTo(Duration.ofMillis(7).plusNanos(forecast.weights() / 2));
        long safetensors = Files.size(material.base().resolve("model.safetensors"));
        assertThat(forecast.sourceBytes()).isBetween(safetensors - 10_000, safetensors);
        assertThat(forecast.moving()).isEqualTo(Duration.ofMillis((forecast.sourceBytes() + forecast.outputBytes()) * 1000 / Forecast.ASSUMED_DISK_RATE));
        // Keys and values of 2 bytes; for 1000 tokens llama.cpp makes room for 1024.
        assertThat(forecast.serving() - forecast.outputBytes()).isEqualTo(cacheOfTheDemo());

        Forecast both = examine(PLENTY, store -> PLENTY, "[Q8_0, Q5_0]", Map.of()).forecast().orElseThrow();
        Map<GgmlType, Long> two = timed.getLast();
        assertThat(two.get(GgmlType.F32)).as("what both files hold in one type is encoded once").isEqualTo(one.get(GgmlType.F32));
        assertThat(both.formats()).hasSize(2);
        assertThat(both.formats().getFirst().bytes()).isEqualTo(forecast.outputBytes());
    }

    private long cacheOfTheDemo() throws IOException {
        var config = dev.adapterferry.tensor.CheckpointFolder.readObject(material.base().resolve("config.json"));
        long head = config.get("hidden_size").asLong() / config.get("num_attention_heads").asLong();
        return 2 * config.get("num_hidden_layers").asLong() * config.get("num_key_value_heads").asLong() * head * 1024 * 2;
    }

    @Test
    void saysWhatToDoWhenThereIsNoRoom() {
        Doctor.Report report = examine(PLENTY, store -> 1_000_000, "[Q8_0]", Map.of());
        assertThat(report.healthy()).isFalse();
        assertThat(finding(report, "disk").text()).contains("the disk of").contains("needs 1.4 MB and has 1.0 MB free");
        assertThat(finding(report, "disk").remedy()).contains("Free space").contains("--formats").contains("'home' or 'hub.cache'");
    }

    @Test
    void saysWhatToDoWhenTheModelIsTooLargeForTheMemory() {
        assertThat(finding(examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of()), "memory").state()).isEqualTo(Diagnosis.State.OK);
        long serving = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of()).forecast().orElseThrow().serving();
        Doctor.Report tight = examine(serving + 1, store -> PLENTY, "[Q8_0]", Map.of());
        assertThat(tight.healthy()).isTrue();
        assertThat(finding(tight, "memory").remedy()).contains("tight").contains("context-length");
        Doctor.Report over = examine(serving - 1, store -> PLENTY, "[Q8_0]", Map.of());
        assertThat(over.healthy()).isFalse();
        assertThat(finding(over, "memory").remedy()).contains("quantize.primary-format").contains("context-length");
    }

    @Test
    void saysWhatToDoWithoutAChatTemplate() throws IOException {
        edit(material.base().resolve("tokenizer_config.json"), "\"chat_template\"", "\"no_template\"");
        Doctor.Report report = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of());
        assertThat(report.healthy()).isTrue();
        assertThat(finding(report, "vocabulary").state()).isEqualTo(Diagnosis.State.NOTE);
        assertThat(finding(report, "vocabulary").remedy()).contains("chat_template.jinja");
    }

    @Test
    void saysWhatServesAnArchitectureThatTheEmbeddedLibraryDoesNotKnow() throws IOException {
        Path config = material.base().resolve("config.json");
        edit(config, "Qwen2ForCausalLM", "SeedOssForCausalLM");
        Diagnosis found = finding(examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of()), "architecture");
        assertThat(found.state()).as(found.text()).isEqualTo(Diagnosis.State.NOTE);
        assertThat(found.text()).contains("SeedOssForCausalLM becomes seed_oss").contains("newer than the embedded llama.cpp");
        assertThat(found.remedy()).contains("LM Studio or a llama.cpp of 2025-").contains("serve.enabled: never");
    }

    @ParameterizedTest
    @CsvSource({"auto, false, true", "auto, true, false", "always, true, true", "never, false, false"})
    void warnsWhereTheEmbeddedLibraryWouldAnswerWrongly(String enabled, boolean answers, boolean warns) throws IOException {
        answering = answers;
        Path base = TinyFolder.write("orion", folder.resolve("orion"));
        Doctor.Report report = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of("models.captain.base", base.toString(), "serve.enabled", enabled));
        List<Diagnosis> serving = report.found().stream().filter(d -> d.check().equals("serving")).toList();
        assertThat(serving).hasSize(warns ? 1 : 0);
        serving.forEach(note -> {
            assertThat(note.state()).isEqualTo(Diagnosis.State.NOTE);
            assertThat(note.text()).contains("computes orion models wrongly");
            assertThat(note.remedy()).contains("models.captain.endpoint").contains("serve.enabled: never");
        });
    }

    @Test
    void countsWhatTheEmbeddedLibraryTakesForWindows() throws IOException {
        Path base = TinyFolder.write("gemma2", folder.resolve("gemma2"));
        Map<String, String> asked = Map.of("models.captain.base", base.toString(), "models.captain.context-length", "8192");
        Doctor.Report embedded = examine(PLENTY, store -> PLENTY, "[Q8_0]", asked);
        answering = true;
        Doctor.Report other = examine(PLENTY, store -> PLENTY, "[Q8_0]", asked);
        // 26 layers of keys and values of 2 heads of 16; every second has a window of 8 and a batch of 512, in 768 cells.
        assertThat(embedded.forecast().orElseThrow().serving() - other.forecast().orElseThrow().serving()).isEqualTo(13 * (8192 - 768) * 2L * 2 * 16 * 2);
        assertThat(finding(embedded, "memory").text()).contains("the embedded llama.cpp keeps all tokens");
        assertThat(finding(other, "memory").text()).doesNotContain("embedded");
    }

    /** The vocabularies that a converted file may have. */
    @ParameterizedTest
    @CsvSource({"gpt2, 'byte-level BPE, pre-tokenizer qwen2'", "llama, SentencePiece BPE", "gemma4, BPE with bytes to fall back on", "t5, unigram"})
    void namesEveryKindOfVocabulary(String model, String kind) {
        assertThat(Doctor.kind(new TokenizerConverter.Result(model, "qwen2", 5, true))).isEqualTo(kind);
    }

    @Test
    void saysWhatTheFileWillNotHold() throws IOException {
        VisionTower.addTo(material.base());
        Doctor.Report report = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of());
        assertThat(report.healthy()).isTrue();
        assertThat(report.found()).filteredOn(d -> d.check().equals("architecture") && d.state() == Diagnosis.State.NOTE).singleElement()
                .satisfies(note -> assertThat(note.text()).startsWith(VisionTower.NOTE));
    }

    @Test
    void everyFailureSaysWhatToDo() throws IOException {
        Files.delete(material.base().resolve("tokenizer.json"));
        assertThat(finding(examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of()), "vocabulary").text()).contains("neither tokenizer.json nor tokenizer.model").contains("copy it from the base model");
        material.unpack();
        edit(material.training().resolve("adapter_config.json"), "\"LORA\"", "\"IA3\"");
        Doctor.Report other = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of());
        assertThat(finding(other, "adapter").text()).contains("IA3");
        assertThat(finding(other, "architecture").state()).as("the base is judged all the same").isEqualTo(Diagnosis.State.OK);
        material.unpack();
        Files.delete(material.base().resolve("model.safetensors"));
        assertThat(finding(examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of()), "weights").text()).contains("holds no model*.safetensors");
        Doctor.Report nobody = examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of("models.captain.base", "./nowhere"));
        assertThat(finding(nobody, "base").text()).contains("there is no folder ./nowhere");
        edit(material.training().resolve("adapter_config.json"), "\"adapterferry/demo-base\"", "null");
        assertThat(finding(examine(PLENTY, store -> PLENTY, "[Q8_0]", Map.of("models.captain.base", "")), "base").text()).contains("Set models.captain.base, or say --base DIR|ID");
    }
}
