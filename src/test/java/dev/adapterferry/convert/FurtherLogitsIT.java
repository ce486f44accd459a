package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a current llama.cpp computes from the file is what the model's own class computes from the checkpoint. */
class FurtherLogitsIT {
    private static final double BOUND = 1e-3;
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    @BeforeAll
    static void current() {
        CurrentLlama.assume();
    }

    @ParameterizedTest
    @ValueSource(strings = {"granite4", "granite4-h", "granite4-h-moe", "baichuan", "baichuan-13b", "orion", "xverse", "mpt", "dbrx", "minicpm3", "dots1", "minimax-m2", "bailingmoe2"})
    void llamaCppComputesWhatTheCheckpointComputes(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        Decoder reference = FurtherCheckpoints.of(checkpoint);
        reference.coarse = name.equals("mpt");
        assertThat(difference(llamaCpp(converted(checkpoint), name), reference.logits(TOKENS))).isLessThan(BOUND);
    }

    @ParameterizedTest
    @CsvSource({"baichuan, attn_k.weight, swap-halves", "orion, attn_q.weight, permute", "dbrx, ffn_up_exps.weight, next-expert", "granite4, ffn_up.weight, other-half-first", "bailingmoe2, blk.1.exp_probs_b.bias, reversed",
            "granite4-h, blk.0.ssm_a, reversed", "granite4-h, blk.2.ssm_d, reversed", "minimax-m2, ffn_gate_exps.weight, next-expert", "minicpm3, rope_factors_short.weight, ones"})
    void aWrongTransformShows(String name, String tensor, String damage) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        ConvertedModel bad = DamagedTensors.in(converted(checkpoint), tensor, damage);
        assertThat(difference(llamaCpp(bad, name + "-" + damage), FurtherCheckpoints.of(checkpoint).logits(TOKENS))).isGreaterThan(5 * BOUND);
    }

    /** Baichuan 2 computes with an output whose rows have a length of one; it is told by its vocabulary. */
    @Test
    void theOutputOfBaichuan2HasRowsOfLengthOne() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("baichuan", ElementType.F32);
        checkpoint.rawConfig().put("vocab_size", 125696);
        float[] rows = GgufFiles.read(converted(checkpoint), "output.weight");
        float[] stored = checkpoint.values("lm_head.weight");
        double length = 0;
        for (int i = 0; i < TinyModels.WIDTH; i++) {
            length += (double) stored[i] * stored[i];
        }
        for (int i = 0; i < TinyModels.WIDTH; i++) {
            assertThat(rows[i]).isEqualTo((float) (stored[i] / Math.sqrt(length)), org.assertj.core.data.Offset.offset(1e-7f));
        }
    }

    private static ConvertedModel converted(MemoryCheckpoint checkpoint) {
        return new ModelConverter().convert(checkpoint, Provenance.NONE);
    }

    private static double[][] llamaCpp(ConvertedModel model, String name) {
        return Logits.of(CurrentLlama.logits(GgufFiles.write(model, folder.resolve(name + ".gguf"), GgmlType.F32), TOKENS));
    }
}
