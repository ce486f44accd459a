package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.llamacpp.current.CurrentLlama;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.tensor.ElementType;
import dev.adapterferry.tensor.TensorInfo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What models of encoder and decoder have of their own, in llama.cpp; {@link LogitsIT} compares them over brief texts like all others. */
class T5IT {
    /** GELU by a table of F16; ReLU rounds nothing. */
    private static final double TABLE = 1e-3;
    private static final double EXACT = 1e-5;

    @TempDir
    static Path folder;

    @BeforeAll
    static void needsIt() {
        CurrentLlama.assume();
    }

    /** Far enough that every bin for distances counts, and both ends of the last ones; text and answer of different lengths. */
    @ParameterizedTest
    @ValueSource(strings = {"t5", "umt5"})
    void distancesCountAsTheDefinitionSays(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        int[] text = ids(1, 180);
        int[] answer = ids(2, 150);
        assertThat(difference(found(written(checkpoint, name + "-long"), text, answer), T5Forward.of(checkpoint).answer(text, answer))).as("over so many tokens roundings add up").isLessThan(5 * (name.equals("t5") ? EXACT : TABLE));
    }

    @Test
    void theDecoderMayHaveFewerLayersThanTheEncoder() {
        MemoryCheckpoint checkpoint = withDecoder(1);
        int[] text = ids(3, 9);
        int[] answer = ids(4, 5);
        assertThat(difference(found(written(checkpoint, "shallow"), text, answer), T5Forward.of(checkpoint).answer(text, answer))).isLessThan(EXACT);
        assertThat(new ModelConverter().outline(checkpoint).notes()).noneMatch(note -> note.contains("more layers"));
    }

    /** Should this fail one day, llama.cpp has learned to load such files again, and the note and what architectures.md says of it are to be taken back. */
    @Test
    void aDeeperDecoderIsConvertedWithANoteThatLlamaCppDoesNotLoadIt() {
        MemoryCheckpoint checkpoint = withDecoder(3);
        assertThat(new ModelConverter().outline(checkpoint).notes()).anyMatch(note -> note.contains("more layers than its encoder"));
        Path file = written(checkpoint, "deep");
        assertThatThrownBy(() -> CurrentLlama.answer(file, ids(3, 9), 0)).hasMessageContaining("refuses");
    }

    private static MemoryCheckpoint withDecoder(int layers) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint("t5", ElementType.F32);
        checkpoint.rawConfig().put("num_decoder_layers", layers);
        checkpoint.tensors().tensors().stream().map(TensorInfo::name).filter(tensor -> tensor.startsWith("decoder.")).forEach(checkpoint::remove);
        T5TinyModels.stack(checkpoint, "decoder", layers, 16, false, false);
        return checkpoint;
    }

    @ParameterizedTest
    @ValueSource(strings = {"t5", "t5-1.1", "mt5", "umt5"})
    void generatesWhatTheDefinitionGenerates(String name) {
        MemoryCheckpoint checkpoint = TinyModels.checkpoint(name, ElementType.F32);
        int[] text = ids(5, 8);
        int[] expected = {checkpoint.rawConfig().get("decoder_start_token_id").asInt()};
        for (int n = 0; n < 6; n++) {
            double[] last = T5Forward.of(checkpoint).answer(text, expected)[n];
            expected = Arrays.copyOf(expected, n + 2);
            expected[n + 1] = IntStream.range(0, last.length).reduce((a, b) -> last[b] > last[a] ? b : a).orElseThrow();
        }
        assertThat(CurrentLlama.generate(written(checkpoint, name + "-generating"), 6, text)).isEqualTo(Arrays.copyOfRange(expected, 1, expected.length));
    }

    private static Path written(MemoryCheckpoint checkpoint, String name) {
        return GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve(name + ".gguf"), GgmlType.F32);
    }

    private static double[][] found(Path file, int[] text, int... answer) {
        return Stream.of(CurrentLlama.answer(file, text, answer)).map(row -> IntStream.range(0, row.length).mapToDouble(i -> row[i]).toArray()).toArray(double[][]::new);
    }

    private static int[] ids(long seed, int count) {
        return new Random(seed).ints(count, 3, TinyModels.ROWS).toArray();
    }
}
