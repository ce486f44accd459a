package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** llama.cpp loads what is converted and generates: the embedded one what it knows, a current one everything; {@link EmbeddingsIT} has those that embed. */
class ConvertedModelIT {
    /** The embedded library takes OLMo 3 for OLMo 2 and leaves out the windows. */
    private static final Set<String> LOADED_ALL_THE_SAME = Set.of("olmo3");

    @TempDir
    static Path folder;

    static List<String> names() {
        return TinyModels.names().stream().filter(name -> !EncoderTinyModels.NAMES.contains(name)).toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void llamaCppLoadsAndGenerates(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        Path file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F16);
        if (ArchitectureCatalog.builtIn().require(checkpoint.config(), name).since().isEmpty()) {
            try (GeneratingModel loaded = new GeneratingModel(file, 128, 1, 0)) {
                Generation answer = loaded.complete("the ferry goes", Sampling.greedy(8), new Cancellation(), piece -> { });
                assertThat(answer.promptTokens()).isGreaterThan(1);
                assertThat(loaded.model().layers()).isEqualTo(checkpoint.rawConfig().path("num_hidden_layers").asInt(2));
            }
        } else if (!LOADED_ALL_THE_SAME.contains(name)) {
            assertThatThrownBy(() -> LoadedModel.open(file).close()).hasMessageContaining("Cannot load model");
        }
        CurrentLlama.assume();
        assertThat(Arrays.stream(CurrentLlama.generate(file, 3, 11, 301, 27))).hasSize(3).allMatch(id -> id >= 0 && id < TinyModels.ROWS);
    }
}
