package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a converted file and the run say of pooling. */
class PoolingTest {
    @TempDir
    Path folder;

    private ConvertedModel converted(String name, String mode) throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve(TinyModels.tokenizer(name)), mode);
        return converted(name, files);
    }

    private static ConvertedModel converted(String name, Path files) {
        return new ModelConverter().convert(TinyModels.checkpoint(name, files, ElementType.F32), Provenance.NONE);
    }

    @ParameterizedTest
    @CsvSource({"qwen2-embedding, mean_tokens, qwen2, 1", "qwen3-embedding, lasttoken, qwen3, 3", "gemma-embedding, cls_token, gemma-embedding, 2", "qwen3, lasttoken, qwen3, 3"})
    void isThatOfSentenceTransformers(String name, String mode, String architecture, long type) throws IOException {
        ConvertedModel model = converted(name, mode);
        assertThat(model.metadata().findLong(architecture + ".pooling_type")).contains(type);
        assertThat(model.notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"mean, 1", "cls, 2", "lasttoken, 3"})
    void isReadInTheNewerNotationToo(String mode, long type) throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("bpe"), mode);
        Files.writeString(files.resolve("1_Pooling/config.json"), "{\"embedding_dimension\":64,\"pooling_mode\":\"" + mode + "\",\"include_prompt\":true}");
        assertThat(converted("qwen3-embedding", files).metadata().findLong("qwen3.pooling_type")).contains(type);
    }

    @Test
    void isTheMeanWhereNothingIsSaid() {
        ConvertedModel model = converted("qwen2-embedding", TinyTokenizers.folder().resolve("bpe"));
        assertThat(model.metadata().findLong("qwen2.pooling_type")).contains(1L);
        assertThat(model.notes()).singleElement().asString().contains("modules.json").contains("mean");
    }

    @Test
    void modelsThatGoOnWithATextHaveNone() {
        ConvertedModel model = converted("qwen2", TinyTokenizers.folder().resolve("bpe"));
        assertThat(model.metadata().find("qwen2.pooling_type")).isEmpty();
        assertThat(model.notes()).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"gemma-embedding, Identity, 96, true", "gemma-embedding, Tanh, 96, false", "gemma-embedding, Identity, 64, false", "qwen3-embedding, Identity, 96, false"})
    void layersBehindItAreWrittenWhereLlamaCppComputesThemAndTheRunTellsOfOthers(String name, String activation, int between, boolean written) throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve(TinyModels.tokenizer(name)), "mean_tokens", "2_Dense", "3_Dense", "4_Normalize");
        PooledFolder.dense(files.resolve("2_Dense"), 64, 96, activation.equals("Identity") ? "torch.nn.modules.linear.Identity" : "torch.nn.modules.activation.Tanh");
        PooledFolder.dense(files.resolve("3_Dense"), between, 64, "torch.nn.modules.linear.Identity");
        ConvertedModel model = converted(name, files);
        assertThat(model.tensors().find("dense_3.weight").isPresent()).isEqualTo(written);
        assertThat(model.metadata().findLong("gemma-embedding.dense_2_feat_out")).isEqualTo(written ? Optional.of(96L) : Optional.empty());
        if (written) {
            assertThat(model.notes()).isEmpty();
        } else {
            assertThat(model.notes()).singleElement().asString().contains("2_Dense, 3_Dense").contains("left out");
        }
    }

    @Test
    void nobodyMissesALayerBehindItThatLlamaCppDoesNotCompute() throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("wordpiece"), "cls_token", "2_Dense");
        assertThat(converted("bert", files).notes()).singleElement().asString().contains("2_Dense").contains("left out");
    }

    @Test
    void aLayerBehindItThatDidNotComeAlongIsMissed() throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("spm"), "mean_tokens", "2_Dense", "3_Dense");
        PooledFolder.dense(files.resolve("2_Dense"), 64, 96, "torch.nn.modules.linear.Identity");
        PooledFolder.dense(files.resolve("3_Dense"), 96, 64, "torch.nn.modules.linear.Identity");
        Files.delete(files.resolve("3_Dense/model.safetensors"));
        assertThatThrownBy(() -> converted("gemma-embedding", files)).hasMessageContaining("3_Dense").hasMessageContaining("not there");
    }

    @Test
    void tellsWhatTheModelIsAskedFor() throws IOException {
        assertThat(ModelUse.of(converted("bert", "mean_tokens").metadata())).isEqualTo(ModelUse.VECTORS);
        assertThat(ModelUse.of(converted("xlm-roberta-reranker", TinyTokenizers.folder().resolve("unigram")).metadata())).isEqualTo(ModelUse.SCORES);
        assertThat(ModelUse.of(converted("qwen2", TinyTokenizers.folder().resolve("bpe")).metadata())).isEqualTo(ModelUse.ANSWERS);
        assertThat(ModelUse.of(converted("dream", TinyTokenizers.folder().resolve("bpe")).metadata())).isEqualTo(ModelUse.FILLS);
    }

    /** ModernBERT's config.json of transformers 5: kinds of layers by name, rotation by kind. */
    @Test
    void windowsInTheNewerNotationAreTheSame() throws Exception {
        MemoryCheckpoint older = TinyModels.checkpoint("modern-bert", ElementType.F32);
        MemoryCheckpoint newer = TinyModels.checkpoint("modern-bert", ElementType.F32);
        newer.rawConfig().remove(List.of("global_attn_every_n_layers", "global_rope_theta", "local_rope_theta"));
        ArrayNode kinds = newer.rawConfig().putArray("layer_types").add("full_attention").add("sliding_attention").add("sliding_attention").add("full_attention").add("sliding_attention");
        newer.rawConfig().set("rope_parameters", new ObjectMapper().readTree("{\"full_attention\":{\"rope_type\":\"default\",\"rope_theta\":160000.0},\"sliding_attention\":{\"rope_type\":\"default\",\"rope_theta\":10000.0}}"));
        // All keys but those of the vocabulary.
        assertThat(new ModelConverter().outline(newer).metadata().entries()).isEqualTo(new ModelConverter().outline(older).metadata().entries());
        kinds.set(1, "full_attention");
        assertThatThrownBy(() -> new ModelConverter().convert(newer, Provenance.NONE)).hasMessageContaining("layer_types").hasMessageContaining("equal steps");
    }

    @Test
    void oneThatLlamaCppLacksIsRefused() {
        assertThatThrownBy(() -> converted("qwen2-embedding", "max_tokens")).hasMessageContaining("pooled by max").hasMessageContaining("mean, cls and lasttoken");
    }

    @Test
    void aFolderOutsideTheCheckpointIsNotRead() throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("bpe"), "mean_tokens");
        Files.writeString(files.resolve("modules.json"), "[{\"path\":\"../1_Pooling\",\"type\":\"sentence_transformers.models.Pooling\"}]");
        assertThatThrownBy(() -> converted("qwen2-embedding", files)).hasMessageContaining("modules.json").hasMessageContaining("no folder's name");
    }

    /** llama.cpp would show every token what stands behind it. */
    @Test
    void theRunSaysWhereLlamaCppLooksAheadAndTheModelDoesNot() throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("spm"), "mean_tokens");
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("gemma-embedding", files, ElementType.F32);
        checkpoint.rawConfig().remove("use_bidirectional_attention");
        assertThat(new ModelConverter().convert(checkpoint, Provenance.NONE).notes()).singleElement().asString().contains("use_bidirectional_attention");
    }

    /** Qwen3-Embedding-8B: the class with a head, tensors without, embeddings not tied. */
    @Test
    void aHeadThatWasNeverThereIsNotMissed() throws IOException {
        Path files = PooledFolder.write(folder.resolve("checkpoint"), TinyTokenizers.folder().resolve("bpe"), "lasttoken");
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("qwen3-embedding", files, ElementType.F32);
        checkpoint.rawConfig().putArray("architectures").add("Qwen3ForCausalLM");
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        assertThat(model.tensors().find("output.weight")).isEmpty();
        assertThat(model.metadata().findLong("qwen3.pooling_type")).contains(3L);
    }
}
