package dev.adapterferry.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.DemoInstance;
import dev.adapterferry.demo.DemoMaterial;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Wrong input at the command line: one sentence that names the thing, an exit code, and nothing under a final name. */
class BadInputIT {
    @TempDir
    Path folder;

    private DemoMaterial material;
    private Path settings;

    @BeforeEach
    void layOut() throws IOException {
        material = new DemoMaterial(folder);
        material.unpack();
        settings = folder.resolve("ferry.yaml");
        write("");
    }

    private void write(String more) throws IOException {
        Files.writeString(settings, "home: " + folder.resolve("home") + "\nmodels:\n  captain: {publisher: demo, formats: [Q8_0]" + more + "}\n"
                + "deploy: {lmstudio: {enabled: never}}\nserve: {enabled: always}\nevaluate: {enabled: false}\npipeline: {retries: {attempts: 0}}\nvast: {known-hosts: "
                + folder.resolve("known-hosts") + "}\n");
    }

    private FerryCall ferry(String... arguments) {
        return FerryCall.of(settings, arguments);
    }

    private FerryCall deploy() {
        return ferry("deploy", "captain", "--adapter", material.training().toString(), "--base", material.base().toString());
    }

    private void assertNothingIsHalfThere() throws IOException {
        if (!Files.isDirectory(folder.resolve("home"))) {
            return;
        }
        try (Stream<Path> files = Files.walk(folder.resolve("home"))) {
            assertThat(files.filter(f -> f.toString().endsWith(".gguf"))).isEmpty();
        }
    }

    @Test
    void refusesAModelThatIsNotConfigured() throws IOException {
        FerryCall ended = ferry("deploy", "captian");
        assertThat(ended.code()).isEqualTo(ExitCode.SETTINGS);
        assertThat(ended.err()).contains("captian").contains("did you mean 'captain'?");
        assertNothingIsHalfThere();
    }

    @Test
    void namesTheMissingAdapterFile() throws IOException {
        Files.delete(material.training().resolve("adapter_model.safetensors"));
        FerryCall ended = deploy();
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("adapter_model.safetensors");
        assertNothingIsHalfThere();
    }

    @Test
    void namesTheTruncatedSafetensorsFile() throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(material.base().resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(file.length() - 1000);
        }
        FerryCall ended = deploy();
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("model.safetensors").contains("Cannot read");
        assertNothingIsHalfThere();
    }

    /** Writes the base's weights again, those that are wanted, in shards of at most so many bytes. */
    private void rewrite(Predicate<TensorInfo> wanted, long shardBytes) throws IOException {
        Path rewritten = Files.createDirectories(folder.resolve("rewritten"));
        try (CheckpointFolder base = CheckpointFolder.open(material.base())) {
            List<TensorInfo> tensors = base.tensors().tensors().stream().filter(wanted).toList();
            try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(rewritten, tensors, shardBytes)) {
                for (TensorInfo tensor : tensors) {
                    float[] values = new float[Math.toIntExact(tensor.elements())];
                    base.tensors().read(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
                    writer.write(tensor, 0, Math.toIntExact(tensor.rows()), values, 0);
                }
                writer.commit();
            }
        }
        Files.delete(material.base().resolve("model.safetensors"));
        try (Stream<Path> files = Files.list(rewritten)) {
            for (Path file : files.toList()) {
                Files.move(file, material.base().resolve(file.getFileName()));
            }
        }
    }

    @Test
    void namesAndCountsTheTensorsThatTheBaseLacks() throws IOException {
        rewrite(tensor -> !tensor.name().equals("model.norm.weight") && !tensor.name().endsWith("1.input_layernorm.weight"), Long.MAX_VALUE);
        FerryCall ended = deploy();
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("the checkpoint lacks 2 tensors: ").contains("model.norm.weight").contains("model.layers.1.input_layernorm.weight");
        assertNothingIsHalfThere();
    }

    @Test
    void namesTheShardThatIsTruncatedOrMissing() throws IOException {
        rewrite(tensor -> true, 1_000_000);
        Path shard = material.base().resolve("model-00002-of-00003.safetensors");
        try (RandomAccessFile file = new RandomAccessFile(shard.toFile(), "rw")) {
            file.setLength(file.length() - 1000);
        }
        FerryCall truncated = deploy();
        assertThat(truncated.code()).isEqualTo(ExitCode.FAILED);
        assertThat(truncated.err()).contains("Cannot read").contains("model-00002-of-00003.safetensors").contains("it is truncated. It is damaged, or was not copied whole: get it again");
        Files.delete(shard);
        FerryCall missing = deploy();
        assertThat(missing.code()).isEqualTo(ExitCode.FAILED);
        assertThat(missing.err()).contains("model.safetensors.index.json").contains("it names model-00002-of-00003.safetensors, which is missing from the folder. Get the model again");
        assertNothingIsHalfThere();
    }

    @Test
    void namesTheWrongRank() throws IOException {
        Path config = material.training().resolve("adapter_config.json");
        Files.writeString(config, Files.readString(config).replaceFirst("\"r\" : 8", "\"r\" : 16"));
        FerryCall ended = deploy();
        assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("rank").contains("16").contains("8");
        assertNothingIsHalfThere();
    }

    /** What cannot be converted: the sentence names the thing and what to do. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "config.json     | Qwen2ForCausalLM                    | Qwen9ForCausalLM         | architecture 'Qwen9ForCausalLM' is not supported. The nearest supported ones are Qwen2ForCausalLM",
        "config.json     | \"num_attention_heads\"             | \"number_of_heads\"      | config.json means 32 query heads and 2 key heads",
        "config.json     | \"hidden_size\"                     | \"size\"                 | config.json lacks 'hidden_size",
        "tokenizer.json  | \"merges\"                          | \"marges\"               | has merges",
        "tokenizer.json  | \"model\"                           | \"modell\"               | 'model' is missing. Take the tokenizer files from the base model again",
        "tokenizer.json  | \"h e\"                              | \"h QQ\"                   | merge 2 joins 'h' and 'QQ', but 'QQ' is no token. Take the tokenizer files from the base model again",
        "tokenizer.json  | {                                   | [                        | not valid JSON"})
    void namesWhatCannotBeConverted(String file, String text, String instead, String expected) throws IOException {
        Path changed = material.base().resolve(file);
        Files.writeString(changed, Files.readString(changed).replaceFirst(Pattern.quote(text), instead));
        Files.deleteIfExists(material.training().resolve(file));
        FerryCall ended = deploy();
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains(expected);
        assertNothingIsHalfThere();
    }

    @Test
    void refusesABaseThatCannotBeConvertedBeforeTheAdapterIsTransferred() throws IOException {
        Path config = material.base().resolve("config.json");
        Files.writeString(config, Files.readString(config).replace("Qwen2ForCausalLM", "Qwen9ForCausalLM"));
        write(", base: " + material.base() + ", source: {url: \"ssh://root@127.0.0.1:1/never/asked\"}");
        FerryCall ended = ferry("deploy", "captain");
        assertThat(ended.code()).as(ended.err()).isEqualTo(ExitCode.FAILED);
        assertThat(ended.err()).contains("architecture 'Qwen9ForCausalLM' is not supported");
        assertNothingIsHalfThere();
    }

    @Test
    void saysThatTheLoginWasRefused() throws IOException {
        try (DemoInstance instance = DemoInstance.start(folder.resolve("ssh")); DemoInstance other = DemoInstance.start(folder.resolve("other"))) {
            write(", source: {url: \"ssh://root@127.0.0.1:" + instance.port() + material.training() + "\"}");
            FerryCall ended = ferry("deploy", "captain", "--base", material.base().toString(), "--set", "vast.ssh-key=" + other.loginKey());
            assertThat(ended.code()).isEqualTo(ExitCode.FAILED);
            assertThat(ended.err()).contains("127.0.0.1").containsPattern("(?i)refuse|denied|accept");
            assertThat(ended.err()).doesNotContain("PRIVATE KEY");
        }
        assertNothingIsHalfThere();
    }
}
