package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The type of every tensor in every mix, of models of many shapes, is the one that {@code llama_model_quantize} chose ({@link LlamaQuantizeOracle}). */
class LlamaQuantizeTypesTest {
    private final Map<String, ShapedModels> models = ShapedModels.all();

    @TestFactory
    Stream<DynamicTest> choosesTheTypesThatLlamaQuantizeChose() throws IOException {
        List<String> lines;
        try (var in = LlamaQuantizeTypesTest.class.getResourceAsStream("/llama-quantize-types.txt")) {
            lines = new String(in.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
        }
        assertThat(lines).hasSize(2 * Mix.values().length * models.size());
        return lines.stream().map(line -> line.split(":", 2)).map(parts -> DynamicTest.dynamicTest(parts[0], () -> compare(parts[0].split(" "), parts[1].strip())));
    }

    private void compare(String[] words, String expected) {
        ShapedModels model = models.get(words[0]);
        Mix mix = Mix.valueOf(words[1]);
        GeneratedSource source = new GeneratedSource(3, model.tensors().toArray(TensorInfo[]::new));
        Optional<ImportanceMatrix> matrix = words.length == 2 ? Optional.empty() : Optional.of(ImportanceMatrix.of(Map.of(), "none", List.of(), 0));
        QuantizeRequest request = new QuantizeRequest("m", source, model.metadata(), "key", List.of(), Path.of("nowhere"), List.of(TypeRequest.of(mix, false)), matrix, false);
        if (expected.equals("refused")) {
            assertThatThrownBy(() -> QuantizeJob.plan(request)).isInstanceOf(FerryException.class);
            return;
        }
        Map<String, GgmlType> types = QuantizeJob.plan(request).outputs().getFirst().plan().tensors().stream().collect(Collectors.toMap(GgufPlan.Tensor::name, GgufPlan.Tensor::type));
        assertThat(ShapedModels.describe(types, model.tensors(), mix.baseType())).isEqualTo(expected);
        assertThat(model.tensors()).filteredOn(t -> t.rank() == 1).allSatisfy(vector -> assertThat(types.get(vector.name())).isEqualTo(GgmlType.F32));
    }
}
