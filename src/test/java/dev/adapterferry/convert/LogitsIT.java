package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.convert.Decoder.Activation;
import dev.adapterferry.convert.ExpertMixture.Shares;
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
 * The model in the file computes what the checkpoint computes. A wrong permutation or a missing +1 loads fine and talks
 * nonsense; here it shows: the second half of these tests damages files in such ways and sees the bound broken.
 */
class LogitsIT {
    private static final double BOUND = 1e-3;
    /** Where llama.cpp rounds nothing to F16. */
    private static final double EXACT = 1e-5;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"llama", "llama-3.2", "mistral", "mistral-nemo", "mixtral", "granite", "granitemoe", "qwen2", "qwen2moe", "gemma", "gemma2", "gemma3", "phi2", "phi3",
            "phi3-longrope", "olmo2", "command-r", "starcoder2", "stablelm", "nemotron", "internlm2", "internlm3", "minicpm", "qwen2vl", "qwen2.5vl",
            "llava", "llava-next-mistral", "llava-onevision", "smolvlm", "paligemma", "qwen2audio", "phi4-vision", "phi4mm"})
    void llamaCppComputesWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve(name + ".gguf"), GgmlType.F32);
        Decoder reference = CheckpointDecoder.of(checkpoint);
        double[][] expected = reference.logits(TOKENS);
        reference.coarse = true;
        assertThat(difference(llamaCpp(file), reference.logits(TOKENS))).as("llama.cpp from the definition of the model").isLessThan(bound(reference));
        assertThat(difference(read(file), expected)).as("our reading of llama.cpp's graph from the definition of the model").isLessThan(1e-5);
    }

    /** Older architectures, whose graphs nothing here reads but llama.cpp itself. */
    @ParameterizedTest
    @ValueSource(strings = {"bloom", "cohere2", "deepseek", "exaone", "falcon", "falcon-11b", "falcon-40b", "glm", "gpt2", "gpt2-untied", "gptneox", "gptneox-sequential", "gptneox-tied", "olmo", "olmoe", "phimoe",
            "phimoe-longrope", "starcoder", "starcoder-mha"})
    void llamaCppComputesWhatOlderCheckpointsCompute(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve(name + ".gguf"), GgmlType.F32);
        Decoder reference = asLlamaCppKnowsIt(CheckpointDecoder.of(checkpoint));
        assertThat(difference(llamaCpp(file), reference.logits(TOKENS))).isLessThan(bound(reference));
    }

    /** Should this fail one day, llama.cpp has learned to compute Phi-3.5-MoE, and what architectures.md says of it is to be taken back. */
    @Test
    void llamaCppDoesNotComputePhiMoeAsItIsDefined() {
        MemoryCheckpoint checkpoint = checkpoint("phimoe");
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve("phimoe-defined.gguf"), GgmlType.F32);
        assertThat(difference(llamaCpp(file), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isGreaterThan(5 * BOUND);
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
    @ValueSource(strings = {"qwen3", "qwen3moe", "smollm3", "arcee", "glm4", "seed_oss", "ernie4_5", "kormo", "internvl"})
    void theFileHoldsWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = GgufFiles.write(converted(checkpoint), folder.resolve(name + ".gguf"), GgmlType.F32);
        assertThat(difference(read(file), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isLessThan(1e-5);
    }

    @ParameterizedTest
    @CsvSource({"llama, attn_q.weight, swap-halves", "llama, attn_k.weight, swap-halves", "mixtral, attn_k.weight, swap-halves", "qwen2, attn_q.weight, permute", "qwen2, attn_k.bias, permute",
            "gemma2, attn_norm.weight, minus-one", "gemma2, post_ffw_norm.weight, minus-one", "phi3, ffn_up.weight, other-half-first", "mixtral, ffn_gate_exps.weight, next-expert",
            "llama-3.2, rope_freqs.weight, ones", "starcoder2, attn_norm.bias, minus-one",
            "cohere2, attn_q.weight, permute", "deepseek, blk.1.ffn_up_exps.weight, next-expert", "exaone, attn_k.weight, permute", "exaone, rope_freqs.weight, ones",
            "falcon-40b, attn_norm.weight, reversed", "falcon-40b, attn_norm_2.weight, reversed", "glm, attn_q.weight, swap-halves", "glm, ffn_up.weight, other-half-first",
            "gpt2, attn_qkv.weight, next-part", "gpt2, position_embd.weight, reversed", "olmoe, attn_q.weight, permute", "olmoe, attn_k_norm.weight, reversed",
            "olmoe, ffn_gate_exps.weight, next-expert", "phimoe, attn_k.weight, permute", "phimoe, ffn_down_exps.weight, next-expert", "starcoder, attn_qkv.weight, next-part"})
    void aWrongTransformShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        ConvertedModel good = converted(checkpoint);
        ConvertedModel bad = DamagedTensors.in(good, tensor, damage);
        Path file = GgufFiles.write(bad, folder.resolve(name + "-" + damage + ".gguf"), GgmlType.F32);
        double[][] expected = asLlamaCppKnowsIt(CheckpointDecoder.of(checkpoint)).logits(TOKENS);
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

    private static double bound(Decoder reference) {
        return reference.activation == Activation.GELU || reference.activation == Activation.GELU_TANH ? BOUND : EXACT;
    }

    /** llama.cpp leaves the mean in the norms of Phi-3.5-MoE, and weighs the two chosen experts as Mixtral does. */
    private static Decoder asLlamaCppKnowsIt(Decoder reference) {
        for (Decoder.Layer layer : reference.layers) {
            if (layer.experts != null && layer.experts.shares == Shares.SPARSE_MIXER) {
                layer.experts.shares = Shares.SOFTMAX;
                layer.experts.renormalise = true;
                reference.layerNorm = false;
            }
        }
        return reference;
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
        return Logits.ofLlamaCpp(file, TOKENS);
    }
}
