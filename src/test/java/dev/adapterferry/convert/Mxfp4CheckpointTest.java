package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.lora.MergeInput;
import dev.adapterferry.lora.MergeOptions;
import dev.adapterferry.lora.MergedCheckpoint;
import dev.adapterferry.tensor.Checkpoint;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import dev.adapterferry.tensor.TensorSource;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * gpt-oss as it is released, with experts in MXFP4, becomes what the same model with unpacked experts becomes. The values are written out
 * here by the definition of the format: a sign, two bits of exponent, one of mantissa, and a power of two for each group of 32.
 */
class Mxfp4CheckpointTest {
    private static final int EXPERTS = 4;

    @TempDir
    Path folder;

    @Test
    void packedExpertsBecomeWhatUnpackedOnesBecome() {
        MemoryCheckpoint unpacked = TinyModels.checkpoint("gpt-oss", ElementType.F32);
        Packed packed = new Packed(unpacked);
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
        Packed packed = new Packed(TinyModels.checkpoint("gpt-oss", ElementType.F32));
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
        Packed packed = new Packed(plain);
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
        Packed packed = new Packed(TinyModels.checkpoint("gpt-oss", ElementType.F32));
        packed.pack("model.layers.0.mlp.experts.down_proj", 64, 96);
        TensorInfo scales = packed.infos.remove("model.layers.0.mlp.experts.down_proj_scales");
        assertThatThrownBy(() -> new ModelConverter().convert(packed, Provenance.NONE)).hasMessageContaining("'model.layers.0.mlp.experts.down_proj_blocks' has no")
                .hasMessageContaining("down_proj_scales");
        packed.infos.put(scales.name(), new TensorInfo(scales.name(), ElementType.U8, List.of(4L, 64L, 2L)));
        assertThatThrownBy(() -> new ModelConverter().convert(packed, Provenance.NONE)).hasMessageContaining("has type U8 and shape [4, 64, 2], expected U8 and [4, 64, 3]");
    }

    /** A checkpoint of which some tensors are replaced by blocks and scales. */
    private static final class Packed implements Checkpoint {
        private final MemoryCheckpoint base;
        private final Map<String, TensorInfo> infos = new TreeMap<>();
        private final Map<String, float[]> bytes = new LinkedHashMap<>();
        private final Random random = new Random(5);

        Packed(MemoryCheckpoint base) {
            this.base = base;
            base.tensors().tensors().forEach(tensor -> infos.put(tensor.name(), tensor));
        }

        /** Draws blocks and scales, and writes what they mean into the unpacked tensor. */
        void pack(String name, int rows, int columns) {
            int groups = columns / 32;
            float[] blocks = new float[EXPERTS * rows * groups * 16];
            float[] scales = new float[EXPERTS * rows * groups];
            float[] values = base.values(name);
            for (int e = 0; e < EXPERTS; e++) {
                for (int r = 0; r < rows; r++) {
                    for (int g = 0; g < groups; g++) {
                        int group = (e * rows + r) * groups + g;
                        scales[group] = 120 + random.nextInt(6);
                        for (int i = 0; i < 32; i++) {
                            int code = random.nextInt(16);
                            blocks[group * 16 + i / 2] += i % 2 == 0 ? code : 16 * code;
                            values[(e * columns + g * 32 + i) * rows + r] = (float) (value(code) * Math.pow(2, scales[group] - 127));
                        }
                    }
                }
            }
            infos.remove(name);
            infos.put(name + "_blocks", new TensorInfo(name + "_blocks", ElementType.U8, List.of((long) EXPERTS, (long) rows, (long) groups, 16L)));
            infos.put(name + "_scales", new TensorInfo(name + "_scales", ElementType.U8, List.of((long) EXPERTS, (long) rows, (long) groups)));
            bytes.put(name + "_blocks", blocks);
            bytes.put(name + "_scales", scales);
        }

        /** E2M1: exponent 0 means halves without the leading one. */
        private static double value(int code) {
            int exponent = code >> 1 & 3;
            double magnitude = exponent == 0 ? (code & 1) * 0.5 : (1 + (code & 1) * 0.5) * Math.pow(2, exponent - 1);
            return code < 8 ? magnitude : -magnitude;
        }

        @Override
        public String name() {
            return base.name();
        }

        @Override
        public ObjectNode config() {
            ObjectNode config = base.config();
            config.putObject("quantization_config").put("quant_method", "mxfp4");
            return config;
        }

        @Override
        public Optional<Path> file(String fileName) {
            return base.file(fileName);
        }

        @Override
        public TensorSource tensors() {
            TensorSource plain = base.tensors();
            return new TensorSource() {
                @Override
                public List<TensorInfo> tensors() {
                    return new ArrayList<>(infos.values());
                }

                @Override
                public Optional<TensorInfo> find(String name) {
                    return Optional.ofNullable(infos.get(name));
                }

                @Override
                public void read(TensorInfo tensor, long firstRow, int rows, float[] into, int offset) {
                    float[] own = bytes.get(tensor.name());
                    if (own == null) {
                        plain.read(tensor, firstRow, rows, into, offset);
                    } else {
                        int length = Math.toIntExact(tensor.rowLength());
                        System.arraycopy(own, Math.toIntExact(firstRow * length), into, offset, rows * length);
                    }
                }

                @Override
                public void close() { }
            };
        }

        @Override
        public void close() { }
    }
}
