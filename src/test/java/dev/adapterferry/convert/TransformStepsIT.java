package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.convert.Architecture.Output;
import dev.adapterferry.convert.Architecture.Step;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The comparison of {@link LogitsIT} sees every step of every transform: each is left out once, those that swap two dimensions are also done the wrong way round,
 * and each time the file computes something else or does not fit any more.
 */
class TransformStepsIT {
    /** Five times what the comparisons allow where llama.cpp rounds most. */
    private static final double SEEN = 5e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99};
    /** These change dimensions, not values; {@link NewerArchitecturesTest} holds all dimensions against llama.cpp's. */
    private static final Set<String> SHAPE_ONLY = Set.of("stack", "squeeze", "matrices", "as-rows", "size-key");

    @TempDir
    static Path folder;

    @BeforeAll
    static void needsIt() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @CsvSource({"t5, 1",
            "rwkv7-older, 15", "rwkv6, 8", "rwkv6qwen2, 8", "bitnet, 7", "cohere2moe-softmax, 2",
            "qwen3next, 8", "qwen35, 22", "deepseek2, 3", "llama4, 5", "qwen3vlmoe, 5", "gpt-oss, 7", "mistral3, 2", "ernie4_5-moe, 1", "bloom, 2", "deepseek, 2", "falcon-40b, 1", "falcon-h1, 16", "gpt2, 4",
            "glm4v, 2", "step35, 5", "gptneox, 2", "olmo, 2", "starcoder-mha, 1", "bailingmoe, 6",
            "bamba, 3", "jamba, 1", "mamba, 1", "mamba2, 1", "nemotron_h, 1", "plamo2, 6", "plamo3, 7",
            "kimi-linear, 5",
            "deci, 2", "openelm, 2", "jais-untied, 7", "llada, 2", "plamo, 4", "youtu, 3", "refact, 4"})
    void everyStepIsSeen(String name, int steps) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        Architecture architecture = ArchitectureCatalog.builtIn().require(checkpoint.config(), name);
        ConvertedModel good = new ModelConverter().convert(checkpoint, Provenance.NONE);
        double[][] expected = ReferenceLogits.of(checkpoint).logits(TOKENS);
        List<String> unseen = new ArrayList<>();
        Map<String, Architecture> mutants = mutants(architecture, patterns(architecture, checkpoint));
        mutants.forEach((what, mutant) -> {
            if (!shows(mutant, checkpoint, good, expected)) {
                unseen.add(what);
            }
        });
        assertThat(unseen).isEmpty();
        assertThat(mutants.keySet()).hasSize(steps);
    }

    private static boolean shows(Architecture mutant, MemoryCheckpoint checkpoint, ConvertedModel good, double[][] expected) {
        ModelConfig config = config(mutant, checkpoint);
        GgufMetadata keys = new GgufMetadata();
        ConvertedTensors tensors;
        try {
            tensors = TensorPlan.plan("mutant", mutant, config, new GeneratedTensors("mutant", mutant, config, Optional.empty(), keys).make(), checkpoint.tensors(), keys);
        } catch (FerryException e) {
            // A step that builds on the one that is left out does not fit any more.
            return true;
        }
        if (!tensors.tensors().equals(good.tensors().tensors())) {
            // Other dimensions: llama.cpp's loader refuses such a file, and NewerArchitecturesTest sees it here.
            return true;
        }
        ConvertedModel bad = new ConvertedModel(good.architecture(), tensors, good.metadata(), good.tokenizer(), good.parameters(), List.of());
        double difference = difference(Logits.ofCurrent(GgufFiles.write(bad, folder.resolve("mutant.gguf"), GgmlType.F32), TOKENS), expected);
        return difference > SEEN || Double.isNaN(difference);
    }

    private static ModelConfig config(Architecture architecture, MemoryCheckpoint checkpoint) {
        return ModelConfig.of(checkpoint.config(), architecture, checkpoint.tensors().tensors().stream().map(TensorInfo::name).toList());
    }

    /** The patterns that this checkpoint's names fit. */
    private static Set<String> patterns(Architecture architecture, MemoryCheckpoint checkpoint) {
        TensorNaming naming = new TensorNaming(architecture, config(architecture, checkpoint));
        Set<String> patterns = new TreeSet<>();
        checkpoint.tensors().tensors().stream().map(TensorInfo::name).map(naming::of).flatMap(Optional::stream).forEach(name -> {
            patterns.add(TensorAddress.of(name).pattern());
            patterns.add(TensorAddress.of(name.replaceFirst("\\.(weight|bias)$", "")).pattern());
        });
        return patterns;
    }

    private static Map<String, Architecture> mutants(Architecture a, Set<String> patterns) {
        Map<String, Architecture> mutants = new LinkedHashMap<>();
        a.tensors().forEach((pattern, outputs) -> {
            for (Output output : patterns.contains(pattern) ? outputs : List.<Output>of()) {
                for (int i = 0; i < output.steps().size(); i++) {
                    Step step = output.steps().get(i);
                    if (SHAPE_ONLY.contains(step.name())) {
                        continue;
                    }
                    List<Step> without = new ArrayList<>(output.steps());
                    without.remove(i);
                    mutants.put(output.name() + " without " + step.name() + " " + step.arguments(), with(a, pattern, output, without));
                    if (step.name().startsWith("swap")) {
                        List<Expression> arguments = new ArrayList<>(step.arguments());
                        arguments.add(arguments.remove(arguments.size() - 2));
                        List<Step> turned = new ArrayList<>(output.steps());
                        turned.set(i, new Step(step.name(), arguments));
                        mutants.put(output.name() + ", " + step.name() + " the wrong way round", with(a, pattern, output, turned));
                    }
                }
            }
        });
        return mutants;
    }

    private static Architecture with(Architecture a, String pattern, Output output, List<Step> steps) {
        Map<String, List<Output>> tensors = new LinkedHashMap<>(a.tensors());
        tensors.put(pattern, a.tensors().get(pattern).stream().map(o -> o == output ? new Output(o.name(), o.optional(), o.part(), steps) : o).toList());
        return new Architecture(a.file(), a.arch(), a.classes(), a.since(), a.defaults(), a.values(), a.forget(), a.parameters(), tensors, a.counted(), a.rename(), a.drop(), a.layers(), a.notes(), a.refuse(),
                a.generated(), a.tokenizer(), a.embeds(), a.after());
    }
}
