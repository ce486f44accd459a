package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.llamacpp.LlamaLibrary;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The model in the file computes what the checkpoint computes, for every architecture: in the embedded llama.cpp where that knows it, and in a current one.
 * A wrong permutation or a missing +1 loads fine and talks nonsense; here it shows, as {@link WrongTransformsIT} and {@link TransformStepsIT} make sure.
 */
class LogitsIT {
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};
    /** The current llama.cpp has a way of its own with these; each has a test below. */
    private static final Set<String> APART = Set.of("qwen2vl", "qwen2.5vl", "qwen2.5-omni");

    @TempDir
    static Path folder;

    static List<String> names() {
        return TinyModels.names().stream().filter(name -> !EncoderTinyModels.NAMES.contains(name)).toList();
    }

    @ParameterizedTest
    @MethodSource("names")
    void llamaCppComputesWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = written(checkpoint, name);
        ReferenceLogits reference = ReferenceLogits.of(checkpoint);
        double[][] expected = reference.logits(TOKENS);
        Architecture architecture = ArchitectureCatalog.builtIn().require(checkpoint.config(), name);
        if (LlamaLibrary.COMPUTES_OTHERWISE.contains(architecture.arch())) {
            assertThat(difference(Logits.ofEmbedded(file, TOKENS), expected)).as("embedded llama.cpp, of which the doctor warns").isGreaterThan(0.1);
        } else if (architecture.since().isEmpty()) {
            assertThat(difference(Logits.ofEmbedded(file, TOKENS), expected)).as("embedded llama.cpp").isLessThan(reference.bound());
        }
        CurrentLlama.assume();
        if (!APART.contains(name)) {
            assertThat(difference(Logits.ofCurrent(file, TOKENS), expected)).as("llama.cpp %s", CurrentLlama.RELEASE).isLessThan(reference.bound());
        }
    }

    /** Release v0.5.0 forgets to read the epsilon of Qwen2-VL and computes with 0. */
    @ParameterizedTest
    @ValueSource(strings = {"qwen2vl", "qwen2.5vl", "qwen2.5-omni"})
    void theCurrentLlamaCppComputesQwen2VlWithoutAnEpsilon(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = written(checkpoint, name + "-current");
        checkpoint.rawConfig().put("rms_norm_eps", 0.0);
        ReferenceLogits reference = ReferenceLogits.of(checkpoint);
        assertThat(difference(Logits.ofCurrent(file, TOKENS), reference.logits(TOKENS))).isLessThan(reference.bound());
    }

    /** llama.cpp asks whether the context that was asked for is longer than the original one; transformers, whether the text is. */
    @ParameterizedTest
    @ValueSource(strings = {"phi3-longrope", "phimoe-longrope"})
    void inALongContextTheLongFactorsCount(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = checkpoint(name);
        checkpoint.rawConfig().put("original_max_position_embeddings", 64);
        Path file = written(checkpoint, name + "-long");
        ObjectNode scaling = (ObjectNode) checkpoint.rawConfig().get("rope_scaling");
        scaling.set("short_factor", scaling.get("long_factor"));
        ReferenceLogits reference = ReferenceLogits.of(checkpoint);
        assertThat(difference(Logits.ofCurrent(file, TOKENS), reference.logits(TOKENS))).isLessThan(reference.bound());
    }

    /** The definition adds 1e-6 to the squares of a query or key, llama.cpp the epsilon of all norms: no released model has another. */
    @Test
    void llamaCppAddsTheEpsilonOfTheNormsToTheSquaresOfKeys() {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = checkpoint("qwen35");
        assertThat(new ModelConverter().outline(checkpoint).notes()).isEmpty();
        checkpoint.rawConfig().put("rms_norm_eps", 1e-5);
        ConvertedModel converted = new ModelConverter().convert(checkpoint, Provenance.NONE);
        assertThat(converted.notes()).anySatisfy(note -> assertThat(note).contains("adds rms_norm_eps of this config.json to the squares"));
        Path file = GgufFiles.write(converted, folder.resolve("qwen35-epsilon.gguf"), GgmlType.F32);
        double[][] found = Logits.ofCurrent(file, TOKENS);
        Decoder asDefined = CheckpointDecoder.of(checkpoint);
        assertThat(difference(found, asDefined.logits(TOKENS))).isGreaterThan(1e-4);
        asDefined.layers.stream().map(layer -> layer.mixer).filter(DeltaNet.class::isInstance).forEach(mixer -> ((DeltaNet) mixer).lengthEpsilon = 1e-5);
        assertThat(difference(found, asDefined.logits(TOKENS))).isLessThan(1e-5);
    }

    /** Should this fail one day, llama.cpp has learned to compute Phi-3.5-MoE, GroveMoE or Refact, and what architectures.md says of it is to be taken back. */
    @ParameterizedTest
    @ValueSource(strings = {"phimoe", "grovemoe", "refact"})
    void llamaCppDoesNotComputeTheseAsTheyAreDefined(String name) {
        CurrentLlama.assume();
        MemoryCheckpoint checkpoint = checkpoint(name);
        Path file = written(checkpoint, name + "-defined");
        assertThat(difference(Logits.ofCurrent(file, TOKENS), CheckpointDecoder.of(checkpoint).logits(TOKENS))).isGreaterThan(5e-3);
    }

    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    private static Path written(MemoryCheckpoint checkpoint, String name) {
        return GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F32);
    }
}
