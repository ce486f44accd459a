package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models whose layers are of different kinds: what the file says of each layer, and what is refused. Their logits are in {@link LogitsIT}. */
class LayerFormsTest {
    private static MemoryCheckpoint checkpoint(String name) {
        return TinyModels.checkpoint(name, ElementType.F32);
    }

    @Test
    void nemotronsLayersAreToldByTheirNumbersOfHeadsAndTheirWidths() {
        ModelOutline outline = new ModelConverter().outline(checkpoint("deci"));
        assertThat(outline.metadata().find("deci.attention.head_count").orElseThrow().value()).isEqualTo(new int[] {4, 4, 0, 4, 4});
        assertThat(outline.metadata().find("deci.attention.head_count_kv").orElseThrow().value()).isEqualTo(new int[] {2, 1, 0, 0, 2});
        assertThat(outline.metadata().find("deci.feed_forward_length").orElseThrow().value()).isEqualTo(new int[] {256, 256, 512, 256, 256});
        assertThat(outline.since()).isEmpty();
        assertThat(new ModelConverter().outline(checkpoint("deci-ultra")).since()).isEqualTo("2025-05");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"model.layers.0.self_attn.o_proj.weight | blk.0.attn_output is missing", "model.layers.1.self_attn.k_proj.weight | blk.1.attn_k is missing",
            "model.layers.3.input_layernorm.weight | blk.3.attn_norm is missing", "model.layers.2.mlp.up_proj.weight | blk.2.ffn_up is missing"})
    void aTensorThatALayersKindNeedsIsNamed(String tensor, String message) {
        MemoryCheckpoint checkpoint = checkpoint("deci").remove(tensor);
        assertThatThrownBy(() -> new ModelConverter().outline(checkpoint)).isInstanceOf(FerryException.class).hasMessageContaining(message);
    }

    @Test
    void aTensorOfAnotherKindAndOtherHeadsAreNamed() {
        MemoryCheckpoint surplus = checkpoint("deci").add("model.layers.2.self_attn.q_proj.weight", 0, 64, 64);
        assertThatThrownBy(() -> new ModelConverter().outline(surplus)).hasMessageContaining("blk.2.attn_q is there, and config.json gives the layer no such part");
        MemoryCheckpoint other = checkpoint("deci");
        ((ObjectNode) other.rawConfig().at("/block_configs/1/attention")).put("n_heads_in_group", 2);
        assertThatThrownBy(() -> new ModelConverter().outline(other)).hasMessageContaining("blk.1.attn_k has 16 rows, expected 32");
    }

    /** From config.json alone, before anything is transferred. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"attention | window_length | 8192 | sees a window of 8192 tokens", "ffn | replace_with_linear | true | one matrix stands in the place of the feed-forward",
            "ffn | no_op | true | has attention and no feed-forward", "attention | n_heads_in_group | 3 | expected a divisor of the 4 heads"})
    void whatLlamaCppWouldReadPastIsRefused(String part, String field, String value, String message) throws IOException {
        ObjectNode config = checkpoint("deci").config();
        ((ObjectNode) config.at("/block_configs/0/" + part)).set(field, new ObjectMapper().readTree(value));
        assertThatThrownBy(() -> ArchitectureCatalog.builtIn().check(config, "org/model")).isInstanceOf(FerryException.class).hasMessageContaining(message);
    }

    @Test
    void openElmsWidthsAreRoundedAsItsClassDoes() {
        ModelOutline outline = new ModelConverter().outline(checkpoint("openelm"));
        assertThat(outline.metadata().find("openelm.feed_forward_length").orElseThrow().value()).isEqualTo(new int[] {32, 128, 256});
        assertThat(outline.metadata().find("openelm.attention.head_count").orElseThrow().value()).isEqualTo(new int[] {4, 2, 6});
    }
}
