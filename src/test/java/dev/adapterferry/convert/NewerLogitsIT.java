package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Architectures that the embedded llama.cpp does not know yet: the file read as llama.cpp's graph reads it computes what the checkpoint
 * read as transformers' model class reads it computes. Each side is written from its own source; a layout, an order or a factor that the
 * converter gets wrong moves one of them.
 */
class NewerLogitsIT {
    private static final double BOUND = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"apertus", "exaone4", "exaone4-32b", "glm4moe", "glm4moe-mtp", "gpt-oss", "lfm2", "hunyuan-dense", "mistral3", "ernie4_5-moe", "lfm2moe",
            "deepseek2", "deepseek2-lite", "deepseek3", "deepseek3-ungrouped", "glm4moelite", "mistral4", "llama4", "llama4-vision", "qwen3vl", "qwen3vlmoe"})
    void theFileHoldsWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        assertThat(difference(read(converted(checkpoint), name), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isLessThan(BOUND / 100);
    }

    /** llama.cpp takes the deviation of Gemma 3n's gates over n - 1, transformers over n; with the 96 gates of this model that shows. */
    @Test
    void theFileOfGemma3nHoldsWhatTheCheckpointComputes() {
        MemoryCheckpoint checkpoint = checkpoint("gemma3n");
        Gemma3nForward reference = Gemma3nReaders.of(checkpoint);
        reference.sampleDeviation = true;
        assertThat(difference(read(converted(checkpoint), "gemma3n"), reference.logits(TOKENS))).isLessThan(BOUND / 100);
    }

    @ParameterizedTest
    @ValueSource(strings = {"gemma4", "gemma4-moe", "gemma4-unified"})
    void theFileOfGemma4HoldsWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        assertThat(difference(read(converted(checkpoint), name), Gemma4Readers.of(checkpoint).logits(TOKENS))).isLessThan(BOUND / 100);
    }

    /** Where transformers adds 1e-6 to the squares before it takes a query's or a key's length, llama.cpp only sees to it that the length is not 0. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen3next", "qwen3next-mtp", "qwen35", "qwen35moe", "qwen35-vision"})
    void theFileHoldsWhatTheCheckpointComputesButForTheShortestVectors(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        assertThat(difference(read(converted(checkpoint), name), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isLessThan(BOUND / 10);
    }

    @ParameterizedTest
    @CsvSource({"apertus, attn_k.weight, permute", "apertus, rope_freqs.weight, ones", "exaone4, attn_q.weight, permute", "exaone4, post_ffw_norm.weight, minus-one",
            "glm4moe, blk.1.ffn_down_exps.weight, next-expert", "glm4moe, attn_q.bias, permute", "gpt-oss, ffn_gate_exps.weight, next-expert", "gpt-oss, attn_sinks.weight, minus-one",
            "gpt-oss, ffn_up_exps.bias, minus-one", "lfm2, shortconv.in_proj.weight, other-half-first", "lfm2, token_embd_norm.weight, minus-one", "hunyuan-dense, attn_q.weight, permute",
            "mistral3, attn_q.weight, swap-halves", "ernie4_5-moe, attn_k.weight, swap-halves", "ernie4_5-moe, blk.1.exp_probs_b.bias, reversed", "lfm2moe, blk.1.ffn_gate_exps.weight, next-expert"})
    void aWrongTransformShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ConvertedModel bad = DamagedTensors.in(converted(checkpoint), tensor, damage);
        assertThat(difference(read(bad, name + "-" + damage), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isGreaterThan(5 * BOUND);
    }

    @ParameterizedTest
    @CsvSource({"gemma3n, altup_proj.weight, next-part", "gemma3n, altup_unembd_proj.weight, next-part", "gemma3n, blk.24.post_norm.weight, minus-one", "gemma3n, altup_correct_scale.weight, reversed",
            "gemma3n, per_layer_proj_norm.weight, minus-one", "gemma4, rope_freqs.weight, ones", "gemma4, blk.1.attn_q.weight, permute", "gemma4, layer_output_scale.weight, minus-one",
            "gemma4-moe, ffn_gate_up_exps.weight, next-expert", "gemma4-moe, ffn_down_exps.scale, reversed", "gemma4-moe, ffn_gate_inp.scale, minus-one"})
    void aWrongTransformOfGemmaShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ConvertedModel good = converted(checkpoint);
        double[][] expected = read(good, name);
        assertThat(difference(read(DamagedTensors.in(good, tensor, damage), name + "-" + damage), expected)).isGreaterThan(5 * BOUND);
    }

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    private static ConvertedModel converted(MemoryCheckpoint checkpoint) {
        return new ModelConverter().convert(checkpoint, Provenance.NONE);
    }

    private static double[][] read(ConvertedModel model, String name) {
        try (GgufFile gguf = GgufFile.open(GgufFiles.write(model, folder.resolve(name + ".gguf"), GgmlType.F32))) {
            return switch (model.architecture()) {
                case "gemma3n" -> Gemma3nReaders.of(gguf).logits(TOKENS);
                case "gemma4" -> Gemma4Readers.of(gguf).logits(TOKENS);
                default -> GgufDecoder.of(gguf).logits(TOKENS);
            };
        }
    }
}
