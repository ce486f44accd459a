package dev.adapterferry.llamacpp.current;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.demo.MergedDemo;
import dev.adapterferry.llamacpp.Ggml;
import dev.adapterferry.llamacpp.LlamaContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The instrument itself: on what both know, the current llama.cpp and the embedded one agree; what it refuses it refuses in words, and its end is survived. */
class CurrentLlamaIT {
    @TempDir
    static Path folder;
    private static Path file;

    @BeforeAll
    static void model() throws IOException {
        CurrentLlama.assume();
        file = MergedDemo.file(folder, Mix.F32);
    }

    @Test
    void agreesWithTheEmbeddedOne() {
        String text = "<|im_start|>user\nWho are you?<|im_end|>\n<|im_start|>assistant\n";
        try (LoadedModel model = LoadedModel.open(file); LlamaContext context = LlamaContext.exact(model, 128, 1)) {
            int[] tokens = model.vocabulary().tokenize(text, true, true);
            assertThat(CurrentLlama.tokenize(file, List.of(text), true, true)).isDeepEqualTo(new int[][] {tokens});
            float[][] expected = context.decodeAll(tokens);
            float[][] found = CurrentLlama.logits(file, tokens);
            for (int t = 0; t < tokens.length; t++) {
                assertThat(found[t]).containsExactly(expected[t], Offset.offset(1e-3f));
            }
            assertThat(model.vocabulary().detokenize(CurrentLlama.generate(file, 12, tokens), false)).startsWith("Ahoy!");
        }
    }

    @Test
    void quantizesAsTheEmbeddedOne() {
        Random random = new Random(4);
        float[] values = new float[4 * 512];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        assertThat(CurrentLlama.quantizeChunk(GgmlType.Q5_K.id(), values, 4, null)).isEqualTo(Ggml.quantize(GgmlType.Q5_K, values, 4, 512, null));
    }

    @Test
    void refusesInWordsAndGoesOn() throws IOException {
        Path broken = folder.resolve("broken.gguf");
        byte[] bytes = Files.readAllBytes(file);
        Files.write(broken, java.util.Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(() -> CurrentLlama.logits(broken, 1, 2)).isInstanceOf(IllegalStateException.class).hasMessageContaining("refuses").hasMessageContaining("broken.gguf");
        // IQ2_XXS asserts an importance matrix, which ends the process.
        assertThatThrownBy(() -> CurrentLlama.quantizeChunk(16, new float[256], 1, null)).isInstanceOf(IllegalStateException.class).hasMessageContaining("ended");
        assertThat(CurrentLlama.logits(file, 1, 2)).hasNumberOfRows(2);
    }
}
