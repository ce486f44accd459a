package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.demo.MergedDemo;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeOverride;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The whole file is what {@code llama_model_quantize} of a current llama.cpp makes of the same source: the same tensors
 * of the same types and with the same bytes. Their order is the source's in ours, and that of the names in its.
 */
class LlamaQuantizeFilesIT {
    @TempDir
    static Path folder;
    private static Path demo;

    @BeforeAll
    static void demoModel() throws IOException {
        CurrentLlama.assume();
        demo = MergedDemo.file(folder, Mix.F16);
    }

    /** A trained model of narrow rows, in every mix by one pass; then with a weight for every column of every matrix. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theDemoModelInEveryMix(boolean weighted) throws IOException {
        compare(demo, Arrays.stream(Mix.values()).map(mix -> TypeRequest.of(mix, weighted)).toList(), weighted ? importance(demo) : Map.of());
    }

    /** Models with the layers, heads, experts and widths of real families, two rows per matrix. */
    @TestFactory
    Stream<DynamicTest> modelsOfManyShapes() {
        return ShapedModels.all().entrySet().stream().map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> {
            ShapedModels model = entry.getValue();
            Path source = folder.resolve(entry.getKey() + ".gguf");
            PassFixture.run(PassFixture.threads(1), new PassRequest("m", new GeneratedSource(3, model.tensors().toArray(TensorInfo[]::new)), "key", List.of(),
                    List.of(new PassOutput("F32", source, GgufPlan.of(model.metadata(), model.tensors(), t -> GgmlType.F32))), Optional.empty(), Optional.empty()));
            compare(source, Stream.of(Mix.Q4_K_M, Mix.Q2_K, Mix.IQ4_XS).map(mix -> TypeRequest.of(mix, false)).toList(), Map.of());
            compare(source, List.of(TypeRequest.of(Mix.Q5_K_M, true)), importance(source));
        }));
    }

    @Test
    void exceptionsForOutputEmbeddingAndByPattern() throws IOException {
        TypeRequest request = new TypeRequest(Mix.Q4_K_M, false, Optional.of(GgmlType.Q5_0), Optional.of(GgmlType.Q8_0), List.of(new TypeOverride(Pattern.compile("ffn_up"), GgmlType.IQ4_NL)), false, false);
        compare(demo, List.of(request), Map.of());
    }

    @Test
    void aFileThatIsQuantizedAlready() throws IOException {
        Path q8 = folder.resolve("q8.gguf");
        CurrentLlama.quantize(demo, q8, Mix.Q8_0.fileType());
        compare(q8, List.of(TypeRequest.of(Mix.Q4_K_M, false)), Map.of());
    }

    private static void compare(Path source, List<TypeRequest> requests, Map<String, float[]> importance) throws IOException {
        List<PassResult.FileResult> ours;
        try (GgufModel model = GgufModel.open(source)) {
            Optional<ImportanceMatrix> matrix = importance.isEmpty() ? Optional.empty() : Optional.of(ImportanceMatrix.of(importance, "made up", List.of(), 1));
            ours = new QuantizeJob(PassSettings.plain()).run(QuantizeRequest.of("ours", model, folder, requests, matrix, true), Progress.NONE, new Cancellation()).files();
        }
        assertThat(ours).hasSameSizeAs(requests);
        Path theirs = folder.resolve("theirs.gguf");
        for (TypeRequest request : requests) {
            Map<String, Integer> overrides = new LinkedHashMap<>();
            request.overrides().forEach(override -> overrides.put(override.pattern().pattern(), override.type().id()));
            CurrentLlama.quantize(source, theirs, request.mix().fileType(), request.output().map(GgmlType::id).orElse(-1), request.embedding().map(GgmlType::id).orElse(-1), true, importance, overrides);
            compare(ours.stream().filter(file -> file.format().equals(request.mix().label())).findFirst().orElseThrow().file(), theirs);
        }
    }

    private static void compare(Path ours, Path theirs) throws IOException {
        try (GgufFile made = GgufFile.open(ours); GgufFile reference = GgufFile.open(theirs)) {
            assertThat(made.tensors().stream().map(LlamaQuantizeFilesIT::described)).containsExactlyInAnyOrderElementsOf(reference.tensors().stream().map(LlamaQuantizeFilesIT::described).toList());
            for (TensorInfo tensor : reference.tensors()) {
                assertThat(stored(made, made.find(tensor.name()).orElseThrow())).as("%s of %s", tensor, ours.getFileName()).isEqualTo(stored(reference, tensor));
            }
            assertThat(made.metadata().findLong("general.file_type")).isEqualTo(reference.metadata().findLong("general.file_type"));
        }
        Files.delete(ours);
    }

    private static String described(TensorInfo tensor) {
        return tensor.name() + " " + tensor.type() + " " + tensor.shape();
    }

    private static byte[] stored(GgufFile file, TensorInfo tensor) {
        byte[] bytes = new byte[Math.toIntExact(tensor.type().bytesFor(tensor.rowLength()) * tensor.rows())];
        file.readStored(tensor, 0, bytes.length, bytes, 0);
        return bytes;
    }

    /** Weights that differ by powers of ten from column to column, and from expert to expert. */
    private static Map<String, float[]> importance(Path source) {
        Random random = new Random(11);
        Map<String, float[]> weights = new LinkedHashMap<>();
        try (GgufFile gguf = GgufFile.open(source)) {
            for (TensorInfo tensor : gguf.tensors()) {
                if (tensor.rank() > 1) {
                    long experts = tensor.rank() > 2 ? tensor.shape().getFirst() : 1;
                    float[] values = new float[Math.toIntExact(tensor.rowLength() * experts)];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) Math.pow(10, random.nextGaussian());
                    }
                    weights.put(tensor.name(), values);
                }
            }
        }
        return weights;
    }
}
