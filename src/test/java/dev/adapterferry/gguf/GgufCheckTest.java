package dev.adapterferry.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.quant.GgmlType;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufCheckTest {
    @TempDir
    Path folder;

    @Test
    void summarizesASoundFile() {
        Path file = HandMadeGguf.tiny().writeTo(folder.resolve("sound.gguf"));
        GgufCheck.Summary summary = GgufCheck.structure(file);
        assertThat(summary.architecture()).isEqualTo("llama");
        assertThat(summary.parameters()).isEqualTo(4);
        assertThat(summary.types()).isEqualTo(Map.of("F32", 1));
        assertThat(GgufCheck.scales(file, Progress.NONE, new Cancellation())).isEqualTo(summary);
    }

    @Test
    void rejectsWhatFollowsTheLastTensor() {
        Path file = HandMadeGguf.tiny().bytes(1).writeTo(folder.resolve("long.gguf"));
        assertThatThrownBy(() -> GgufCheck.structure(file)).isInstanceOf(MalformedFile.class).hasMessageContaining("1 bytes follow");
    }

    @Test
    void rejectsFilesThatAreNoModel() {
        Path keyless = HandMadeGguf.header(1, 0).string("a").u32(1).u64(1).u32(0).u64(0).pad(32).f32(1).writeTo(folder.resolve("keyless.gguf"));
        assertThatThrownBy(() -> GgufCheck.structure(keyless)).isInstanceOf(MalformedFile.class).hasMessageContaining("general.architecture");
        Path empty = HandMadeGguf.header(0, 1).string("general.architecture").u32(8).string("llama").pad(32).writeTo(folder.resolve("empty.gguf"));
        assertThatThrownBy(() -> GgufCheck.structure(empty)).isInstanceOf(MalformedFile.class).hasMessageContaining("no tensors");
    }

    @ParameterizedTest(name = "{0} at byte {1} of a block")
    @CsvSource({"F16,0,2", "Q4_0,0,2", "Q4_1,2,2", "Q5_0,0,2", "Q5_1,2,2", "Q8_0,0,2", "Q2_K,80,2", "Q2_K,82,2", "Q3_K,108,2", "Q4_K,0,2", "Q4_K,2,2", "Q5_K,2,2",
        "Q6_K,208,2", "IQ4_NL,0,2", "IQ4_XS,0,2", "BF16,0,-2", "F32,0,4", "MXFP4,0,1"})
    void findsTheBlockWithAnInfiniteScale(GgmlType type, int at, int width) {
        int blocks = 3 * (256 / type.blockElements());
        HandMadeGguf file = HandMadeGguf.header(1, 1).string("general.architecture").u32(8).string("llama")
                .string("a.weight").u32(2).u64(256).u64(3).u32(type.id()).u64(0).pad(32);
        int data = file.size();
        byte[] bytes = file.bytes(new int[blocks * type.blockBytes()]).pad(32).toBytes();
        Path path = folder.resolve("scales.gguf");
        HandMadeGguf.write(path, bytes);
        assertThat(GgufCheck.scales(path, Progress.NONE, new Cancellation()).tensors()).isEqualTo(1);
        int last = data + (blocks - 1) * type.blockBytes() + at;
        // Infinity little-endian: f16 0x7C00, bf16 0x7F80, f32 0x7F800000; the E8M0 exponent 255 is NaN.
        switch (width) {
            case 1 -> bytes[last] = -1;
            case 2 -> bytes[last + 1] = 0x7C;
            case -2 -> {
                bytes[last] = (byte) 0x80;
                bytes[last + 1] = 0x7F;
            }
            default -> {
                bytes[last + 3] = 0x7F;
                bytes[last + 2] = (byte) 0x80;
            }
        }
        HandMadeGguf.write(path, bytes);
        assertThatThrownBy(() -> GgufCheck.scales(path, Progress.NONE, new Cancellation())).isInstanceOfSatisfying(MalformedFile.class, e -> {
            assertThat(e).hasMessageContaining("'a.weight'").hasMessageContaining("row 2");
            assertThat(e.offset()).isEqualTo(data + (blocks - 1L) * type.blockBytes());
        });
    }

    @Test
    void stopsWhenAskedTo() {
        Path file = HandMadeGguf.tiny().writeTo(folder.resolve("sound.gguf"));
        Cancellation cancellation = new Cancellation();
        cancellation.request();
        assertThatThrownBy(() -> GgufCheck.scales(file, Progress.NONE, cancellation)).isInstanceOf(Cancelled.class);
    }
}
