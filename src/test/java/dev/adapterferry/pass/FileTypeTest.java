package dev.adapterferry.pass;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufModel;
import dev.adapterferry.gguf.GgufPlan;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.quant.Mix;
import dev.adapterferry.quant.TypeRequest;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code general.file_type} of each format's file, by llama.cpp's {@code enum llama_ftype} ({@code include/llama.h}), written down here once more. */
class FileTypeTest {
    private static final Map<String, Long> LLAMA_FTYPE = Arrays.stream(("ALL_F32 0; MOSTLY_F16 1; MOSTLY_Q4_0 2; MOSTLY_Q4_1 3; MOSTLY_Q8_0 7; MOSTLY_Q5_0 8; MOSTLY_Q5_1 9; MOSTLY_Q2_K 10; "
            + "MOSTLY_Q3_K_S 11; MOSTLY_Q3_K_M 12; MOSTLY_Q3_K_L 13; MOSTLY_Q4_K_S 14; MOSTLY_Q4_K_M 15; MOSTLY_Q5_K_S 16; MOSTLY_Q5_K_M 17; MOSTLY_Q6_K 18; MOSTLY_IQ2_XXS 19; MOSTLY_IQ2_XS 20; "
            + "MOSTLY_Q2_K_S 21; MOSTLY_IQ3_XS 22; MOSTLY_IQ3_XXS 23; MOSTLY_IQ1_S 24; MOSTLY_IQ4_NL 25; MOSTLY_IQ3_S 26; MOSTLY_IQ3_M 27; MOSTLY_IQ2_S 28; MOSTLY_IQ2_M 29; MOSTLY_IQ4_XS 30; "
            + "MOSTLY_IQ1_M 31; MOSTLY_BF16 32; MOSTLY_TQ1_0 36; MOSTLY_TQ2_0 37; MOSTLY_MXFP4_MOE 38").split("; ")).map(entry -> entry.split(" "))
            .collect(Collectors.toMap(entry -> entry[0].replaceFirst("^(ALL|MOSTLY)_", ""), entry -> Long.parseLong(entry[1])));

    @TempDir
    Path folder;

    @Test
    void everyFormatSaysWhichItIs() {
        GeneratedSource source = new GeneratedSource(21, GeneratedSource.info("token_embd.weight", 8, 256), GeneratedSource.info("output_norm.weight", 256), GeneratedSource.info("blk.0.attn_q.weight", 8, 256),
                GeneratedSource.info("blk.0.attn_v.weight", 8, 256), GeneratedSource.info("blk.0.ffn_down.weight", 8, 256));
        GgufMetadata metadata = new GgufMetadata().putString("general.architecture", "test").putUint32("general.file_type", 1).putUint32("test.block_count", 1).putUint32("test.attention.head_count", 4);
        Path f16 = folder.resolve("source.gguf");
        GgufPlan plan = GgufPlan.of(metadata, source.tensors(), t -> t.rank() < 2 ? GgmlType.F32 : GgmlType.F16);
        PassFixture.run(PassFixture.threads(1), new PassRequest("source", source, "key", List.of(), List.of(new PassOutput("F16", f16, plan)), Optional.empty(), Optional.empty()));
        List<TypeRequest> all = Arrays.stream(Mix.values()).map(mix -> TypeRequest.of(mix, false)).toList();
        try (GgufModel model = GgufModel.open(f16)) {
            new QuantizeJob(PassSettings.plain()).run(QuantizeRequest.of("ship", model, folder, all, Optional.empty(), false), Progress.NONE, new Cancellation());
        }
        for (Mix mix : Mix.values()) {
            try (GgufFile file = GgufFile.open(folder.resolve("ship-" + mix.label() + ".gguf"))) {
                assertThat(file.metadata().findLong("general.file_type")).as(mix.label()).contains(LLAMA_FTYPE.get(mix.label()));
                assertThat(file.metadata().find("general.file_type").orElseThrow().type()).isEqualTo(GgufMetadata.ValueType.UINT32);
            }
        }
    }
}
