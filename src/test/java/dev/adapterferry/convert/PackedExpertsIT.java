package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.lora.AdapterMerger;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergeReport;
import dev.adapterferry.lora.MergeRequest;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.pass.PassResult;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Kernels;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.stage.FileQuantization;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.CheckpointFolder;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * PEFT adapters of packed experts ({@code target_parameters}) over models of every layout become what experts merged by hand become. By hand means PEFT's {@code ParamWrapper}
 * written out: {@code A.reshape(e, r, i)}, {@code B.reshape(o, r, e)}, {@code einsum("o r e, e r i -> e o i")}, transposed where that PEFT took the parameter for (e, in, out).
 * The factors are eighths, so that products are exact and each weight is rounded once on both ways.
 */
class PackedExpertsIT {
    private static final int RANK = 2;
    private static final MergeOptions OPTIONS = new MergeOptions(Optional.empty(), Set.of("base"));

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"gpt-oss,gpt_oss,0.20.0", "llama4,llama4_text,0.20.0", "gemma4-moe,gemma4_text,0.20.0", "gemma4-moe,gemma4_text,0.18.0", "qwen3moe-packed,qwen3_moe,0.19.1",
            "qwen3vlmoe,qwen3_vl_moe,0.20.0"})
    void theFileIsThatOfTheExpertsMergedByHand(String name, String type, String version) throws IOException {
        MemoryCheckpoint byHand = checkpoint(name, type);
        List<TensorInfo> experts = experts(byHand);
        Path adapter = adapter(byHand, experts, version, inputsFirst(type, version));
        try (MergedCheckpoint merged = MergedCheckpoint.open(checkpoint(name, type), List.of(MergeInput.of(adapter)), OPTIONS)) {
            assertThat(merged.adaptedTensors()).containsExactlyInAnyOrderElementsOf(experts.stream().map(TensorInfo::name).toList());
            compare(merged, byHand);
        }
    }

    /** gpt-oss as it is released: MXFP4 is decoded, the delta is added, and neither is rounded before the file's own format does. */
    @Test
    void expertsInMxfp4AreMergedAsWhatTheyStandFor() throws IOException {
        MemoryCheckpoint byHand = checkpoint("gpt-oss", "gpt_oss");
        PackedCheckpoint packed = packed(byHand);
        Path adapter = adapter(byHand, experts(byHand), "0.20.0", true);
        try (MergedCheckpoint merged = MergedCheckpoint.open(packed, List.of(MergeInput.of(adapter)), OPTIONS)) {
            assertThat(merged.adaptedTensors()).hasSize(4).allMatch(tensor -> tensor.endsWith("_blocks"));
            compare(merged, byHand);
        }
    }

    /** As in gpt-oss-20b, where no shape tells inputs from outputs: the running model has inputs first, the blocks outputs, and an adapter without a version is older than 0.18. */
    @ParameterizedTest
    @CsvSource({"0.20.0", "0.18.1", ","})
    void squareExpertsInMxfp4AreTurned(String version) throws IOException {
        MemoryCheckpoint byHand = new MemoryCheckpoint("{\"model_type\":\"gpt_oss\"}", folder, ElementType.F32, 5).add("model.layers.0.mlp.experts.down_proj", 0, 4, 64, 64);
        PackedCheckpoint packed = new PackedCheckpoint(byHand);
        packed.pack("model.layers.0.mlp.experts.down_proj", 64, 64);
        Path adapter = adapter(byHand, experts(byHand), version, true);
        try (MergedCheckpoint merged = MergedCheckpoint.open(packed, List.of(MergeInput.of(adapter)), OPTIONS)) {
            float[] exact = byHand.values("model.layers.0.mlp.experts.down_proj");
            float[] found = new float[exact.length];
            merged.tensors().read(merged.tensors().find("model.layers.0.mlp.experts.down_proj_blocks").orElseThrow(), 0, 4 * 64, found, 0);
            for (int i = 0; i < found.length; i++) {
                int row = i / 64;
                assertThat(found[i] + 0f).isEqualTo(exact[row / 64 * 4096 + i % 64 * 64 + row % 64] + 0f);
            }
        }
    }

    /** The folder is one that transformers loads: unpacked, inputs first, in BF16, without the quantization in its configuration. */
    @Test
    void aMergedFolderHoldsTheExpertsAsTransformersHasThem() throws IOException {
        MemoryCheckpoint byHand = checkpoint("gpt-oss", "gpt_oss");
        PackedCheckpoint packed = packed(byHand);
        Path adapter = adapter(byHand, experts(byHand), "0.20.0", true);
        Path out = folder.resolve("out");
        try (MergedCheckpoint merged = MergedCheckpoint.open(packed, List.of(MergeInput.of(adapter)), OPTIONS)) {
            MergeReport report = new AdapterMerger().merge(merged, new MergeRequest(out, Optional.of(ElementType.BF16), 200_000, 2), Progress.NONE, new Cancellation());
            assertThat(report.outputs()).hasSize(1);
            assertThat(report.outputs().getFirst().samples()).hasSize(4).allSatisfy(sample -> assertThat(sample.worst()).isLessThanOrEqualTo(1));
        }
        try (Checkpoint written = CheckpointFolder.open(out)) {
            assertThat(written.config().has("quantization_config")).isFalse();
            for (TensorInfo expected : byHand.tensors().tensors()) {
                TensorInfo found = written.tensors().find(expected.name()).orElseThrow();
                assertThat(found.shape()).as(expected.name()).isEqualTo(expected.shape());
                float[] values = new float[Math.toIntExact(found.elements())];
                written.tensors().read(found, 0, Math.toIntExact(found.rows()), values, 0);
                float[] exact = byHand.values(expected.name()).clone();
                for (int i = 0; i < exact.length; i++) {
                    exact[i] = ElementType.BF16.round(exact[i]);
                }
                assertThat(signless(values)).as(expected.name()).isEqualTo(signless(exact));
            }
            assertThat(written.tensors().tensors()).hasSameSizeAs(byHand.tensors().tensors());
        }
    }

    /** From the released files to MXFP4_MOE in one pass, which reads back what it wrote and refuses it unless the adapter is in it. */
    @Test
    void anAdapterLandsInMxfp4FilesOfThePass() throws IOException {
        MemoryCheckpoint byHand = checkpoint("gpt-oss", "gpt_oss");
        PackedCheckpoint packed = packed(byHand);
        Path adapter = adapter(byHand, experts(byHand), "0.20.0", true);
        Path base = packed.write(Files.createDirectories(folder.resolve("base")));
        FileQuantization.Order order = new FileQuantization.Order(base, List.of(adapter), Set.of("base"), folder.resolve("out"), "m",
                List.of(TypeRequest.of(Mix.MXFP4_MOE, false), TypeRequest.of(Mix.Q8_0, false)), Optional.empty(), false);
        List<PassResult.FileResult> files = new FileQuantization(PassSettings.plain()).carry(order, Progress.NONE, new Cancellation()).result().files();
        ConvertedModel exact = new ModelConverter().convert(byHand, Provenance.NONE);
        try (GgufModel gguf = GgufModel.open(files.getFirst().file())) {
            TensorInfo experts = gguf.tensors().stream().filter(t -> t.name().equals("blk.1.ffn_down_exps.weight")).findFirst().orElseThrow();
            float[] values = new float[(int) experts.elements()];
            gguf.read(experts, 0, (int) experts.rows(), values, 0);
            float[] merged = GgufFiles.read(exact, experts.name());
            byte[] bytes = new byte[Math.toIntExact(GgmlType.MXFP4.bytesFor(merged.length))];
            Kernels.scalar(GgmlType.MXFP4).encode(merged, 0, (int) experts.rows(), (int) experts.rowLength(), null, 0, bytes, 0);
            float[] expected = new float[merged.length];
            Kernels.scalar(GgmlType.MXFP4).decode(bytes, 0, expected.length, expected, 0);
            assertThat(values).isEqualTo(expected);
        }
    }

    @Test
    void refusesSquareExpertsWhoseOrderNothingTellsAndSaysWhatHelps() throws IOException {
        MemoryCheckpoint byHand = checkpoint("gemma4-moe", "gemma4_text");
        Path adapter = adapter(byHand, experts(byHand), null, true);
        assertThatThrownBy(() -> MergedCheckpoint.open(checkpoint("gemma4-moe", "gemma4_text"), List.of(MergeInput.of(adapter)), OPTIONS)).isInstanceOf(FerryException.class)
                .hasMessageContaining("experts.gate_up_proj': it is square").hasMessageContaining("as peft_version");
    }

    private void compare(MergedCheckpoint merged, MemoryCheckpoint byHand) {
        ConvertedModel expected = new ModelConverter().convert(byHand, Provenance.NONE);
        ConvertedModel found = new ModelConverter().convert(merged, Provenance.NONE);
        for (TensorInfo tensor : expected.tensors().tensors()) {
            assertThat(signless(GgufFiles.read(found, tensor.name()))).as(tensor.name()).isEqualTo(signless(GgufFiles.read(expected, tensor.name())));
        }
        assertThat(merged.report().tensors()).allSatisfy(line -> assertThat(line.actualNorm()).isCloseTo(line.expectedNorm(), org.assertj.core.data.Percentage.withPercentage(0.01)));
    }

    private static MemoryCheckpoint checkpoint(String name, String type) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        checkpoint.rawConfig().put("model_type", type);
        return checkpoint;
    }

    private static PackedCheckpoint packed(MemoryCheckpoint byHand) {
        PackedCheckpoint packed = new PackedCheckpoint(byHand);
        for (int l = 0; l < 2; l++) {
            packed.pack("model.layers." + l + ".mlp.experts.gate_up_proj", 192, 64);
            packed.pack("model.layers." + l + ".mlp.experts.down_proj", 64, 96);
        }
        return packed;
    }

    private static List<TensorInfo> experts(MemoryCheckpoint checkpoint) {
        List<TensorInfo> experts = checkpoint.tensors().tensors().stream().filter(t -> t.rank() == 3 && t.name().contains(".experts.")).toList();
        assertThat(experts).isNotEmpty();
        return experts;
    }

    /** Up to 0.18 PEFT took every parameter for (e, in, out), later only those of models that say so. */
    private static boolean inputsFirst(String type, String version) {
        return version.startsWith("0.18") || Set.of("gpt_oss", "llama4_text").contains(type);
    }

    /** Writes an adapter for the given parameters and merges it into them. */
    private Path adapter(MemoryCheckpoint byHand, List<TensorInfo> parameters, String version, boolean inputsFirst) throws IOException {
        Random random = new Random(3);
        Map<TensorInfo, float[]> factors = new LinkedHashMap<>();
        for (TensorInfo parameter : parameters) {
            int experts = Math.toIntExact(parameter.shape().get(0));
            int rows = Math.toIntExact(parameter.shape().get(1));
            int columns = Math.toIntExact(parameter.rowLength());
            int in = inputsFirst ? rows : columns;
            int out = inputsFirst ? columns : rows;
            float[] a = eighths(random, experts * RANK * in);
            float[] b = eighths(random, out * experts * RANK);
            float[] values = byHand.values(parameter.name());
            for (int e = 0; e < experts; e++) {
                for (int o = 0; o < out; o++) {
                    for (int i = 0; i < in; i++) {
                        double delta = 0;
                        for (int r = 0; r < RANK; r++) {
                            delta += (double) b[o * RANK * experts + r * experts + e] * a[(e * RANK + r) * in + i];
                        }
                        int at = e * rows * columns + (inputsFirst ? i * columns + o : o * columns + i);
                        values[at] = (float) (values[at] + 2 * delta);
                    }
                }
            }
            String module = parameter.name().substring(0, parameter.name().lastIndexOf('.'));
            // PEFT wraps gate_up_proj first, so that it ends up inside.
            String nested = parameter.name().endsWith("gate_up_proj") ? module + ".base_layer" : module;
            factors.put(new TensorInfo(nested + ".lora_A.weight", ElementType.F32, List.of((long) experts * RANK, (long) in)), a);
            factors.put(new TensorInfo(nested + ".lora_B.weight", ElementType.F32, List.of((long) out, (long) experts * RANK)), b);
        }
        String written = version == null ? "\"peft_version\":null" : "\"peft_version\":\"" + version + "\"";
        return TinyAdapter.write(folder, "\"r\":2,\"lora_alpha\":4,\"target_modules\":[],\"target_parameters\":[\"experts.gate_up_proj\",\"experts.down_proj\"]," + written, factors);
    }

    /** MXFP4 has a negative zero, which an addition of nothing loses or not. */
    private static float[] signless(float[] values) {
        for (int i = 0; i < values.length; i++) {
            values[i] += 0f;
        }
        return values;
    }

    private static float[] eighths(Random random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt(9) - 4) / 8f;
        }
        return values;
    }
}
