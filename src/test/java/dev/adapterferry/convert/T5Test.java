package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What config.json and the tensors' names say of a T5: how its head is fed, where its decoder begins, what is missing. */
class T5Test {
    /** Releases of transformers say it in different ways; the last norm carries the scale. */
    @ParameterizedTest
    @CsvSource({"t5, '', false, true", "t5, '', true, true", "t5, tie_word_embeddings false, true, false", "t5, scale_decoder_outputs false, true, false", "t5-1.1, '', true, false",
            "t5-1.1, tie_word_embeddings true, true, false", "t5-1.1, scale_decoder_outputs true, true, true", "mt5, tie_word_embeddings true, true, false", "umt5, tie_word_embeddings true, false, true"})
    void theHeadIsScaledWhereTransformersScalesIt(String name, String said, boolean head, boolean scaled) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        if (!said.isEmpty()) {
            checkpoint.rawConfig().put(said.split(" ")[0], Boolean.parseBoolean(said.split(" ")[1]));
        }
        checkpoint.remove("lm_head.weight");
        if (head) {
            checkpoint.add("lm_head.weight", 0, TinyModels.ROWS, TinyModels.WIDTH);
        }
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        float[] norm = GgufFiles.read(model, "dec.output_norm.weight");
        float[] stored = checkpoint.values("decoder.final_layer_norm.weight");
        assertThat(norm[7]).isEqualTo(scaled ? (float) (stored[7] / 8.0) : stored[7]);
        assertThat(model.tensors().find("output.weight").isPresent()).isEqualTo(head);
    }

    /** A configuration that llama.cpp reads past: it loads the file and talks nonsense. */
    @ParameterizedTest
    @CsvSource({"t5, relative_attention_max_distance, 256", "t5encoder, feed_forward_proj, '\"gated-silu\"'", "mt5, dense_act_fn, '\"silu\"'", "t5, dense_act_fn, '\"gelu\"'"})
    void whatLlamaCppWouldComputeOtherwiseIsRefused(String name, String field, String value) throws IOException {
        ObjectNode config = checkpoint(name).config();
        ArchitectureCatalog.builtIn().check(config, "org/new");
        config.set(field, new ObjectMapper().readTree(value));
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/new")).hasMessageContaining("Cannot convert org/new: llama.cpp").hasMessageContaining(field);
    }

    @Test
    void theTokenThatTheDecoderBeginsWithMayStandInGenerationConfig(@TempDir Path folder) throws IOException {
        try (Stream<Path> files = Files.list(TinyTokenizers.folder().resolve("unigram"))) {
            for (Path file : files.toList()) {
                Files.copy(file, folder.resolve(file.getFileName()));
            }
        }
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("t5", folder, ElementType.F32);
        checkpoint.rawConfig().put("pad_token_id", 1).remove("decoder_start_token_id");
        assertThat(new ModelConverter().outline(checkpoint).number("decoder_start_token_id")).as("the padding token where nobody says it").isEqualTo(1);
        Files.writeString(folder.resolve("generation_config.json"), "{\"decoder_start_token_id\": 5}");
        assertThat(new ModelConverter().outline(checkpoint).number("decoder_start_token_id")).isEqualTo(5);
    }

    @Test
    void missingTensorsHaveTheirNamesInTheCheckpoint() {
        MemoryCheckpoint checkpoint = checkpoint("t5-1.1").remove("decoder.block.1.layer.1.EncDecAttention.k.weight").remove("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
                .remove("lm_head.weight");
        assertThatThrownBy(() -> new ModelConverter().tensors(checkpoint)).hasMessageContaining("lacks 3 tensors").hasMessageContaining("decoder.block.1.layer.1.EncDecAttention.k.weight")
                .hasMessageContaining("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight").hasMessageContaining("lm_head.weight");
    }

    @Test
    void gatesAreInAllLayersOrInNone() {
        MemoryCheckpoint checkpoint = checkpoint("t5-1.1").remove("decoder.block.1.layer.2.DenseReluDense.wi_0.weight");
        assertThatThrownBy(() -> new ModelConverter().tensors(checkpoint)).hasMessageContaining("some feed-forwards of its decoder have gates");
    }

    @Test
    void layersBeyondTheDecodersAreRefused() {
        MemoryCheckpoint checkpoint = checkpoint("t5");
        checkpoint.rawConfig().put("num_decoder_layers", 1);
        assertThatThrownBy(() -> new ModelConverter().tensors(checkpoint)).hasMessageContaining("unknown to architecture t5 with 2 and 1 layers").hasMessageContaining("decoder.block.1.layer.0");
    }

    @Test
    void tokensThatAreBytesAreRefused(@TempDir Path folder) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"ByT5Tokenizer\"}");
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("t5", folder, ElementType.F32);
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("ByT5Tokenizer").hasMessageContaining("llama.cpp has no such tokenizer");
    }

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }
}
