package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Adapters of classifiers (task_type SEQ_CLS), which bring a head along: onto bases that have one and onto bare ones, the scores are those of the merged definition. */
class ClassifierAdapterIT {
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99};

    @TempDir
    Path folder;

    /** The checkpoint merged by hand is the yardstick; the adapter knows the class with a head, the base may be the one without. */
    @ParameterizedTest
    @CsvSource({"xlm-roberta-reranker, '', encoder.layer.1.attention.self.query, false", "bert-classifier, BertModel, bert.encoder.layer.0.output.dense, true", "roberta-classifier, RobertaForMaskedLM, roberta.encoder.layer.0.attention.self.value, true",
            "qwen3-classifier, Qwen3ForCausalLM, layers.1.self_attn.q_proj, true", "qwen3-reranker-head, Qwen3Model, layers.0.mlp.down_proj, true"})
    void theScoresAreThoseOfTheTrainedHead(String name, String bareClass, String module, boolean bare) throws IOException {
        CurrentLlama.assume();
        MemoryCheckpoint trained = TinyModels.checkpoint(name, ElementType.F32);
        MemoryCheckpoint base = TinyModels.checkpoint(name, ElementType.F32);
        Map<String, float[]> adapter = new TreeMap<>();
        Map<String, TensorInfo> shapes = new TreeMap<>();
        for (TensorInfo tensor : base.tensors().tensors().stream().filter(t -> t.name().matches("(classifier|score).*")).toList()) {
            // The base's own head was another one, or none.
            float[] values = trained.values(tensor.name());
            for (int i = 0; i < values.length; i++) {
                values[i] += 0.25f * ((i % 5) - 2);
            }
            put(adapter, shapes, "base_model.model." + tensor.name(), values, tensor.shape());
            if (bare) {
                base.remove(tensor.name());
            }
        }
        if (bare) {
            base.rawConfig().putArray("architectures").add(bareClass);
            base.rawConfig().remove("id2label");
        }
        String full = trained.values(module + ".weight") == null ? "roberta." + module : module;
        TensorInfo weight = trained.tensors().find(full + ".weight").orElseThrow();
        int rows = Math.toIntExact(weight.rows());
        int columns = Math.toIntExact(weight.rowLength());
        float[] a = new float[columns];
        float[] b = new float[rows];
        for (int i = 0; i < columns; i++) {
            a[i] = ((i % 7) - 3) / 8f;
        }
        for (int i = 0; i < rows; i++) {
            b[i] = ((i % 3) - 1) / 8f;
        }
        float[] changed = trained.values(full + ".weight");
        for (int i = 0; i < changed.length; i++) {
            changed[i] += b[i / columns] * a[i % columns];
        }
        put(adapter, shapes, "base_model.model." + full + ".lora_A.weight", a, List.of(1L, (long) columns));
        put(adapter, shapes, "base_model.model." + full + ".lora_B.weight", b, List.of((long) rows, 1L));
        Path files = write(adapter, shapes, "SEQ_CLS");
        try (MergedCheckpoint merged = MergedCheckpoint.open(base, List.of(MergeInput.of(files)), new MergeOptions(Optional.empty(), Set.of("base")))) {
            ConvertedModel model = new ModelConverter().convert(merged, Provenance.NONE);
            assertThat(merged.config().at("/architectures/0")).isEqualTo(trained.rawConfig().at("/architectures/0"));
            assertThat(merged.warnings().stream().anyMatch(warning -> warning.contains("LABEL_0"))).isEqualTo(bare);
            float[] found = CurrentLlama.embeddings(GgufFiles.write(model, folder.resolve("merged.gguf"), GgmlType.F32), TOKENS)[0];
            double[] scores = IntStream.range(0, found.length).mapToDouble(i -> found[i]).toArray();
            assertThat(difference(new double[][] {scores}, new double[][] {ScoresIT.expected(trained, TOKENS)})).isLessThan(1e-3);
            merged.report().requireLanded();
        }
    }

    @Test
    void aHeadThatNobodyTaughtToClassifyIsNotTaken() throws IOException {
        MemoryCheckpoint base = TinyModels.checkpoint("qwen3-embedding", ElementType.F32);
        Map<String, float[]> adapter = new TreeMap<>();
        Map<String, TensorInfo> shapes = new TreeMap<>();
        put(adapter, shapes, "base_model.model.score.weight", new float[64], List.of(1L, 64L));
        adapter.get("base_model.model.score.weight")[3] = 1;
        Path files = write(adapter, shapes, "CAUSAL_LM");
        assertThatThrownBy(() -> MergedCheckpoint.open(base, List.of(MergeInput.of(files)), new MergeOptions(Optional.empty(), Set.of("base"))).close()).hasMessageContaining("score.weight");
    }

    private static void put(Map<String, float[]> adapter, Map<String, TensorInfo> shapes, String name, float[] values, List<Long> shape) {
        adapter.put(name, values.clone());
        shapes.put(name, new TensorInfo(name, ElementType.F32, shape));
    }

    private Path write(Map<String, float[]> adapter, Map<String, TensorInfo> shapes, String task) throws IOException {
        Path files = Files.createDirectories(folder.resolve("adapter"));
        Files.writeString(files.resolve("adapter_config.json"), "{\"peft_type\":\"LORA\",\"r\":1,\"lora_alpha\":1,\"task_type\":\"" + task + "\",\"base_model_name_or_path\":\"base\",\"modules_to_save\":[\"classifier\",\"score\"]}");
        try (SafetensorsWriter writer = SafetensorsWriter.create(files.resolve("adapter_model.safetensors"), new ArrayList<>(shapes.values()), Map.of("format", "pt"))) {
            shapes.forEach((name, tensor) -> writer.write(tensor, 0, Math.toIntExact(tensor.rows()), adapter.get(name), 0));
            writer.commit();
        }
        return files;
    }
}
