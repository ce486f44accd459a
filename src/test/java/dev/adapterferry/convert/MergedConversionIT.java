package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.SafetensorsWriter;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * An adapter names the checkpoint's tensors; what the converter splits, reorders, transposes and stacks comes after the merge. The file of
 * base and adapter equals the file of a checkpoint into which the adapter was added by plain arithmetic beforehand.
 */
class MergedConversionIT {
    private static final int RANK = 3;
    private static final double SCALE = 2;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            qwen3next | model.layers.0.linear_attn.in_proj_qkvz, model.layers.2.linear_attn.in_proj_ba, model.layers.0.linear_attn.out_proj, model.layers.1.self_attn.q_proj | attn_qkv attn_gate ssm_ba ssm_out attn_q
            qwen35 | model.layers.0.linear_attn.in_proj_qkv, model.layers.0.linear_attn.in_proj_z, model.layers.0.linear_attn.in_proj_a, model.layers.2.linear_attn.out_proj | attn_qkv attn_gate ssm_alpha ssm_out
            qwen35-vision | model.language_model.layers.2.linear_attn.in_proj_qkv, model.language_model.layers.3.mlp.up_proj | attn_qkv ffn_up
            deepseek2 | model.layers.0.self_attn.kv_b_proj, model.layers.1.self_attn.kv_a_proj_with_mqa, model.layers.2.self_attn.q_b_proj | attn_k_b attn_v_b attn_kv_a_mqa attn_q_b
            deepseek3 | model.layers.1.mlp.experts.5.down_proj, model.layers.2.mlp.shared_experts.gate_proj | ffn_down_exps ffn_gate_shexp
            llama4 | model.layers.2.feed_forward.down_proj, model.layers.1.self_attn.k_proj | ffn_down attn_k
            qwen2vl | model.layers.1.self_attn.v_proj | attn_v
            llava | language_model.model.layers.0.self_attn.q_proj, language_model.model.layers.1.mlp.down_proj | attn_q ffn_down
            smolvlm | model.text_model.layers.0.self_attn.k_proj, model.text_model.layers.1.mlp.up_proj | attn_k ffn_up
            kormo | model.layers.1.self_attn.q_proj, model.layers.0.mlp.gate_proj | attn_q ffn_gate
            granite4-h | model.layers.0.mamba.in_proj, model.layers.2.mamba.out_proj, model.layers.0.shared_mlp.input_linear, model.layers.1.self_attn.q_proj | ssm_in ssm_out ffn_gate ffn_up attn_q
            falcon-h1 | model.layers.0.mamba.in_proj, model.layers.1.mamba.out_proj, model.layers.0.self_attn.k_proj, model.layers.1.feed_forward.down_proj | ssm_in ssm_out attn_k ffn_down
            nemotron_h_moe | backbone.layers.0.mixer.in_proj, backbone.layers.1.mixer.experts.5.up_proj, backbone.layers.3.mixer.q_proj, backbone.layers.4.mixer.shared_experts.down_proj | ssm_in ffn_up_exps attn_q ffn_down_shexp
            jamba | model.layers.0.mamba.x_proj, model.layers.1.feed_forward.experts.2.gate_proj, model.layers.3.mamba.dt_proj | ssm_x ffn_gate_exps ssm_dt
            mamba | backbone.layers.0.mixer.in_proj, backbone.layers.1.mixer.x_proj | ssm_in ssm_x
            mamba2 | backbone.layers.0.mixer.in_proj, backbone.layers.1.mixer.out_proj | ssm_in ssm_out
            plamo2 | model.layers.layers.0.mixer.in_proj, model.layers.layers.1.mixer.qkv_proj, model.layers.layers.2.mixer.bcdt_proj | ssm_in attn_qkv ssm_x
            plamo3 | model.layers.layers.1.mlp.gate_up_proj | ffn_up
            bamba | model.layers.1.self_attn.k_proj, model.layers.2.mamba.out_proj | attn_k ssm_out
            baichuan | model.layers.3.self_attn.W_pack | attn_q attn_k attn_v
            bailingmoe2 | model.layers.0.attention.query_key_value, model.layers.1.mlp.experts.5.up_proj | attn_qkv ffn_up_exps
            mpt | transformer.blocks.0.attn.Wqkv, transformer.blocks.1.ffn.down_proj | attn_qkv ffn_down
            minicpm3 | model.layers.0.self_attn.kv_b_proj | attn_kv_b
            """)
    void equalsTheMergedCheckpointConverted(String name, String modules, String changed) throws IOException {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, folder, ElementType.F32);
        MemoryCheckpoint plain = TinyModels.checkpoint(name, folder, ElementType.F32);
        Map<String, float[]> factors = new LinkedHashMap<>();
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        for (String module : modules.split(", ")) {
            List<Long> shape = checkpoint.tensors().find(module + ".weight").orElseThrow().shape();
            float[] a = factor(factors, shapes, module + ".lora_A.weight", RANK, shape.get(1));
            float[] b = factor(factors, shapes, module + ".lora_B.weight", shape.get(0), RANK);
            int columns = Math.toIntExact(shape.get(1));
            float[] weight = plain.values(module + ".weight");
            for (int i = 0; i < weight.length; i++) {
                double sum = 0;
                for (int r = 0; r < RANK; r++) {
                    sum += (double) b[i / columns * RANK + r] * a[r * columns + i % columns];
                }
                weight[i] = (float) (weight[i] + SCALE * sum);
            }
        }
        compare(checkpoint, plain, factors, shapes, "\"target_modules\":\"all-linear\"", changed);
    }

    /** Fused parameters of all experts: {@code A} is (experts * r, in), {@code B} (out, experts * r). */
    @ParameterizedTest
    @CsvSource({"llama4, llama4_text, model.layers.1.feed_forward.experts, gate_up_proj, ffn_gate_exps ffn_up_exps", "llama4, llama4_text, model.layers.3.feed_forward.experts, down_proj, ffn_down_exps",
            "qwen3vlmoe, qwen3_vl_moe, model.language_model.layers.0.mlp.experts, gate_up_proj, ffn_gate_exps ffn_up_exps"})
    void equalsWithPackedExperts(String name, String type, String module, String parameter, String changed) throws IOException {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, folder, ElementType.F32);
        MemoryCheckpoint plain = TinyModels.checkpoint(name, folder, ElementType.F32);
        checkpoint.rawConfig().put("model_type", type);
        List<Long> shape = checkpoint.tensors().find(module + "." + parameter).orElseThrow().shape();
        int experts = Math.toIntExact(shape.get(0));
        int in = Math.toIntExact(shape.get(1));
        int out = Math.toIntExact(shape.get(2));
        Map<String, float[]> factors = new LinkedHashMap<>();
        Map<String, List<Long>> shapes = new LinkedHashMap<>();
        float[] a = factor(factors, shapes, module + ".lora_A.weight", (long) experts * RANK, in);
        float[] b = factor(factors, shapes, module + ".lora_B.weight", out, (long) experts * RANK);
        float[] weight = plain.values(module + "." + parameter);
        for (int i = 0; i < weight.length; i++) {
            int e = i / (in * out);
            int row = i / out % in;
            int column = i % out;
            double sum = 0;
            for (int r = 0; r < RANK; r++) {
                sum += (double) b[(column * RANK + r) * experts + e] * a[(e * RANK + r) * in + row];
            }
            weight[i] = (float) (weight[i] + SCALE * sum);
        }
        compare(checkpoint, plain, factors, shapes, "\"target_modules\":[],\"target_parameters\":[\"experts." + parameter + "\"]", changed);
    }

    private void compare(MemoryCheckpoint checkpoint, MemoryCheckpoint plain, Map<String, float[]> factors, Map<String, List<Long>> shapes, String targets, String changed) throws IOException {
        Path base = Files.createDirectories(folder.resolve("base"));
        Files.writeString(base.resolve("config.json"), checkpoint.rawConfig().toString());
        write(base.resolve("model.safetensors"), checkpoint.tensors());
        Map<TensorInfo, float[]> tensors = new LinkedHashMap<>();
        shapes.forEach((name, shape) -> tensors.put(new TensorInfo(name, ElementType.F32, shape), factors.get(name)));
        Path adapter = TinyAdapter.write(folder, "\"r\":" + RANK + ",\"lora_alpha\":" + SCALE * RANK + "," + targets, tensors);
        try (MergedCheckpoint merged = MergedCheckpoint.open(CheckpointFolder.open(base), List.of(MergeInput.of(adapter)), MergeOptions.STRICT)) {
            TensorSource found = new ModelConverter().tensors(merged);
            TensorSource expected = new ModelConverter().tensors(plain);
            TensorSource before = new ModelConverter().tensors(checkpoint);
            assertThat(found.tensors().stream().map(t -> t.name() + t.shape()).toList()).isEqualTo(expected.tensors().stream().map(t -> t.name() + t.shape()).toList());
            TreeSet<String> different = new TreeSet<>();
            for (TensorInfo tensor : expected.tensors()) {
                float[] values = read(found, tensor.name());
                float[] wanted = read(expected, tensor.name());
                for (int i = 0; i < wanted.length; i++) {
                    assertThat(values[i]).as("element %d of %s", i, tensor.name()).isCloseTo(wanted[i], org.assertj.core.data.Offset.offset(1e-6f));
                }
                if (!Arrays.equals(values, read(before, tensor.name()))) {
                    different.add(tensor.name().replaceFirst("blk\\.\\d+\\.", "").replace(".weight", ""));
                }
            }
            assertThat(different).containsExactlyInAnyOrder(changed.split(" "));
        }
    }

    private static float[] factor(Map<String, float[]> factors, Map<String, List<Long>> shapes, String name, long rows, long columns) {
        Random random = new Random(name.hashCode());
        float[] values = new float[Math.toIntExact(rows * columns)];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian() * 0.2f;
        }
        factors.put(name, values);
        shapes.put(name, List.of(rows, columns));
        return values;
    }

    private static void write(Path file, TensorSource source) {
        try (SafetensorsWriter writer = SafetensorsWriter.create(file, source.tensors(), Map.of("format", "pt"))) {
            source.tensors().forEach(info -> writer.write(info, 0, (int) info.rows(), read(source, info.name()), 0));
            writer.commit();
        }
    }

    /** All values, in blocks of a few rows. */
    private static float[] read(TensorSource source, String name) {
        TensorInfo info = source.find(name).orElseThrow();
        int length = Math.toIntExact(info.rowLength());
        int all = Math.toIntExact(info.rows());
        float[] values = new float[all * length];
        for (int row = 0; row < all; row += 7) {
            source.read(info, row, Math.min(7, all - row), values, row * length);
        }
        return values;
    }
}
