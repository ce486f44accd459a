package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.ElementType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which layers of a hybrid model are what, as config.json says it in several ways, and what llama.cpp could not compute. */
class HybridParametersTest {
    private static final JsonMapper JSON = JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

    @Test
    void lettersAndWordsOfNemotronHAreTheSame() {
        assertThat(ints("nemotron_h", "attention.head_count_kv")).containsExactly(0, 0, 0, 2, 0);
        assertThat(ints("nemotron_h", "feed_forward_length")).containsExactly(0, 96, 0, 0, 96);
        assertThat(ints("nemotron_h_moe", "feed_forward_length")).containsExactly(0, 32, 0, 0, 32);
        assertThat(ints("nemotron_h_moe-latent", "attention.head_count_kv")).containsExactly(0, 0, 2, 0, 0);
        assertThat(ints("nemotron_h_moe-latent", "feed_forward_length")).containsExactly(0, 32, 0, 0, 32);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "nemotron_h | {'hybrid_override_pattern':'M-M*'} | means 5 layers, but names the kinds of 4 ('M-M*')",
            "nemotron_h | {'hybrid_override_pattern':'M-M*E'} | layers with experts and layers with an ordinary feed-forward ('M-M*E')",
            "nemotron_h | {'hybrid_override_pattern':'M-M*X'} | the kind of layer 4 'X'; known are M, *, - and E",
            "nemotron_h | {'use_bias':true} | no place for the biases of its Mamba 2 layers (use_bias)",
            "nemotron_h | {'time_step_limit':[0.001,Infinity]} | knows no smallest time step",
            "nemotron_h | {'time_step_limit':[0.0,0.1]} | knows no largest time step",
            "falcon-h1-normed | {'mamba_norm_before_gate':true} | takes the norm of a Mamba 2 layer behind its gate",
            "falcon-h1 | {'mlp_bias':true} | (mlp_bias)",
            "bamba | {'mamba_n_groups':2} | norms groups of heads by themselves",
            "mamba | {'intermediate_size':192} | of twice the model's width alone",
            "mamba | {'use_bias':true} | no place for the biases of its projections",
            "mamba | {'use_conv_bias':false} | a bias in their convolution",
            "mamba | {'rms_norm':false} | takes the mean out of no norm",
            "mamba2 | {'attn_layer_idx':[1]} | knows no attention in this architecture",
            "mamba2 | {'time_step_limit':[0.0,0.5]} | knows no largest time step",
            "plamo3 | {'rope_scaling_factor':4}  | how this model stretches its positions",
            "plamo3 | {'sliding_window':[4,4,4,null]} | its windows are given layer by layer",
            "jamba | {'mamba_expand':3} | twice the model's width alone",
            "jamba | {'mamba_conv_bias':false} | have a bias in their convolution"})
    void refusesWhatLlamaCppWouldComputeOtherwise(String name, String fields, String message) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.BF16);
        checkpoint.rawConfig().setAll(read(fields));
        assertThatThrownBy(() -> new ModelConverter().outline(checkpoint)).isInstanceOf(FerryException.class).hasMessageContaining(message);
    }

    @Test
    void aNormThatIsNotThereMayStandAnywhere() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("falcon-h1", ElementType.BF16);
        checkpoint.rawConfig().put("mamba_norm_before_gate", true);
        assertThat(new ModelConverter().outline(checkpoint).architecture()).isEqualTo("falcon-h1");
    }

    /** One of every so many layers, in the middle; of few layers the last one; all of them where there is no Mamba. */
    @Test
    void attentionOfPlamo2() {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("plamo2", ElementType.BF16);
        assertThat(ints(checkpoint, "attention.head_count_kv")).containsExactly(0, 2, 0, 2);
        Architecture architecture = ArchitectureCatalog.builtIn().require(checkpoint.config(), "plamo2");
        for (String[] expected : new String[][] {{"{'mamba_step':4}", "[0, 0, 2, 0]"}, {"{'mamba_step':8}", "[0, 0, 0, 2]"}, {"{'mamba_enabled':false}", "[2, 2, 2, 2]"}}) {
            ObjectNode config = checkpoint.config();
            config.setAll(read(expected[0]));
            GgufMetadata keys = new GgufMetadata();
            new HybridParameters("plamo2", architecture, ModelConfig.of(config, architecture, List.of()), keys).write("plamo2-head-count-kv");
            assertThat(Arrays.toString((int[]) keys.find("plamo2.attention.head_count_kv").orElseThrow().value())).as(expected[0]).isEqualTo(expected[1]);
        }
    }

    private static ObjectNode read(String fields) {
        try {
            return (ObjectNode) JSON.readTree(fields.replace('\'', '"'));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Transformers 5 calls Granite's layers by other words. */
    @Test
    void newWordsForGranitesLayersMeanTheSame() {
        int[] before = ints("granite4-h", "attention.head_count_kv");
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("granite4-h", ElementType.BF16);
        checkpoint.rawConfig().putArray("layer_types").add("linear_attention").add("full_attention").add("linear_attention");
        assertThat(ints(checkpoint, "attention.head_count_kv")).isEqualTo(before);
        MemoryCheckpoint plain = TinyModels.checkpoint("granite4", ElementType.BF16);
        plain.rawConfig().putArray("layer_types").add("full_attention").add("full_attention");
        assertThat(new ModelConverter().outline(plain).architecture()).isEqualTo("granite");
    }

    private static int[] ints(String name, String key) {
        return ints(TinyModels.checkpoint(name, ElementType.BF16), key);
    }

    private static int[] ints(MemoryCheckpoint checkpoint, String key) {
        ModelOutline outline = new ModelConverter().outline(checkpoint);
        GgufMetadata metadata = outline.metadata();
        return (int[]) metadata.find(outline.architecture() + "." + key).orElseThrow().value();
    }
}
