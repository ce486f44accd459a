package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** llama.cpp loads what is converted and generates, for every architecture that the embedded build knows; {@link EmbeddingsIT} has those that embed. */
class ConvertedModelIT {
    /**
     * Architectures that came to llama.cpp after the embedded build (b4916, March 2025). Their names, shapes and keys are
     * checked by {@link LoaderDemandsTest} instead.
     */
    static final Set<String> NEWER_THAN_THE_LIBRARY = Set.of("qwen3", "qwen3moe", "smollm3", "arcee", "apertus", "glm4", "glm4moe", "gpt-oss", "ernie4_5",
            "ernie4_5-moe", "seed_oss", "lfm2", "hunyuan-dense", "exaone4", "mistral3", "qwen3next", "qwen35", "qwen35moe",
            "qwen3vl", "qwen3vlmoe", "llama4", "mistral4", "gemma3n", "gemma4", "lfm2moe", "granitehybrid", "dots1", "minimax-m2", "bailingmoe2");

    /** The library knows DeepSeek V2, but not its attention over latent vectors as files have held it since April 2025; and Qwen2 with biases only. */
    static final Set<String> OF_A_NEWER_FORM = Set.of("deepseek2", "kormo");

    @TempDir
    static Path folder;

    static List<String> names() {
        return TinyModels.names().stream().filter(name -> !EncoderTinyModels.NAMES.contains(name)).toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void llamaCppLoadsAndGenerates(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        Path file = GgufFiles.write(model, folder.resolve(name + ".gguf"), GgmlType.F16);
        if (NEWER_THAN_THE_LIBRARY.contains(model.architecture())) {
            assertThatThrownBy(() -> LoadedModel.open(file).close()).hasMessageContaining("unknown model architecture");
            return;
        }
        if (OF_A_NEWER_FORM.contains(model.architecture()) || OF_A_NEWER_FORM.contains(name)) {
            assertThatThrownBy(() -> LoadedModel.open(file).close()).hasMessageContaining("Cannot load model");
            return;
        }
        try (GeneratingModel loaded = new GeneratingModel(file, 128, 1, 0)) {
            Generation answer = loaded.complete("the ferry goes", Sampling.greedy(8), new Cancellation(), piece -> { });
            assertThat(answer.promptTokens()).isGreaterThan(1);
            assertThat(loaded.model().layers()).isEqualTo(checkpoint.rawConfig().path("num_hidden_layers").asInt(2));
        }
    }
}
