package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The model in the file computes what the checkpoint computes. A wrong permutation or a missing +1 loads fine and talks
 * nonsense; here it shows: the second half of these tests damages files in such ways and sees the bound broken.
 */
class LogitsIT {
    private static final double BOUND = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama-3.2", "mistral", "mistral-nemo", "mixtral", "granite", "granitemoe", "qwen2", "qwen2moe", "gemma", "gemma2", "gemma3", "phi2", "phi3",
            "phi3-longrope", "olmo2", "command-r", "starcoder2", "stablelm", "nemotron", "internlm2", "internlm3", "minicpm", "qwen2vl", "qwen2.5vl"})
    void llamaCppComputesWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve(name + ".gguf"), GgmlType.F32);
        Decoder reference = CheckpointDecoder.of(checkpoint);
        double[][] expected = reference.logits(TOKENS);
        reference.coarse = true;
        assertThat(difference(llamaCpp(file), reference.logits(TOKENS))).as("llama.cpp from the definition of the model").isLessThan(BOUND);
        assertThat(difference(read(file), expected)).as("our reading of llama.cpp's graph from the definition of the model").isLessThan(1e-5);
    }

    /** The library's own form of DeepSeek's attention; groups of experts it does not know. */
    @ParameterizedTest
    @ValueSource(strings = {"deepseek2", "deepseek2-lite", "deepseek3-ungrouped"})
    void llamaCppComputesWhatTheCheckpointComputesInTheFormThatItKnows(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(OlderLatentForm.of(converted(checkpoint)), folder.resolve(name + "-older.gguf"), GgmlType.F32);
        assertThat(difference(llamaCpp(file), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isLessThan(BOUND);
    }

    /** Newer than the embedded library: the graph is computed by {@link GgufDecoder}, which the test above holds to llama.cpp. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen3", "qwen3moe", "smollm3", "arcee", "glm4", "seed_oss", "ernie4_5"})
    void theFileHoldsWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve(name + ".gguf"), GgmlType.F32);
        assertThat(difference(read(file), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isLessThan(1e-5);
    }

    @ParameterizedTest
    @CsvSource({"llama, attn_q.weight, swap-halves", "llama, attn_k.weight, swap-halves", "mixtral, attn_k.weight, swap-halves", "qwen2, attn_q.weight, permute", "qwen2, attn_k.bias, permute",
            "gemma2, attn_norm.weight, minus-one", "gemma2, post_ffw_norm.weight, minus-one", "phi3, ffn_up.weight, other-half-first", "mixtral, ffn_gate_exps.weight, next-expert",
            "llama-3.2, rope_freqs.weight, ones", "starcoder2, attn_norm.bias, minus-one"})
    void aWrongTransformShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ConvertedModel good = converted(checkpoint);
        ConvertedModel bad = DamagedTensors.in(good, tensor, damage);
        Path file = GgufFiles.write(bad, folder.resolve(name + "-" + damage + ".gguf"), GgmlType.F32);
        double[][] expected = CheckpointDecoder.of(checkpoint).logits(TOKENS);
        assertThat(difference(llamaCpp(file), expected)).isGreaterThan(5 * BOUND);
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen3", "smollm3"})
    void aWrongRopeLayoutShowsInNewerArchitecturesToo(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ConvertedModel good = converted(checkpoint);
        ConvertedModel bad = DamagedTensors.in(good, "attn_q.weight", name.equals("qwen3") ? "permute" : "swap-halves");
        Path file = GgufFiles.write(bad, folder.resolve(name + "-layout.gguf"), GgmlType.F32);
        assertThat(difference(read(file), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isGreaterThan(5 * BOUND);
    }

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    private static ConvertedModel converted(MemoryCheckpoint checkpoint) {
        return new ModelConverter().convert(checkpoint, Provenance.NONE);
    }

    private static double[][] read(Path file) {
        try (GgufFile gguf = GgufFile.open(file)) {
            return GgufDecoder.of(gguf).logits(TOKENS);
        }
    }

    private static double[][] llamaCpp(Path file) {
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = LlamaContext.exact(model, 64, 2)) {
            float[][] rows = context.decodeAll(TOKENS);
            double[][] logits = new double[rows.length][rows[0].length];
            for (int t = 0; t < rows.length; t++) {
                for (int i = 0; i < rows[t].length; i++) {
                    logits[t][i] = rows[t][i];
                }
            }
            return logits;
        }
    }
}
