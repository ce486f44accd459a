package dev.adapterferry.lora;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.ShardedSafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.DoubleUnaryOperator;

/** A small base or adapter in the making: tensors with fixed-seed values, remembered as they are stored, and the files around them. */
final class TinyFiles {
    final Path folder;
    final ObjectNode config = new JsonMapper().createObjectNode();
    final Map<String, Stored> tensors = new LinkedHashMap<>();
    private final Random random;

    /** A tensor with the values that its type can hold. */
    record Stored(TensorInfo info, float[] values) {
        double at(long... index) {
            int flat = 0;
            for (int i = 0; i < index.length; i++) {
                flat = flat * info.shape().get(i).intValue() + (int) index[i];
            }
            return values[flat];
        }
    }

    TinyFiles(Path folder, long seed) {
        this.folder = folder;
        this.random = new Random(seed);
    }

    /** A PEFT adapter with the fields that every one has. */
    static TinyFiles peft(Path folder, long seed, int rank, double alpha) {
        TinyFiles adapter = new TinyFiles(folder, seed);
        adapter.config.put("peft_type", "LORA").put("r", rank).put("lora_alpha", alpha).put("base_model_name_or_path", "base").put("task_type", "CAUSAL_LM");
        return adapter;
    }

    /** Adds a tensor of normally distributed values. */
    Stored add(String name, ElementType type, double deviation, long... shape) {
        return add(name, type, x -> random.nextGaussian() * deviation, shape);
    }

    /** Adds a tensor of given values, by flat index. */
    Stored add(String name, ElementType type, DoubleUnaryOperator values, long... shape) {
        TensorInfo info = new TensorInfo(name, type, Arrays.stream(shape).boxed().toList());
        float[] stored = new float[(int) info.elements()];
        for (int i = 0; i < stored.length; i++) {
            stored[i] = type.round((float) values.applyAsDouble(i));
        }
        tensors.put(name, new Stored(info, stored));
        return tensors.get(name);
    }

    Stored get(String name) {
        return tensors.get(name);
    }

    /** Writes a base: {@code config.json} and {@code model*.safetensors}. */
    TinyFiles writeBase(long shardBytes) {
        prepare("config.json");
        try (ShardedSafetensorsWriter writer = ShardedSafetensorsWriter.create(folder, infos(), shardBytes)) {
            tensors.values().forEach(t -> writer.write(t.info(), 0, (int) t.info().rows(), t.values(), 0));
            writer.commit();
        }
        return this;
    }

    /** Writes an adapter: {@code adapter_config.json} and one safetensors file. */
    TinyFiles writeAdapter(String fileName) {
        prepare("adapter_config.json");
        try (SafetensorsWriter writer = SafetensorsWriter.create(folder.resolve(fileName), infos(), Map.of("format", "pt"))) {
            tensors.values().forEach(t -> writer.write(t.info(), 0, (int) t.info().rows(), t.values(), 0));
            writer.commit();
        }
        return this;
    }

    TinyFiles writeAdapter() {
        return writeAdapter("adapter_model.safetensors");
    }

    TinyFiles file(String name, String text) {
        try {
            Files.createDirectories(folder);
            Files.writeString(folder.resolve(name), text);
            return this;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void prepare(String configName) {
        file(configName, config.toPrettyString());
    }

    private List<TensorInfo> infos() {
        return tensors.values().stream().map(Stored::info).toList();
    }

    Checkpoint openBase() {
        return CheckpointFolder.open(folder);
    }

    /** Opens a base with adapters merged in. */
    static MergedCheckpoint merge(TinyFiles base, TinyFiles... adapters) {
        return MergedCheckpoint.open(base.openBase(), Arrays.stream(adapters).map(a -> MergeInput.of(a.folder)).toList(), MergeOptions.STRICT);
    }

    /** All values of a tensor, read in pieces of a few rows. */
    static float[] read(TensorSource source, String name) {
        TensorInfo info = source.find(name).orElseThrow(() -> new AssertionError("no tensor " + name));
        float[] values = new float[(int) info.elements()];
        for (long row = 0; row < info.rows(); ) {
            int rows = (int) Math.min(3 + row % 4, info.rows() - row);
            source.read(info, row, rows, values, (int) (row * info.rowLength()));
            row += rows;
        }
        return values;
    }

    /** Exact values of a tensor by flat row and column. */
    interface Exact {
        double at(int row, int col);
    }

    /** Requires a merged tensor, read as f32 and written in the base's type, to be a matrix rounded once. */
    static void assertMerged(MergedCheckpoint merged, String name, double[][] exact) {
        float[] values = read(merged.tensors(), name);
        assertThat(values).hasSize(exact.length * exact[0].length);
        assertRounded(ElementType.F32, values, exact[0].length, (i, j) -> exact[i][j]);
        float[] plain = read(merged.plain(), name);
        assertRounded(ElementType.F32, plain, exact[0].length, (i, j) -> exact[i][j]);
        ElementType type = (ElementType) merged.tensors().find(name).orElseThrow().type();
        for (int i = 0; i < values.length; i++) {
            values[i] = type.round(values[i]);
        }
        assertRounded(type, values, exact[0].length, (i, j) -> exact[i][j]);
    }

    /** A linear LoRA pair for a module, under PEFT's names. */
    TinyFiles pair(String module, int rank, int out, int in) {
        add("base_model.model." + module + ".lora_A.weight", ElementType.F32, 0.2, rank, in);
        add("base_model.model." + module + ".lora_B.weight", ElementType.F32, 0.2, out, rank);
        return this;
    }

    /** {@code B·A} of a pair, in double precision. */
    double[][] product(String module) {
        return Plain.times(Plain.of(get("base_model.model." + module + ".lora_B.weight")), Plain.of(get("base_model.model." + module + ".lora_A.weight")));
    }

    /**
     * Requires every element to be the exact value rounded once to f32 and then to a type.
     *
     * @param actual what was read
     * @param cols   columns of the matrix
     * @param exact  the double-precision reference
     */
    static void assertRounded(ElementType type, float[] actual, int cols, Exact exact) {
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < actual.length; i++) {
            double reference = exact.at(i / cols, i % cols);
            double half = Math.ulp((float) reference) / 2;
            double bound = half * 1.000001 + switch (type) {
                case BF16 -> half * 65536;
                case F16 -> Math.max(half * 8192, 0x1p-25);
                default -> 0;
            };
            if (!(Math.abs(actual[i] - reference) <= bound)) {
                wrong.add("[" + i / cols + "," + i % cols + "] is " + actual[i] + ", exact " + reference);
            }
        }
        assertThat(wrong).isEmpty();
    }
}
