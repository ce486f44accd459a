package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Text models inside models that see or hear: which class they have, and what their config.json need not say. */
class TextPartsTest {
    private static final ArchitectureCatalog CATALOG = ArchitectureCatalog.builtIn();

    private static ObjectNode json(String text) {
        try {
            return (ObjectNode) new ObjectMapper().readTree(text);
        } catch (JsonProcessingException e) {
            throw new AssertionError(e);
        }
    }

    private static ModelConfig config(ObjectNode root) {
        return ModelConfig.of(root, CATALOG.require(root, "org/model"), List.of());
    }

    @Test
    void everyKindHasAnArchitecture() {
        assertThat(CATALOG.classNames()).containsAll(TextParts.builtIn().classes());
        TextParts.builtIn().wholes().forEach(whole -> assertThat(CATALOG.require(json("{\"architectures\":[\"" + whole + "\"]}"), whole).classes()).isNotEmpty());
    }

    /** What llava-hf/llava-1.5-7b-hf says of its text part, with and without the class's name: all but what LlamaConfig fills in. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"''", "'\"architectures\":[\"LlamaForCausalLM\"],'"})
    void fillsInWhatTheConfigClassFillsIn(String named) {
        ObjectNode root = json("{\"architectures\":[\"LlavaForConditionalGeneration\"],\"model_type\":\"llava\",\"text_config\":{" + named
                + "\"max_position_embeddings\":4096,\"model_type\":\"llama\",\"rms_norm_eps\":1e-05,\"torch_dtype\":\"float16\",\"vocab_size\":32064},\"vision_config\":{\"hidden_size\":1024}}");
        ModelConfig config = config(root);
        assertThat(CATALOG.require(root, "llava").arch()).isEqualTo("llama");
        assertThat(config.findLong("hidden_size")).contains(4096L);
        assertThat(config.findLong("intermediate_size")).contains(11008L);
        assertThat(config.findLong("block_count")).contains(32L);
        assertThat(config.findLong("heads")).contains(32L);
        assertThat(config.findLong("kv_heads")).contains(32L);
        assertThat(config.findLong("head_size")).contains(128L);
        assertThat(config.findLong("vocab_size")).contains(32064L);
    }

    /** mistral-community/pixtral-12b leaves out the 32 heads, which are not 5120 / 128. */
    @Test
    void aHeadSizeOfItsOwnStays() {
        ModelConfig config = config(json("{\"architectures\":[\"LlavaForConditionalGeneration\"],\"text_config\":{\"head_dim\":128,\"hidden_size\":5120,\"intermediate_size\":14336,\"max_position_embeddings\":1024000,"
                + "\"model_type\":\"mistral\",\"num_hidden_layers\":40,\"num_key_value_heads\":8,\"rope_theta\":1000000000.0,\"sliding_window\":null,\"vocab_size\":131072}}"));
        assertThat(config.findLong("heads")).contains(32L);
        assertThat(config.findLong("kv_heads")).contains(8L);
        assertThat(config.findLong("head_size")).contains(128L);
    }

    @ParameterizedTest
    @CsvSource({"LlavaForConditionalGeneration, , llama", "LlavaOnevisionForConditionalGeneration, , qwen2", "PaliGemmaForConditionalGeneration, gemma2, gemma2", "LlavaNextForConditionalGeneration, granite, granite",
            "InternVLForConditionalGeneration, gpt_oss, gpt-oss", "InternVLForConditionalGeneration, qwen3_moe, qwen3moe", "AyaVisionForConditionalGeneration, cohere2, cohere2", "AudioFlamingo3ForConditionalGeneration, , qwen2", "KimiVLForConditionalGeneration, , deepseek2", "KimiK25ForConditionalGeneration, kimi_k2, deepseek2", "Lfm2VlForConditionalGeneration, lfm2, lfm2"})
    void theKindTellsTheArchitecture(String whole, String kind, String arch) {
        ObjectNode root = json("{\"architectures\":[\"" + whole + "\"],\"text_config\":{" + (kind == null ? "" : "\"model_type\":\"" + kind + "\"") + "}}");
        assertThat(CATALOG.require(root, "org/model").arch()).isEqualTo(arch);
    }

    /** What the config class fills in is not what every model of the class has. */
    @Test
    void aSizeThatIsMissingAndOfAnotherModelIsRefused() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("llava", ElementType.BF16);
        ((ObjectNode) checkpoint.rawConfig().get("text_config")).remove("hidden_size");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).isInstanceOf(FerryException.class).hasMessageContaining("4096 numbers per token (hidden_size")
                .hasMessageContaining("the embedding has 64");
    }

    @Test
    void anUnknownKindIsRefusedByName() {
        ObjectNode root = json("{\"architectures\":[\"LlavaForConditionalGeneration\"],\"text_config\":{\"model_type\":\"opt\"}}");
        assertThatThrownBy(() -> CATALOG.check(root, "org/model")).isInstanceOf(FerryException.class).hasMessageContaining("text part of this LlavaForConditionalGeneration is of the type 'opt'")
                .hasMessageContaining("Supported are").hasMessageContaining("qwen2");
    }

    @Test
    void theEncoderIsLeftOutAndTheRunSaysSo() {
        for (String name : List.of("llava", "llava-next-mistral", "llava-onevision", "smolvlm", "internvl", "qwen2audio", "phi4-vision")) {
            ConvertedModel model = new ModelConverter().convert(TinyModels.checkpoint(name, ElementType.BF16), Provenance.NONE);
            assertThat(model.notes()).as(name).singleElement().asString().contains("tensors for images or sound are left out");
            assertThat(model.tensors().tensors()).as(name).allMatch(tensor -> tensor.name().matches("(token_embd|output|output_norm)\\.weight|blk\\.[01]\\..*"));
        }
        assertThat(new ModelConverter().convert(TinyModels.checkpoint("paligemma", ElementType.BF16), Provenance.NONE).notes()).hasSize(2).anySatisfy(note -> assertThat(note).contains("in both directions"));
        assertThat(new ModelConverter().convert(TinyModels.checkpoint("phi4mm", ElementType.BF16), Provenance.NONE).notes()).hasSize(2).anySatisfy(note -> assertThat(note).contains("adapters for images and sound"));
    }

    /** The same weights under the names of the text model alone become the same file. */
    @Test
    void theTextPartIsTheModelThatItWouldBeAlone() {
        ConvertedModel part = new ModelConverter().convert(TinyModels.checkpoint("smolvlm", ElementType.BF16), Provenance.NONE);
        ConvertedModel alone = new ModelConverter().convert(TinyModels.checkpoint("llama", ElementType.BF16), Provenance.NONE);
        assertThat(part.tensors().tensors()).containsExactlyInAnyOrderElementsOf(alone.tensors().tensors());
        assertThat(part.metadata().findLong("llama.rope.dimension_count")).isEqualTo(alone.metadata().findLong("llama.rope.dimension_count"));
    }
}
