package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What llama.cpp does otherwise than BitNet's definition; {@link LogitsIT} has the rest. */
class BitNetIT {
    private static final int[] TOKENS = {11, 301, 27, 300, 5, 260, 99, 281, 42, 7, 270, 290};

    @TempDir
    static Path folder;

    private final MemoryCheckpoint checkpoint = TinyModels.checkpoint("bitnet", ElementType.F32);

    /** The rounding of activations that llama.cpp leaves out is small, but it is there. */
    @Test
    void llamaCppDoesNotRoundActivations() {
        double[][] expected = BitNetCheckpoint.of(checkpoint, true).logits(TOKENS);
        assertThat(difference(BitNetCheckpoint.of(checkpoint, false).logits(TOKENS), expected)).isBetween(1e-4, 0.05);
    }

    /** Should this fail one day, llama.cpp has learned to read the activation, and BitNet-b1.58-2B-4T can be converted. */
    @Test
    void llamaCppReadsPastTheActivation() {
        CurrentLlama.assume();
        ConvertedModel model = new ModelConverter().convert(checkpoint, Provenance.NONE);
        model.metadata().putString("bitnet.hidden_activation", "relu2");
        Path file = GgufFiles.write(model, folder.resolve("relu2.gguf"), GgmlType.F32);
        assertThat(difference(Logits.ofCurrent(file, TOKENS), BitNetCheckpoint.of(checkpoint, false).logits(TOKENS))).as("with SiLU").isLessThan(1e-5);
        checkpoint.rawConfig().put("hidden_act", "relu2");
        assertThatThrownBy(() -> new ModelConverter().convert(checkpoint, Provenance.NONE)).hasMessageContaining("llama.cpp computes BitNet with silu").hasMessageContaining("2B-4T");
    }

    @Test
    void theFileTellsWhatBecomesOfAnAdapter() {
        assertThat(new ModelConverter().convert(checkpoint, Provenance.NONE).notes()).anyMatch(note -> note.contains("of an adapter nothing is left where it does not move a weight to another value"));
    }
}
