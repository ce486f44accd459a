package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.tensor.ElementType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Memory for conversations, worked out by hand; {@link KeyValueCacheIT} holds more of them against llama.cpp. */
class KeyValueCacheTest {
    /** Bytes of a token's key or value in F16: 2 heads of 16. */
    private static final long ROW = 2 * 16 * 2;

    @ParameterizedTest
    @CsvSource({
            // 2 layers; 1000 tokens take 1024 cells.
            "llama, 1000, 4096",
            // 7 layers, the sixth sees all; the others' window of 8 and a batch of 512 take 768 cells.
            "gemma3, 8192, 25600", "gemma3, 500, 7168",
            // 26 layers, every second sees all.
            "gemma2, 8192, 232960",
            // 4 layers, of which the second and fourth have attention; the states of the others are added below.
            "qwen35, 8192, 32768",
            // 5 layers, of which the fifth only predicts further tokens.
            "qwen3next-mtp, 8192, 32768"})
    void countsLayersAndCells(String name, long tokens, long rows) {
        assertThat(outline(name).cacheBytes(tokens)).isEqualTo(rows * ROW + states(name));
    }

    /** 2 layers of 3 tokens of 80 channels in front of the convolution, and 6 heads of 8 by 8, in F32. */
    private static long states(String name) {
        return name.startsWith("qwen3") ? 2 * 4 * (3 * 80 + 6 * 8 * 8) : 0;
    }

    /** Layers with a convolution remember 2 tokens of 64 numbers; the second layer has attention. */
    @ParameterizedTest
    @CsvSource({"lfm2, 4096"})
    void layersWithoutKeysRememberLittle(String name, long tokens) {
        assertThat(outline(name).cacheBytes(tokens)).isEqualTo(2 * tokens * ROW + 4 * 2 * 64);
    }

    /** Attention of 2 heads and a state in both layers: 3 tokens of 96 + 2 * groups * 12 channels, and 96 by 12. */
    @ParameterizedTest
    @CsvSource({"falcon-h1, 4096, 120", "falcon-h1-normed, 4096, 144"})
    void layersMayHaveBoth(String name, long tokens, long channels) {
        assertThat(outline(name).cacheBytes(tokens)).isEqualTo(2 * (2 * tokens * ROW + 4 * (3 * channels + 96 * 12)));
    }

    /**
     * Nemotron-H: of 5 layers one has 2 heads of 32, two keep 3 tokens of 144 channels and 96 by 12. Jamba: of 4 one has heads, three keep 3 tokens of 128 channels
     * and 128 by 12. Mamba's two layers have nothing else; PLaMo 2 has two of each.
     */
    @ParameterizedTest
    @CsvSource({"nemotron_h, 2, 2, 1584", "nemotron_h_moe, 2, 2, 1584", "jamba, 1, 3, 1920", "mamba, 0, 2, 1920", "mamba2, 0, 2, 2064", "plamo2, 2, 2, 1920"})
    void layersOfOtherKindsKeepAStateOrNothing(String name, long rows, long layers, long numbers) {
        assertThat(outline(name).cacheBytes(4096)).isEqualTo(2 * 4096 * rows * ROW + 4 * layers * numbers);
    }

    /** One vector of 16 latent and 8 turned numbers for each of 3 layers, which is key and value in one. */
    @ParameterizedTest
    @CsvSource({"deepseek2, 4096"})
    void latentVectorsAreKeptOnce(String name, long tokens) {
        assertThat(outline(name).cacheBytes(tokens)).isEqualTo(3 * tokens * 24 * 2);
    }

    /** MiniMax-01: of 4 layers three keep 16 by 16 numbers for each of 4 heads, one has 2 rows of heads. */
    @Test
    void lightningAttentionKeepsAStateForEachHead() {
        assertThat(outline("minimax-01").cacheBytes(4096)).isEqualTo(4096 * 2 * ROW + 4 * 3 * 4 * 16 * 16);
    }

    private static ModelOutline outline(String name) {
        return new ModelConverter().outline(TinyModels.checkpoint(name, ElementType.BF16));
    }
}
