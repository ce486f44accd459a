package dev.adapterferry.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.quant.ImportanceMatrix;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImatrixGgufTest {
    @TempDir
    Path folder;

    @Test
    void dividesSumsByCountsPerExpert() {
        Path file = keys("imatrix", 4)
                .string("blk.0.ffn_up_exps.weight.in_sum2").u32(2).u64(2).u64(2).u32(0).u64(0)
                .string("blk.0.ffn_up_exps.weight.counts").u32(2).u64(1).u64(2).u32(0).u64(32)
                .string("blk.0.attn_q.weight.in_sum2").u32(1).u64(2).u32(0).u64(64)
                .string("blk.0.attn_q.weight.counts").u32(1).u64(1).u32(0).u64(96).pad(32)
                .f32(8).f32(2).f32(5).f32(6).pad(32).f32(4).f32(0).pad(32).f32(3).f32(9).pad(32).f32(3).pad(32).writeTo(folder.resolve("i.gguf"));
        ImportanceMatrix matrix = ImatrixGguf.readEither(file);
        assertThat(matrix.size()).isEqualTo(2);
        assertThat(matrix.find("blk.0.ffn_up_exps.weight", 2, 2).orElseThrow()).containsExactly(2, 0.5f, 1, 1);
        assertThat(matrix.find("blk.0.attn_q.weight", 2, 1).orElseThrow()).containsExactly(1, 3);
        assertThat(matrix.datasets()).containsExactly("wiki.txt");
        assertThat(matrix.chunks()).isEqualTo(7);
    }

    @Test
    void readsTheOlderFormToo() {
        Path file = new HandMadeGguf().u32(1).u32(8).ascii("a.weight").u32(2).u32(2).f32(4).f32(6).writeTo(folder.resolve("imatrix.dat"));
        assertThat(ImatrixGguf.readEither(file).find("a.weight", 2, 1).orElseThrow()).containsExactly(2, 3);
    }

    @Test
    void rejectsWhatIsNoImportanceMatrix() {
        Path model = keys("model", 1).string("a.in_sum2").u32(1).u64(1).u32(0).u64(0).pad(32).f32(1).writeTo(folder.resolve("model.gguf"));
        assertThatThrownBy(() -> ImatrixGguf.read(model)).isInstanceOf(MalformedFile.class).hasMessageContaining("'model', not 'imatrix'");
        Path countless = keys("imatrix", 1).string("a.in_sum2").u32(1).u64(1).u32(0).u64(0).pad(32).f32(1).writeTo(folder.resolve("c.gguf"));
        assertThatThrownBy(() -> ImatrixGguf.read(countless)).isInstanceOf(MalformedFile.class).hasMessageContaining("'a.counts' is missing");
    }

    @Test
    void rejectsValuesThatAreNoSumsOfSquares() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY, -1}) {
            Path file = keys("imatrix", 2).string("a.in_sum2").u32(1).u64(2).u32(0).u64(0).string("a.counts").u32(1).u64(1).u32(0).u64(32).pad(32)
                    .f32(1).f32(bad).pad(32).f32(1).writeTo(folder.resolve("bad.gguf"));
            assertThatThrownBy(() -> ImatrixGguf.read(file)).isInstanceOf(MalformedFile.class).hasMessageContaining("a.in_sum2").hasMessageContaining("index 1");
        }
    }

    private static HandMadeGguf keys(String type, int tensors) {
        return HandMadeGguf.header(tensors, 4).string("general.type").u32(8).string(type).string("imatrix.datasets").u32(9).u32(8).u64(1).string("wiki.txt")
                .string("imatrix.chunk_count").u32(4).u32(7).string("imatrix.chunk_size").u32(4).u32(512);
    }
}
