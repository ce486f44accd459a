package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The memory that is forecast for a conversation is the one that llama.cpp allocates. */
class KeyValueCacheIT {
    private static final double MIB = 1 << 20;

    @TempDir
    static Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"mistral-nemo", "gemma2", "gemma3", "gemma3n", "gemma4", "gpt-oss", "cohere2", "llama4", "phi3", "olmo3", "exaone4-32b", "lfm2", "qwen3next-mtp", "deepseek2", "glm4moe-mtp", "glm4-9b", "granite4-h", "falcon-h1",
            "deci"})
    void isWhatLlamaCppAllocates(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Path file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F16);
        ModelOutline outline = new ModelConverter().outline(checkpoint);
        for (int tokens : new int[] {500, 16384}) {
            // It tells its buffers in hundredths of MiB, at most four of them.
            assertThat(outline.cacheBytes(tokens) / MIB).as("%s, %d tokens", name, tokens).isCloseTo(CurrentLlama.cache(file, tokens), Offset.offset(0.021));
        }
    }
}
