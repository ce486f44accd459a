package dev.adapterferry.pass;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Asks {@code llama_model_quantize} of the tests' current llama.cpp which types it gives to the tensors of {@link ShapedModels} in every
 * mix, and writes the answers that {@link LlamaQuantizeTypesTest} compares with, so that the rules are held against it where no such llama.cpp is installed too.
 *
 * <p>Argument: the file to write, {@code src/test/resources/llama-quantize-types.txt}; its answers are those of llama.cpp v0.5.0 (November 2026).
 */
final class LlamaQuantizeOracle {
    private LlamaQuantizeOracle() { }

    /** Quantizes a file; an importance matrix, if any, speaks of one tensor with weights of 1. */
    private static void quantize(Path from, Path to, Mix mix, Optional<TensorInfo> important) {
        Map<String, float[]> importance = new HashMap<>();
        important.ifPresent(tensor -> {
            float[] ones = new float[(int) tensor.rowLength()];
            Arrays.fill(ones, 1);
            importance.put(tensor.name(), ones);
        });
        CurrentLlama.quantize(from, to, mix.fileType(), -1, -1, false, importance, Map.of());
    }

    /** Writes the answers. */
    public static void main(String[] arguments) throws IOException {
        Path folder = Files.createTempDirectory("llama-quantize");
        List<String> lines = new ArrayList<>();
        for (Map.Entry<String, ShapedModels> entry : ShapedModels.all().entrySet()) {
            ShapedModels model = entry.getValue();
            Path source = folder.resolve(entry.getKey() + ".gguf");
            GeneratedSource tensors = new GeneratedSource(3, model.tensors().toArray(TensorInfo[]::new));
            PassFixture.run(PassFixture.threads(1), new PassRequest("m", tensors, "key", List.of(), List.of(new PassOutput("F32", source, GgufPlan.of(model.metadata(), model.tensors(),
                    t -> GgmlType.F32))), Optional.empty(), Optional.empty()));
            for (Mix mix : Mix.values()) {
                for (boolean importance : new boolean[] {false, true}) {
                    Path made = folder.resolve("made.gguf");
                    String answer;
                    try {
                        quantize(source, made, mix, importance ? model.tensors().stream().filter(t -> t.name().matches("(enc\\.)?blk\\.0\\.(attn_o|attn_output|ssm_in)\\.weight")).findFirst() : Optional.empty());
                        answer = read(made, model, mix);
                    } catch (IllegalStateException e) {
                        answer = "refused";
                    }
                    lines.add(entry.getKey() + " " + mix + (importance ? " imatrix" : "") + ": " + answer);
                    Files.deleteIfExists(made);
                }
            }
            Files.delete(source);
        }
        Files.delete(folder);
        Files.write(Path.of(arguments[0]), lines);
        System.exit(0);
    }

    private static String read(Path file, ShapedModels model, Mix mix) {
        try (GgufFile gguf = GgufFile.open(file)) {
            Map<String, GgmlType> types = gguf.tensors().stream().collect(Collectors.toMap(TensorInfo::name, t -> (GgmlType) t.type()));
            if (model.tensors().stream().anyMatch(t -> t.rank() == 1 && types.get(t.name()) != GgmlType.F32)) {
                throw new IllegalArgumentException("a vector of " + file + " is not F32");
            }
            return ShapedModels.describe(types, model.tensors(), mix.baseType());
        }
    }
}
