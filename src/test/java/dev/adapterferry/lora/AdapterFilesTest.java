package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TorchSave;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Forms in which adapters and bases come: the files, not the mathematics. */
class AdapterFilesTest {
    private static final String Q = "model.layers.0.self_attn.q_proj";

    @TempDir
    Path folder;
    private TinyFiles base;
    private TinyFiles adapter;

    @BeforeEach
    void prepare() {
        base = new TinyFiles(folder.resolve("base"), 1);
        base.config.put("model_type", "qwen2");
        base.add(Q + ".weight", ElementType.BF16, 0.1, 20, 12);
        base.add("model.layers.0.mlp.up_proj.bias", ElementType.BF16, 0.1, 9);
        adapter = TinyFiles.peft(folder.resolve("adapter"), 2, 4, 6).pair(Q, 4, 20, 12);
    }

    private MergedCheckpoint merge() {
        return TinyFiles.merge(base.writeBase(1 << 20), adapter);
    }

    private void assertMerged() {
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(Plain.of(base.get(Q + ".weight")), 1.5, adapter.product(Q)));
        }
    }

    private void refuses(String... words) {
        assertThatThrownBy(() -> merge().close()).isInstanceOf(FerryException.class).satisfies(e -> assertThat(e.getMessage()).contains(words));
    }

    @Test
    void readsAnAdapterInShards() throws IOException {
        adapter.file("adapter_config.json", adapter.config.toPrettyString());
        List<TensorInfo> infos = adapter.tensors.values().stream().map(TinyFiles.Stored::info).toList();
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(adapter.folder, infos, 100)) {
            adapter.tensors.values().forEach(t -> writer.write(t.info(), 0, (int) t.info().rows(), t.values(), 0));
            writer.commit();
        }
        try (Stream<Path> files = Files.list(adapter.folder)) {
            for (Path file : files.filter(f -> f.getFileName().toString().startsWith("model")).toList()) {
                Files.move(file, file.resolveSibling("adapter_" + file.getFileName()));
            }
        }
        Path index = adapter.folder.resolve("adapter_model.safetensors.index.json");
        Files.writeString(index, Files.readString(index).replace("model-0", "adapter_model-0"));
        assertThat(adapter.folder.resolve("adapter_model-00002-of-00002.safetensors")).exists();
        assertMerged();
    }

    @Test
    void readsAPickledAdapterWithoutRunningIt() throws IOException {
        adapter.file("adapter_config.json", adapter.config.toPrettyString());
        TorchSave save = new TorchSave(false);
        adapter.tensors.values().forEach(t -> save.tensor(t.info().name(), (ElementType) t.info().type(), t.values(), t.info().shape().stream().mapToInt(Long::intValue).toArray()));
        save.write(adapter.folder.resolve("adapter_model.bin"));
        assertMerged();
        try (MergedCheckpoint merged = merge()) {
            assertThat(merged.files()).contains(adapter.folder.resolve("adapter_model.bin"));
        }
        new TorchSave(false).global("posix", "system").bytes('X', 2, 0, 0, 0, 'l', 's', 0x85, 'R', '.').writeAsItIs(adapter.folder.resolve("adapter_model.bin"));
        refuses("adapter_model.bin", "posix.system", "safetensors");
    }

    @ParameterizedTest
    @CsvSource({"lora_unet_mid_block.lora_down.weight,kohya", "x.alpha,kohya", "model.q_proj.lora.down.weight,diffusers", "model.q_proj.lora_a.weight,nothing is known", "a.hada_w1_a,another method",
        "model.q_proj.lora_A.bias,nothing is known"})
    void refusesKeysOfOtherForms(String key, String hint) {
        adapter.add(key, ElementType.F32, 1, 4, 12);
        adapter.writeAdapter();
        refuses(key, hint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"lora_magnitude_vector", "lora_B.bias"})
    void refusesPartsThatFusedParametersDoNotHave(String part) {
        base.add("model.layers.0.mlp.experts.down_proj", ElementType.BF16, 0.1, 2, 6, 5);
        adapter.config.putArray("target_parameters").add("mlp.experts.down_proj");
        adapter.add("base_model.model.model.layers.0.mlp.experts.lora_A.weight", ElementType.F32, 1, 8, 5);
        adapter.add("base_model.model.model.layers.0.mlp.experts.lora_B.weight", ElementType.F32, 1, 6, 8);
        adapter.add("base_model.model.model.layers.0.mlp.experts." + part, ElementType.F32, 1, 6);
        adapter.writeAdapter();
        refuses("experts", part, "fused parameters do not have");
    }

    @Test
    void refusesABiasOfAFactorThatIsNotThere() {
        adapter.config.put("lora_bias", true);
        adapter.add("base_model.model.model.layers.0.mlp.up_proj.lora_B.bias", ElementType.F32, 1, 9);
        adapter.writeAdapter();
        refuses("up_proj", "no factors");
    }

    @Test
    void replacesBiasesOfModulesThatHaveNoDelta() {
        adapter.config.put("bias", "all");
        adapter.add("base_model.model.model.layers.0.mlp.up_proj.bias", ElementType.F32, 1, 9);
        adapter.writeAdapter();
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, "model.layers.0.mlp.up_proj.bias", Plain.of(adapter.get("base_model.model.model.layers.0.mlp.up_proj.bias")));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void mergesTwoDimensionalConvolutions(boolean dora) {
        base.add("model.conv.weight", ElementType.BF16, 0.1, 6, 5, 3, 2);
        adapter.tensors.clear();
        TinyFiles.Stored a = adapter.add("base_model.model.model.conv.lora_A.weight", ElementType.F32, 0.3, 4, 5, 3, 2);
        TinyFiles.Stored b = adapter.add("base_model.model.model.conv.lora_B.weight", ElementType.F32, 0.3, 6, 4, 1, 1);
        adapter.config.put("use_dora", dora);
        float[] lengths = dora ? adapter.add("base_model.model.model.conv.lora_magnitude_vector", ElementType.F32, i -> 0.5 + 0.1 * i, 1, 6, 1, 1).values() : null;
        adapter.writeAdapter();
        double[][] exact = new double[6][30];
        for (int o = 0; o < 6; o++) {
            for (int j = 0; j < 30; j++) {
                exact[o][j] = base.get("model.conv.weight").values()[o * 30 + j];
                for (int k = 0; k < 4; k++) {
                    exact[o][j] += 1.5 * b.values()[o * 4 + k] * a.values()[k * 30 + j];
                }
            }
        }
        double[][] scaled = dora ? Plain.withRowLengths(exact, lengths) : exact;
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertRounded(ElementType.F32, TinyFiles.read(merged.tensors(), "model.conv.weight"), 30, (i, j) -> scaled[i][j]);
        }
    }

    @ParameterizedTest
    @CsvSource({"quantization_config,quant_method,bitsandbytes", "quantization,bits,4", "compression_config,quant_method,compressed-tensors"})
    void refusesAQuantizedBase(String section, String key, String value) {
        base.config.putObject(section).put(key, value);
        adapter.writeAdapter();
        refuses("is quantized", value, "16-bit original");
    }

    @Test
    void mergesIntoAnF8BaseWithItsScales() throws IOException {
        adapter.writeAdapter();
        base.writeBase(1 << 20);
        byte[] codes = new byte[20 * 12];
        double[][] w = new double[20][12];
        for (int i = 0; i < codes.length; i++) {
            // Every code but the two that are not numbers.
            codes[i] = (byte) ((i * 37 & 0x7F) == 0x7F ? 1 : i * 37);
            float[] value = new float[1];
            ElementType.F8_E4M3.decode(codes, i, 1, value, 0);
            w[i / 12][i % 12] = value[0] * 0.015625f * (1 + i / 12 % 3);
        }
        TensorInfo weight = new TensorInfo(Q + ".weight", ElementType.F8_E4M3, List.of(20L, 12L));
        TensorInfo scale = new TensorInfo(Q + ".weight_scale", ElementType.F32, List.of(20L, 1L));
        float[] scales = new float[20];
        for (int i = 0; i < 20; i++) {
            scales[i] = 0.015625f * (1 + i % 3);
        }
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(base.folder, List.of(weight, scale), 1 << 20)) {
            writer.writeStored(weight, 0, codes.length, codes, 0);
            writer.write(scale, 0, 20, scales, 0);
            writer.commit();
        }
        base.config.putObject("quantization_config").put("quant_method", "fp8");
        base.file("config.json", base.config.toString());
        try (MergedCheckpoint merged = TinyFiles.merge(base, adapter)) {
            assertThat(merged.config().has("quantization_config")).isFalse();
            assertThat(merged.tensors().tensors()).extracting(TensorInfo::name).containsExactly(Q + ".weight");
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(w, 1.5, adapter.product(Q)));
        }
    }

    @Test
    void refusesToReplicateLayersUnderAnotherAdapter() {
        adapter.writeAdapter();
        TinyFiles second = TinyFiles.peft(folder.resolve("second"), 3, 4, 6).pair(Q, 4, 20, 12);
        second.config.putArray("layer_replication").addArray().add(0).add(1);
        second.writeAdapter();
        base.writeBase(1 << 20);
        assertThatThrownBy(() -> TinyFiles.merge(base, adapter, second)).isInstanceOf(FerryException.class).hasMessageContaining("second").hasMessageContaining("layer_replication");
    }

    @Test
    void mergesAConvertedPissaAdapterAsAPlainOne() {
        // As PEFT saves it with path_initial_model_for_weight_conversion: rank doubled, alpha times the square root of 2 under rsLoRA, init true.
        adapter = TinyFiles.peft(folder.resolve("pissa_converted"), 2, 8, 6 * Math.sqrt(2)).pair(Q, 8, 20, 12);
        adapter.config.put("use_rslora", true).put("init_lora_weights", true);
        adapter.writeAdapter();
        try (MergedCheckpoint merged = merge()) {
            TinyFiles.assertMerged(merged, Q + ".weight", Plain.plus(Plain.of(base.get(Q + ".weight")), 6 * Math.sqrt(2) / Math.sqrt(8), adapter.product(Q)));
        }
    }
}
