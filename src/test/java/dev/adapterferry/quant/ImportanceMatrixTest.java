package dev.adapterferry.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportanceMatrixTest {
    @TempDir
    Path folder;

    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    @Test
    void readsTheLegacyFile() throws IOException {
        integer(3);
        entry("blk.0.attn_q.weight", 4, 8, 6, 4);
        entry("blk.0.ffn_down_exps.weight", 0, 1, 2, 3, 4);
        entry("token_embd.weight", 1, 1);
        integer(125);
        string("wiki.train.raw");
        ImportanceMatrix matrix = new LegacyImatrixFile(file()).read();
        assertThat(matrix.find("blk.0.attn_q.weight", 3, 1)).hasValueSatisfying(w -> assertThat(w).containsExactly(2f, 1.5f, 1f));
        assertThat(matrix.find("blk.0.ffn_down_exps.weight", 2, 2)).hasValueSatisfying(w -> assertThat(w).containsExactly(1, 2, 3, 4));
        assertThat(matrix.find("blk.1.attn_q.weight", 3, 1)).isEmpty();
        assertThat(matrix.size()).isEqualTo(3);
        assertThat(matrix.chunks()).isEqualTo(125);
        assertThat(matrix.datasets()).containsExactly("wiki.train.raw");
        assertThat(matrix.source()).isEqualTo(folder.resolve("imatrix.dat").toString());
    }

    @Test
    void aLegacyFileMayEndAfterItsEntries() throws IOException {
        integer(1);
        entry("output.weight", 2, 4);
        ImportanceMatrix matrix = new LegacyImatrixFile(file()).read();
        assertThat(matrix.chunks()).isZero();
        assertThat(matrix.datasets()).isEmpty();
    }

    @Test
    void everyTruncationIsNamedWithItsOffset() throws IOException {
        integer(1);
        entry("output.weight", 2, 4, 5);
        integer(9);
        string("text");
        byte[] whole = bytes.toByteArray();
        int entriesEnd = whole.length - 12;
        for (int length = 0; length < whole.length; length++) {
            Path file = Files.write(folder.resolve("cut.dat"), Arrays.copyOf(whole, length));
            if (length == entriesEnd) {
                continue;
            }
            assertThatThrownBy(() -> new LegacyImatrixFile(file).read()).as("cut at %d", length)
                    .isInstanceOf(MalformedFile.class).hasMessageContaining("cut.dat").hasMessageContaining("at byte");
        }
    }

    @Test
    void refusesAGgufFileAndDoubleEntries() throws IOException {
        Path gguf = Files.write(folder.resolve("imatrix.gguf"), "GGUF\3\0\0\0\0\0\0\0".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> new LegacyImatrixFile(gguf).read()).isInstanceOf(MalformedFile.class);
        integer(2);
        entry("output.weight", 2, 4);
        entry("output.weight", 2, 4);
        assertThatThrownBy(() -> new LegacyImatrixFile(file()).read()).isInstanceOf(MalformedFile.class).hasMessageContaining("output.weight");
        assertThatThrownBy(() -> new LegacyImatrixFile(folder.resolve("absent")).read()).isInstanceOf(FerryException.class).hasMessageContaining("absent");
    }

    @Test
    void refusesWeightsThatAreNotFinite() throws IOException {
        integer(1);
        entry("output.weight", 2, 4, Float.NaN);
        assertThatThrownBy(() -> new LegacyImatrixFile(file()).read()).isInstanceOf(FerryException.class)
                .hasMessageContaining("output.weight").hasMessageContaining("NaN");
    }

    @Test
    void aWrongSizeIsAnErrorExceptForEmbeddings() {
        ImportanceMatrix matrix = ImportanceMatrix.of(Map.of("token_embd.weight", new float[3], "output.weight", new float[3]), "m", List.of(), 0);
        assertThat(matrix.find("token_embd.weight", 4, 1)).isEmpty();
        assertThatThrownBy(() -> matrix.find("output.weight", 4, 1)).isInstanceOf(FerryException.class)
                .hasMessageContaining("3 values").hasMessageContaining("needs 4");
    }

    @Test
    void meansOfTheGgufFormGiveUnseenExpertsOnes() {
        assertThat(ImportanceMatrix.means(new float[] {2, 4, 6, 8, 10, 12}, new float[] {2, 0, 4})).containsExactly(1, 2, 1, 1, 2.5f, 3);
    }

    private Path file() throws IOException {
        return Files.write(folder.resolve("imatrix.dat"), bytes.toByteArray());
    }

    private void entry(String name, int calls, float... values) {
        string(name);
        integer(calls);
        integer(values.length);
        for (float v : values) {
            integer(Float.floatToRawIntBits(v));
        }
    }

    private void string(String text) {
        integer(text.length());
        bytes.writeBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    private void integer(int value) {
        bytes.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }
}
