package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.llamacpp.Ggml;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every tensor of every format that the pass writes, against llama.cpp's own quantizer. */
class LlamaCppBytesIT {
    private static final GeneratedSource SOURCE = new GeneratedSource(31, GeneratedSource.info("token_embd.weight", 128, 512), GeneratedSource.info("blk.0.attn_norm.weight", 512),
            GeneratedSource.info("blk.0.attn_q.weight", 512, 512), GeneratedSource.info("blk.0.attn_v.weight", 256, 512), GeneratedSource.info("blk.0.ffn_down.weight", 512, 1376),
            GeneratedSource.info("blk.0.ffn_up.weight", 1376, 512), GeneratedSource.info("output_norm.weight", 512), GeneratedSource.info("output.weight", 128, 512));

    @TempDir
    Path folder;

    @Test
    void everyTensorOfEveryFormatIsWhatLlamaCppMakes() {
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "llama").putUint32("llama.block_count", 1).putUint32("llama.attention.head_count", 8);
        List<TypeRequest> formats = Arrays.stream(Mix.values()).map(mix -> TypeRequest.of(mix, false)).toList();
        QuantizeRequest request = new QuantizeRequest("m", SOURCE, metadata, "key", List.of(), folder, formats, Optional.empty(), false);
        PassResult result = new QuantizeJob(PassSettings.plain()).run(request, Progress.NONE, new Cancellation());
        assertThat(result.files()).hasSize(Mix.values().length);
        Set<GgmlType> seen = EnumSet.noneOf(GgmlType.class);
        for (PassResult.FileResult file : result.files()) {
            try (GgufFile gguf = GgufFile.open(file.file())) {
                for (TensorInfo tensor : gguf.tensors()) {
                    GgmlType type = (GgmlType) tensor.type();
                    byte[] bytes = new byte[(int) (type.bytesFor(tensor.rowLength()) * tensor.rows())];
                    gguf.readStored(tensor, 0, bytes.length, bytes, 0);
                    assertThat(bytes).as("%s of %s as %s", tensor.name(), file.format(), type).isEqualTo(Ggml.quantize(type, values(tensor), (int) tensor.rows(), (int) tensor.rowLength(), null));
                    seen.add(type);
                }
            }
        }
        assertThat(seen).contains(GgmlType.Q2_K, GgmlType.Q3_K, GgmlType.Q4_K, GgmlType.Q5_K, GgmlType.Q6_K, GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.IQ4_NL,
                GgmlType.IQ4_XS, GgmlType.F16, GgmlType.BF16, GgmlType.F32);
    }

    private static float[] values(TensorInfo tensor) {
        float[] values = new float[(int) tensor.elements()];
        SOURCE.read(SOURCE.find(tensor.name()).orElseThrow(), 0, (int) tensor.rows(), values, 0);
        return values;
    }
}
