package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.pass.PassSettings;
import dev.adapterferry.pass.QuantizeJob;
import dev.adapterferry.pass.QuantizeRequest;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Whole files of MXFP4_MOE: every tensor has the type and the bytes that {@code llama_model_quantize} of autumn 2026 gives it, and that llama.cpp runs the file. */
class Mxfp4MixIT {
    @TempDir
    Path folder;

    @BeforeAll
    static void library() {
        CurrentLlama.assume();
    }

    @Test
    void aMixtureOfExpertsIsWhatLlamaCppMakesOfIt() {
        compare(TinyModels.checkpoint("qwen3moe", ElementType.F32));
    }

    @Test
    void gptOssKeepsTheExpertsThatItWasReleasedWith() {
        PackedCheckpoint packed = new PackedCheckpoint(TinyModels.checkpoint("gpt-oss", ElementType.F32));
        for (int l = 0; l < 2; l++) {
            packed.pack("model.layers." + l + ".mlp.experts.gate_up_proj", 192, 64);
            packed.pack("model.layers." + l + ".mlp.experts.down_proj", 64, 96);
        }
        Path made = compare(packed);
        ConvertedModel model = new ModelConverter().convert(packed, Provenance.NONE);
        try (GgufModel gguf = GgufModel.open(made)) {
            for (String part : List.of("gate", "up", "down")) {
                TensorInfo experts = gguf.tensors().stream().filter(t -> t.name().equals("blk.1.ffn_" + part + "_exps.weight")).findFirst().orElseThrow();
                float[] values = new float[(int) experts.elements()];
                gguf.read(experts, 0, (int) experts.rows(), values, 0);
                float[] released = GgufFiles.read(model, experts.name());
                for (int i = 0; i < values.length; i++) {
                    // Zero loses its sign.
                    assertThat(values[i] + 0f).isEqualTo(released[i] + 0f);
                }
            }
        }
    }

    private Path compare(Checkpoint checkpoint) {
        Path source = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve("source.gguf"), GgmlType.F32);
        try (GgufModel model = GgufModel.open(source)) {
            new QuantizeJob(PassSettings.plain()).run(QuantizeRequest.of("ship", model, folder, List.of(TypeRequest.of(Mix.MXFP4_MOE, false)), Optional.empty(), false), Progress.NONE, new Cancellation());
        }
        Path ours = folder.resolve("ship-MXFP4_MOE.gguf");
        Path theirs = folder.resolve("theirs.gguf");
        CurrentLlama.quantize(source, theirs, Mix.MXFP4_MOE.fileType());
        try (GgufFile expected = GgufFile.open(theirs); GgufFile found = GgufFile.open(ours)) {
            assertThat(found.tensors()).hasSameSizeAs(expected.tensors());
            for (TensorInfo tensor : found.tensors()) {
                TensorInfo same = expected.tensors().stream().filter(t -> t.name().equals(tensor.name())).findFirst().orElseThrow();
                assertThat(tensor.type()).as(tensor.name()).isEqualTo(same.type());
                assertThat(stored(found, tensor)).as(tensor.name()).isEqualTo(stored(expected, same));
            }
            assertThat(found.tensors()).filteredOn(t -> t.name().contains("_exps.weight")).isNotEmpty().allMatch(t -> t.type() == GgmlType.MXFP4);
            assertThat(found.metadata().findLong("general.file_type")).contains(38L);
        }
        assertThat(CurrentLlama.generate(ours, 4, 1, 2, 3)).hasSize(4);
        return ours;
    }

    private static byte[] stored(GgufFile file, TensorInfo tensor) {
        byte[] bytes = new byte[(int) (((GgmlType) tensor.type()).bytesFor(tensor.rowLength()) * tensor.rows())];
        file.readStored(tensor, 0, bytes.length, bytes, 0);
        return bytes;
    }
}
