package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * gpt-oss as it is released, with experts in MXFP4, becomes what the same model with unpacked experts becomes. The values are written out
 * here by the definition of the format: a sign, two bits of exponent, one of mantissa, and a power of two for each group of 32.
 */
class Mxfp4CheckpointTest {
    @TempDir
    Path folder;

    @Test
    void packedExpertsBecomeWhatUnpackedOnesBecome() {
        MemoryCheckpoint unpacked = TinyModels.checkpoint("gpt-oss", ElementType.F32);
        PackedCheckpoint packed = new PackedCheckpoint(unpacked);
        for (int l = 0; l < 2; l++) {
            // Stored as rows of outputs; transformers unpacks and transposes: [experts, in, out].
            packed.pack("model.layers." + l + ".mlp.experts.gate_up_proj", 192, 64);
            packed.pack("model.layers." + l + ".mlp.experts.down_proj", 64, 96);
        }
        ConvertedModel expected = new ModelConverter().convert(unpacked, Provenance.NONE);
        ConvertedModel found = new ModelConverter().convert(packed, Provenance.NONE);
        assertThat(found.tensors().tensors().stream().map(TensorInfo::name)).containsExactlyInAnyOrderElementsOf(expected.tensors().tensors().stream().map(TensorInfo::name).toList());
        expected.tensors().tensors().forEach(tensor -> {
            assertThat(found.tensors().find(tensor.name()).orElseThrow().shape()).as(tensor.name()).isEqualTo(tensor.shape());
            assertThat(GgufFiles.read(found, tensor.name())).as(tensor.name()).isEqualTo(GgufFiles.read(expected, tensor.name()));
        });
        assertThat(found.metadata().entries()).usingRecursiveComparison().isEqualTo(expected.metadata().entries());
    }

    /** Adapters of gpt-oss are trained on the released files; their attention can be merged into those. */
    @Test
    void anAdapterOfTheAttentionIsMergedIntoPackedFiles() throws IOException {
        MemoryCheckpoint byHand = TinyModels.checkpoint("gpt-oss", ElementType.F32);
        List<TensorInfo> queries = byHand.tensors().tensors().stream().filter(t -> t.name().endsWith("q_proj.weight")).toList();
        Path adapter = AdapterConversionIT.writeAdapter(folder, byHand, queries, Set.of("q_proj"));
        PackedCheckpoint packed = new PackedCheckpoint(TinyModels.checkpoint("gpt-oss", ElementType.F32));
        packed.pack("model.layers.0.mlp.experts.down_proj", 64, 96);
        try (MergedCheckpoint merged = MergedCheckpoint.open(packed, List.of(MergeInput.of(adapter)), new MergeOptions(Optional.empty(), Set.of("base")))) {
            ConvertedModel model = new ModelConverter().convert(merged, Provenance.NONE);
            assertThat(GgufFiles.read(model, "blk.1.attn_q.weight")).isEqualTo(byHand.values("model.layers.1.self_attn.q_proj.weight"));
            assertThat(model.tensors().find("blk.0.ffn_down_exps.weight").orElseThrow().shape()).containsExactly(4L, 64L, 96L);
        }
    }

    @Test
    void weightsInEightBitsAreConvertedWithoutAnAdapterToo() {
        MemoryCheckpoint plain = TinyModels.checkpoint("gpt-oss", ElementType.F32);
        PackedCheckpoint packed = new PackedCheckpoint(plain);
        String name = "model.layers.0.self_attn.k_proj.weight";
        float[] eighths = new float[plain.values(name).length];
        for (int i = 0; i < eighths.length; i++) {
            eighths[i] = (i % 15 - 7) / 8f;
            plain.values(name)[i] = 4 * eighths[i];
        }
        packed.infos.put(name, new TensorInfo(name, ElementType.F8_E4M3, plain.tensors().find(name).orElseThrow().shape()));
        packed.bytes.put(name, eighths);
        packed.infos.put(name + "_scale_inv", new TensorInfo(name + "_scale_inv", ElementType.F32, List.of(1L)));
        packed.bytes.put(name + "_scale_inv", new float[] {4});
        assertThat(GgufFiles.read(new ModelConverter().convert(packed, Provenance.NONE), "blk.0.attn_k.weight")).isEqualTo(plain.values(name));
    }

    @Test
    void namesScalesThatAreMissingOrOfAnotherShape() {
        PackedCheckpoint packed = new PackedCheckpoint(TinyModels.checkpoint("gpt-oss", ElementType.F32));
        packed.pack("model.layers.0.mlp.experts.down_proj", 64, 96);
        TensorInfo scales = packed.infos.remove("model.layers.0.mlp.experts.down_proj_scales");
        assertThatThrownBy(() -> new ModelConverter().convert(packed, Provenance.NONE)).hasMessageContaining("'model.layers.0.mlp.experts.down_proj_blocks' has no")
                .hasMessageContaining("down_proj_scales");
        packed.infos.put(scales.name(), new TensorInfo(scales.name(), ElementType.U8, List.of(4L, 64L, 2L)));
        assertThatThrownBy(() -> new ModelConverter().convert(packed, Provenance.NONE)).hasMessageContaining("has type U8 and shape [4, 64, 2], expected U8 and [4, 64, 3]");
    }
}
