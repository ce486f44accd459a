package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.LoadingProcess;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
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
        Path file = written(name, checkpoint);
        if (!isNewer(name, checkpoint)) {
            try (GeneratingModel loaded = new GeneratingModel(file, 128, 1, 0)) {
                Generation answer = loaded.complete("the ferry goes", Sampling.greedy(8), new Cancellation(), piece -> { });
                assertThat(answer.promptTokens()).isGreaterThan(1);
                assertThat(loaded.model().layers()).isEqualTo(checkpoint.rawConfig().path("num_hidden_layers").asInt(2));
            }
        }
        CurrentLlama.assume();
        assertThat(Arrays.stream(CurrentLlama.generate(file, 3, 11, 301, 27))).hasSize(3).allMatch(id -> id >= 0 && id < TinyModels.ROWS);
    }

    /** In a process of its own, since nobody promises that a library survives what it does not know. */
    @Test
    void theEmbeddedOneRefusesInWordsWhatIsNewer() throws IOException, InterruptedException {
        Map<String, Path> files = new LinkedHashMap<>();
        for (String name : names()) {
            MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
            if (isNewer(name, checkpoint) && !LOADED_ALL_THE_SAME.contains(name)) {
                files.put(name, written(name, checkpoint));
            }
        }
        List<String> outcomes = LoadingProcess.outcomes(folder, List.copyOf(files.values()));
        assertThat(files).hasSizeGreaterThan(30);
        assertThat(outcomes).hasSameSizeAs(files.keySet()).allMatch(outcome -> outcome.startsWith("Cannot load model"));
    }

    private static boolean isNewer(String name, MemoryCheckpoint checkpoint) {
        return !ArchitectureCatalog.builtIn().require(checkpoint.config(), name).since().isEmpty();
    }

    private static Path written(String name, MemoryCheckpoint checkpoint) {
        return GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F16);
    }
}
