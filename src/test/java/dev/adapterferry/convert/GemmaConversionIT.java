package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.lang.reflect.Array;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Gemma 3n and Gemma 4 beside their numbers: what is left out and said, padded, refused, and Gemma 4's vocabulary. */
class GemmaConversionIT {
    @TempDir
    static Path folder;

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    private static ConvertedModel converted(MemoryCheckpoint checkpoint) {
        return new ModelConverter().convert(checkpoint, Provenance.NONE);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma3n-vision", "gemma4-vision", "gemma4-unified-vision"})
    void towersAreLeftOutAndTheRunSaysSo(String name) {
        ConvertedModel model = converted(checkpoint(name));
        assertThat(model.tensors().tensors()).noneMatch(t -> t.name().contains("vision") || t.name().contains("audio"));
        assertThat(model.notes()).anyMatch(note -> note.contains("4 tensors for images or sound are left out"));
        assertThat(converted(checkpoint(name.replace("-vision", ""))).notes()).noneMatch(note -> note.contains("images"));
    }

    @Test
    void idsWithoutAnEmbeddingPerLayerGetZeros() {
        MemoryCheckpoint checkpoint = checkpoint("gemma3n");
        float[] table = GgufFiles.read(converted(checkpoint), "per_layer_token_embd.weight");
        float[] stored = checkpoint.values("model.embed_tokens_per_layer.weight");
        assertThat(table).hasSize(384 * 6400);
        assertThat(Arrays.copyOf(table, stored.length)).isEqualTo(stored);
        assertThat(Arrays.copyOfRange(table, stored.length, table.length)).containsOnly(0);
    }

    @Test
    void listsPerLayerStayLists() {
        GgufMetadata keys = converted(checkpoint("gemma4")).metadata();
        assertThat(keys.find("gemma4.feed_forward_length").orElseThrow().value()).isEqualTo(new int[] {96, 96, 96, 96, 192, 192});
        assertThat(converted(checkpoint("gemma4-moe")).metadata().find("gemma4.attention.head_count_kv").orElseThrow().value()).isEqualTo(new int[] {2, 1, 2, 1, 2, 1});
        float[] scales = (float[]) converted(checkpoint("gemma3n")).metadata().find("gemma3n.activation_sparsity_scale").orElseThrow().value();
        assertThat(scales).hasSize(25).startsWith(1.6448534f).endsWith(Float.NEGATIVE_INFINITY);
    }

    @ParameterizedTest
    @CsvSource({"gemma4, 101010", "gemma4-moe, 101010"})
    void theLastLayerOfGemma4SeesEverything(String name, String pattern) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ((ArrayNode) checkpoint.rawConfig().get("layer_types")).set(5, "sliding_attention");
        List<?> flags = (List<?>) converted(checkpoint).metadata().find("gemma4.attention.sliding_window_pattern").orElseThrow().value();
        assertThat(flags.stream().map(flag -> Boolean.TRUE.equals(flag) ? "1" : "0").collect(Collectors.joining())).isEqualTo(pattern);
    }

    /** Without a list every sixth layer sees everything, and of Gemma 3n every fifth. */
    @Test
    void layersWithoutAListFollowTheUsualPattern() {
        MemoryCheckpoint four = checkpoint("gemma4-unified");
        four.rawConfig().remove("layer_types");
        assertThat(converted(four).metadata().find("gemma4.attention.sliding_window_pattern").orElseThrow().value()).isEqualTo(List.of(true, true, true, true, true, false));
        MemoryCheckpoint three = checkpoint("gemma3n");
        three.rawConfig().remove("layer_types");
        assertThat(converted(three).metadata().find("gemma3n.attention.sliding_window_pattern")).isEqualTo(converted(checkpoint("gemma3n")).metadata().find("gemma3n.attention.sliding_window_pattern"));
    }

    /** llama.cpp has these numbers in its code: with others it would load the file and talk nonsense. */
    @ParameterizedTest
    @CsvSource({"num_kv_shared_layers, 4, num_hidden_layers - num_kv_shared_layers is 21", "altup_num_inputs, 3, altup_num_inputs is 3", "altup_active_idx, 1, altup_active_idx is 1"})
    void refusesGemma3nOfAnotherBuild(String field, int value, String message) {
        MemoryCheckpoint checkpoint = checkpoint("gemma3n");
        checkpoint.rawConfig().put(field, value);
        assertThatThrownBy(() -> converted(checkpoint)).hasMessageContaining(message).hasMessageContaining("llama.cpp computes every gemma3n with");
    }

    @Test
    void refusesAnotherSparsity() {
        MemoryCheckpoint checkpoint = checkpoint("gemma3n");
        ((ArrayNode) checkpoint.rawConfig().get("activation_sparsity_pattern")).set(3, 0.5);
        assertThatThrownBy(() -> converted(checkpoint)).hasMessageContaining("activation_sparsity_pattern[3] is 0.5");
    }

    @ParameterizedTest
    @CsvSource({"gemma4, model.layers.2.self_attn.k_norm.weight", "gemma4, model.layers.5.per_layer_projection.weight", "gemma4-moe, model.layers.3.experts.down_proj",
            "gemma3n, model.altup_projections.1.weight", "gemma3n, model.layers.20.laurel.linear_left.weight", "lfm2moe, model.layers.2.conv.in_proj.weight", "lfm2moe, model.layers.1.feed_forward.gate.weight",
            "glm4moe, model.layers.1.mlp.shared_experts.up_proj.weight", "ernie4_5-moe, model.layers.1.mlp.gate.weight"})
    void namesATensorThatALayerLacks(String name, String tensor) {
        MemoryCheckpoint checkpoint = checkpoint(name).remove(tensor);
        String part = tensor.startsWith("model.altup") ? "part 1 of 'altup_proj.weight'" : tensor.replace(".weight", "");
        assertThatThrownBy(() -> converted(checkpoint)).hasMessageContaining("lacks 1 tensor").hasMessageContaining(part);
    }

    @Test
    void theVocabularyOfGemma4HasItsOwnKind() throws IOException {
        ObjectMapper json = new ObjectMapper();
        Path files = Files.createDirectories(folder.resolve("gemma4-tokenizer"));
        ObjectNode tokenizer = (ObjectNode) json.readTree(TinyTokenizers.folder().resolve("spm").resolve("tokenizer.json").toFile());
        ArrayNode added = (ArrayNode) tokenizer.get("added_tokens");
        int first = tokenizer.at("/model/vocab").size();
        for (String marker : List.of("<|turn>", "<|channel>", "<|\"|>", "[note]")) {
            added.addObject().put("id", first + added.size() - 3).put("content", marker).put("special", !marker.equals("[note]"));
        }
        json.writeValue(files.resolve("tokenizer.json").toFile(), tokenizer);
        Files.writeString(files.resolve("tokenizer_config.json"), "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"unk_token\":\"<unk>\"}");
        Files.writeString(files.resolve("generation_config.json"), "{\"suppress_tokens\":[3,7]}");
        ConvertedModel model = converted(TinyModels.checkpoint("gemma4", files, ElementType.F32));
        GgufMetadata keys = model.metadata();
        assertThat(model.tokenizer().model()).isEqualTo("gemma4");
        assertThat(keys.findString("tokenizer.ggml.model")).contains("gemma4");
        assertThat(keys.find("tokenizer.ggml.pre")).isEmpty();
        assertThat(keys.find("tokenizer.ggml.add_bos_token").orElseThrow().value()).isEqualTo(true);
        assertThat(keys.find("tokenizer.ggml.add_space_prefix").orElseThrow().value()).isEqualTo(false);
        assertThat(keys.find("tokenizer.ggml.suppress_tokens").orElseThrow().value()).as("ids that must not be answered").isEqualTo(new int[] {3, 7});
        List<?> tokens = (List<?>) keys.find("tokenizer.ggml.tokens").orElseThrow().value();
        List<?> merges = (List<?>) keys.find("tokenizer.ggml.merges").orElseThrow().value();
        int[] types = (int[]) keys.find("tokenizer.ggml.token_type").orElseThrow().value();
        assertThat(tokens).hasSize(384);
        assertThat(Array.getLength(keys.find("tokenizer.ggml.scores").orElseThrow().value())).isEqualTo(384);
        assertThat(merges).hasSameSizeAs(tokenizer.at("/model/merges")).first().asString().contains(" ");
        assertThat(types[tokens.indexOf("<0x0A>")]).isEqualTo(6);
        assertThat(types[tokens.indexOf("<|turn>")]).as("a marker of the chat").isEqualTo(3);
        assertThat(types[tokens.indexOf("<|channel>")]).as("a marker that the answer's reader needs").isEqualTo(4);
        assertThat(types[tokens.indexOf("<|\"|>")]).isEqualTo(4);
        assertThat(types[tokens.indexOf("[note]")]).isEqualTo(4);
        assertThat(types[tokens.indexOf("\u2581the")]).isEqualTo(1);
        assertThat(types[383]).as("an id without text").isEqualTo(5);
    }
}
