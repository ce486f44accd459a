package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What config.json of MiniMax-01 says of its layers. */
class MiniMax01Test {
    private final MemoryCheckpoint checkpoint = TinyModels.checkpoint("minimax-01", ElementType.BF16);

    @Test
    void layersThatKeepAStateAreNamed() {
        assertThat(convert().metadata().find("minimax-01.attention.recurrent_layers").orElseThrow().value()).isEqualTo(List.of(true, true, true, false));
    }

    @Test
    void aListForOtherLayersIsRefused() {
        checkpoint.rawConfig().putArray("attn_type_list").add(0).add(1);
        assertThatThrownBy(this::convert).isInstanceOf(FerryException.class).hasMessageContaining("attn_type_list [0,1]").hasMessageContaining("each of its 4 layers");
    }

    @Test
    void theRunSaysThatAnEpsilonDiffers() {
        assertThat(convert().notes()).isEmpty();
        checkpoint.rawConfig().put("rms_norm_eps", 1e-5);
        assertThat(convert().notes()).singleElement().asString().contains("norm behind lightning attention");
    }

    private ConvertedModel convert() {
        return new ModelConverter().convert(checkpoint, Provenance.NONE);
    }
}
