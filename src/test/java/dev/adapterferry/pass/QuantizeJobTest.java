package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.ImportanceMatrix;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuantizeJobTest {
    private static final GeneratedSource SOURCE = new GeneratedSource(21, GeneratedSource.info("token_embd.weight", 64, 256), GeneratedSource.info("output_norm.weight", 256),
            GeneratedSource.info("blk.0.attn_q.weight", 64, 256), GeneratedSource.info("blk.0.attn_v.weight", 64, 256), GeneratedSource.info("blk.0.ffn_down.weight", 256, 96),
            GeneratedSource.info("blk.0.attn_norm.weight", 256));

    @TempDir
    Path folder;

    @Test
    void writesAGgufModelInOtherFormats() throws IOException {
        Path f16 = f16();
        PassResult result = quantize(f16, false, Mix.Q4_K_M, Mix.Q8_0);
        assertThat(result.files()).extracting(f -> f.file().getFileName().toString()).containsExactly("ship-Q4_K_M.gguf", "ship-Q8_0.gguf");
        try (GgufFile source = GgufFile.open(f16); GgufFile q4 = GgufFile.open(folder.resolve("ship-Q4_K_M.gguf")); GgufFile q8 = GgufFile.open(folder.resolve("ship-Q8_0.gguf"))) {
            assertThat(q4.tensors()).extracting(TensorInfo::name).isEqualTo(source.tensors().stream().map(TensorInfo::name).toList());
            // The embedding serves as output, hence Q6_K; 96 columns fit no super-block, hence Q8_0 for Q6_K.
            assertThat(types(q4)).containsExactly("Q6_K", "F32", "Q4_K", "Q6_K", "Q8_0", "F32");
            assertThat(types(q8)).containsExactly("Q8_0", "F32", "Q8_0", "Q8_0", "Q8_0", "F32");
            assertThat(q4.metadata().entries().keySet()).containsExactly("general.architecture", "test.block_count", "test.attention.head_count", "general.name",
                    "general.quantization_version", "general.file_type");
            assertThat(q4.metadata().findLong("general.file_type")).contains(15L);
            assertThat(q8.metadata().findLong("general.file_type")).contains(7L);
            assertThat(stored(q4, "output_norm.weight")).as("kept to the byte").isEqualTo(stored(source, "output_norm.weight"));
            assertThat(GgmlType.Q8_0.bytesFor(96 * 256)).isEqualTo(stored(q4, "blk.0.ffn_down.weight").length);
        }
    }

    @Test
    void requantizesOnlyWhenAskedTo() throws IOException {
        Path f16 = f16();
        quantize(f16, false, Mix.Q8_0);
        Path q8 = folder.resolve("ship-Q8_0.gguf");
        Path other = Files.createDirectory(folder.resolve("again"));
        try (GgufModel model = GgufModel.open(q8)) {
            QuantizeRequest refused = QuantizeRequest.of("ship", model, other, List.of(TypeRequest.of(Mix.Q4_K_M, false)), Optional.empty(), false);
            assertThatThrownBy(() -> QuantizeJob.plan(refused)).isInstanceOf(FerryException.class).hasMessageContaining("Q8_0 already");
            QuantizeRequest allowed = QuantizeRequest.of("ship", model, other, List.of(TypeRequest.of(Mix.Q4_K_M, false)), Optional.empty(), true);
            new QuantizeJob(PassSettings.plain()).run(allowed, Progress.NONE, new Cancellation());
            QuantizeRequest same = QuantizeRequest.of("ship", model, other, List.of(TypeRequest.of(Mix.Q8_0, false)), Optional.empty(), false);
            new QuantizeJob(PassSettings.plain()).run(same, Progress.NONE, new Cancellation());
        }
        assertThat(Files.mismatch(q8, other.resolve("ship-Q8_0.gguf"))).as("what has its type already is copied").isEqualTo(-1);
        try (GgufFile twice = GgufFile.open(other.resolve("ship-Q4_K_M.gguf"))) {
            assertThat(types(twice)).containsExactly("Q6_K", "F32", "Q4_K", "Q6_K", "Q8_0", "F32");
        }
    }

    @Test
    void namesTheImportanceMatrixInTheFile() throws IOException {
        float[] weights = new float[256];
        Arrays.fill(weights, 2);
        ImportanceMatrix matrix = ImportanceMatrix.of(Map.of("blk.0.attn_q.weight", weights), "/data/" + "ä".repeat(100), List.of("wiki.txt"), 40);
        try (GgufModel model = GgufModel.open(f16())) {
            QuantizeRequest request = QuantizeRequest.of("ship", model, folder, List.of(TypeRequest.of(Mix.Q4_K_M, false)), Optional.of(matrix), false);
            new QuantizeJob(PassSettings.plain()).run(request, Progress.NONE, new Cancellation());
        }
        try (GgufFile file = GgufFile.open(folder.resolve("ship-Q4_K_M.gguf"))) {
            assertThat(file.metadata().entries().keySet()).endsWith("general.file_type", "quantize.imatrix.file", "quantize.imatrix.dataset", "quantize.imatrix.entries_count",
                    "quantize.imatrix.chunks_count");
            assertThat(file.metadata().findString("quantize.imatrix.file").orElseThrow()).isEqualTo("/data/" + "ä".repeat(60));
            assertThat(file.metadata().findLong("quantize.imatrix.chunks_count")).contains(40L);
        }
    }

    @Test
    void keepsVectorsOfACheckpointAsF32() {
        GeneratedSource checkpoint = new GeneratedSource(1, new TensorInfo("token_embd.weight", ElementType.BF16, List.of(8L, 256L)), new TensorInfo("output_norm.weight", ElementType.BF16, List.of(256L)));
        QuantizeRequest request = new QuantizeRequest("ship", checkpoint, metadata(), "key", List.of(), folder,
                List.of(TypeRequest.of(Mix.Q4_K_M, false), TypeRequest.of(Mix.F16, false)), Optional.empty(), false);
        PassRequest plan = QuantizeJob.plan(request);
        assertThat(plan.outputs().getFirst().plan().tensors()).extracting(GgufPlan.Tensor::type).containsExactly(GgmlType.Q6_K, GgmlType.F32);
        assertThat(plan.outputs().getLast().plan().tensors()).extracting(GgufPlan.Tensor::type).containsExactly(GgmlType.F16, GgmlType.F32);
    }

    @Test
    void doesNotOverwriteItsSource() throws IOException {
        Path source = Files.move(f16(), folder.resolve("ship-F16.gguf"));
        try (GgufModel model = GgufModel.open(source)) {
            QuantizeRequest request = QuantizeRequest.of("ship", model, folder, List.of(TypeRequest.of(Mix.F16, false)), Optional.empty(), false);
            assertThatThrownBy(() -> QuantizeJob.plan(request)).isInstanceOf(FerryException.class).hasMessageContaining("is the source itself");
        }
    }

    private PassResult quantize(Path source, boolean again, Mix... mixes) {
        try (GgufModel model = GgufModel.open(source)) {
            List<TypeRequest> formats = Arrays.stream(mixes).map(mix -> TypeRequest.of(mix, false)).toList();
            return new QuantizeJob(PassSettings.plain()).run(QuantizeRequest.of("ship", model, folder, formats, Optional.empty(), again), Progress.NONE, new Cancellation());
        }
    }

    private Path f16() {
        Path file = folder.resolve("source.gguf");
        GgufPlan plan = GgufPlan.of(metadata(), SOURCE.tensors(), t -> t.rank() < 2 ? GgmlType.F32 : GgmlType.F16);
        PassRequest request = new PassRequest("source", SOURCE, "key", List.of(), List.of(new PassOutput("F16", file, plan)), Optional.empty(), Optional.empty());
        PassFixture.run(PassFixture.threads(1), request);
        return file;
    }

    private static GgufMetadata metadata() {
        return new GgufMetadata().putString("general.architecture", "test").putUint32("general.file_type", 1).putUint32("test.block_count", 1)
                .putUint32("test.attention.head_count", 4).putUint32("general.quantization_version", 2).putString("general.name", "Ship");
    }

    private static List<String> types(GgufFile file) {
        return file.tensors().stream().map(t -> t.type().label()).toList();
    }

    private static byte[] stored(GgufFile file, String name) {
        TensorInfo tensor = file.find(name).orElseThrow();
        byte[] bytes = new byte[(int) (tensor.type().bytesFor(tensor.rowLength()) * tensor.rows())];
        file.readStored(tensor, 0, bytes.length, bytes, 0);
        return bytes;
    }
}
