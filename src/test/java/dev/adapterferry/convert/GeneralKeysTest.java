package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The general keys of a file, from names, model cards and the generation settings. */
class GeneralKeysTest {
    @TempDir
    Path dir;
    private Path base;
    private Path card;

    /** A folder without weights. */
    private record Folder(Path path) implements Checkpoint {
        @Override
        public String name() {
            return "base + adapter";
        }

        @Override
        public ObjectNode config() {
            return new ObjectMapper().createObjectNode();
        }

        @Override
        public Optional<Path> file(String fileName) {
            return Optional.of(path.resolve(fileName)).filter(Files::isRegularFile);
        }

        @Override
        public TensorSource tensors() {
            throw new IllegalStateException("no weights are read for the general keys");
        }

        @Override
        public void close() {
            // nothing
        }
    }

    @BeforeEach
    void folders() throws IOException {
        base = Files.createDirectory(dir.resolve("base"));
        card = dir.resolve("adapter.md");
    }

    private GgufMetadata keys(String baseName, String tune, long weights) {
        GgufMetadata metadata = new GgufMetadata();
        Provenance provenance = new Provenance(Optional.empty(), Optional.ofNullable(baseName), Optional.empty(), Optional.empty(), Optional.empty(), Optional.ofNullable(tune),
                Optional.of(card).filter(Files::isRegularFile));
        new GeneralKeys(new Folder(base), provenance, metadata).write(weights);
        return metadata;
    }

    private Object value(GgufMetadata metadata, String key) {
        return metadata.find(key).orElseThrow().value();
    }

    @Test
    void takesDataSetsFromTheAdaptersCardAndTheLicenseFromTheBasesWhereItsOwnNamesNone() throws IOException {
        Files.writeString(base.resolve("README.md"), "---\nlicense: other\nlicense_name: qwen-research\nlicense_link: https://example.org/LICENSE\ndatasets: [not/ours]\nlanguage:\n- en\n- de\ntags: [chat]\n---\n# Base\n");
        Files.writeString(card, "---\nbase_model: Qwen/Qwen2.5-3B\ndatasets:\n- acme/sea-stories\n- my own notes\ntags: [lora, sft]\n---\n");
        GgufMetadata metadata = keys("Qwen/Qwen2.5-3B", "majora", 3_085_938_688L);
        assertThat(metadata.findString("general.license")).contains("other");
        assertThat(metadata.findString("general.license.name")).contains("qwen-research");
        assertThat(metadata.findString("general.license.link")).contains("https://example.org/LICENSE");
        assertThat(metadata.findLong("general.dataset.count")).contains(2L);
        assertThat(metadata.findString("general.dataset.0.name")).contains("Sea Stories");
        assertThat(metadata.findString("general.dataset.0.organization")).contains("Acme");
        assertThat(metadata.findString("general.dataset.0.repo_url")).contains("https://huggingface.co/datasets/acme/sea-stories");
        assertThat(metadata.findString("general.dataset.1.name")).contains("My Own Notes");
        assertThat(metadata.findStrings("general.tags")).contains(List.of("lora", "sft"));
        assertThat(metadata.findStrings("general.languages")).contains(List.of("en", "de"));
    }

    @Test
    void aLicenseOfTheAdapterDoesNotBorrowTheBasesName() throws IOException {
        Files.writeString(base.resolve("README.md"), "---\nlicense: other\nlicense_name: llama3\n---\n");
        Files.writeString(card, "---\nlicense: mit\n---\n");
        GgufMetadata metadata = keys("a/b", "m", 1000);
        assertThat(metadata.findString("general.license")).contains("mit");
        assertThat(metadata.find("general.license.name")).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "no head", "---\nlicense: [a, b\n---\n", "---\n- a\n---\n", "---\nlicense: mit", "---\n---\n", "---\nlicense: {a: b}\ndatasets: 7\n---\n"})
    void aCardThatCannotBeReadSaysNothing(String text) throws IOException {
        Files.writeString(card, text);
        assertThat(keys("a/b", "m", 1000).entries().keySet()).noneMatch(key -> key.startsWith("general.license") || key.startsWith("general.dataset"));
    }

    @ParameterizedTest
    @CsvSource({"Qwen/Qwen2.5-7B-Instruct,Qwen2.5,7B", "mistralai/Mixtral-8x7B-v0.1,Mixtral,8x7B", "HuggingFaceTB/SmolLM2-135M,SmolLM2,135M", "meta-llama/Llama-3.2-1b,Llama-3.2,1B"})
    void readsBaseNameAndSizeFromTheRepository(String repository, String name, String size) {
        GgufMetadata metadata = keys(repository, "majora", 1);
        assertThat(metadata.findString("general.basename")).contains(name);
        assertThat(metadata.findString("general.size_label")).contains(size);
        assertThat(metadata.findString("general.finetune")).contains("majora");
    }

    @Test
    void aBaseAloneKeepsWhatItWasTunedForAndAFolderIsNoRepository() {
        assertThat(keys("Qwen/Qwen2.5-7B-Instruct", null, 1).findString("general.finetune")).contains("Instruct");
        GgufMetadata folder = keys("/models/mine-7B", "majora", 7_615_616_512L);
        assertThat(folder.find("general.base_model.count")).isEmpty();
        assertThat(folder.find("general.basename")).isEmpty();
        assertThat(folder.findString("general.size_label")).contains("7.6B");
    }

    @ParameterizedTest
    @CsvSource({"494032768,494M", "7615616512,7.6B", "3085938688,3.1B", "70553706496,71B", "124439808,124M", "1300000,1.3M", "950000,950K", "999,1.0K"})
    void roundsSizesAsLlamaCppDoes(long weights, String label) {
        assertThat(GeneralKeys.sizeLabel(weights)).isEqualTo(label);
    }

    @Test
    void bringsTheAuthorsSamplingAlong() throws IOException {
        Files.writeString(base.resolve("generation_config.json"), "{\"temperature\": 0.7, \"top_p\": 0.8, \"top_k\": 20, \"repetition_penalty\": 1.05, \"min_p\": \"x\"}");
        GgufMetadata metadata = keys("a/b", "m", 1);
        assertThat(value(metadata, "general.sampling.temp")).isEqualTo(0.7f);
        assertThat(value(metadata, "general.sampling.top_p")).isEqualTo(0.8f);
        assertThat(value(metadata, "general.sampling.top_k")).isEqualTo(20L);
        assertThat(value(metadata, "general.sampling.penalty_repeat")).isEqualTo(1.05f);
        assertThat(metadata.find("general.sampling.min_p")).isEmpty();
        Files.writeString(base.resolve("generation_config.json"), "{broken");
        assertThat(keys("a/b", "m", 1).entries().keySet()).noneMatch(key -> key.startsWith("general.sampling"));
    }
}
