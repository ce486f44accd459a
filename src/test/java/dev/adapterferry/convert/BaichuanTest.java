package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.tensor.ElementType;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** What only Baichuan 2 has; its logits are in {@link LogitsIT}. */
class BaichuanTest {
    /** Baichuan 2 computes with an output whose rows have a length of one; it is told by its vocabulary. */
    @Test
    void theOutputOfBaichuan2HasRowsOfLengthOne() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("baichuan", ElementType.F32);
        checkpoint.rawConfig().put("vocab_size", 125696);
        float[] rows = GgufFiles.read(new ModelConverter().convert(checkpoint, Provenance.NONE), "output.weight");
        float[] stored = checkpoint.values("lm_head.weight");
        double length = 0;
        for (int i = 0; i < TinyModels.WIDTH; i++) {
            length += (double) stored[i] * stored[i];
        }
        for (int i = 0; i < TinyModels.WIDTH; i++) {
            assertThat(rows[i]).isEqualTo((float) (stored[i] / Math.sqrt(length)), Offset.offset(1e-7f));
        }
    }
}
