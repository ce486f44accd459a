package dev.adapterferry.convert.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RwkvVocabularyTest {
    @TempDir
    Path folder;

    private GgufMetadata written(int rows, String... lines) throws IOException {
        Path file = Files.writeString(folder.resolve(RwkvVocabulary.FILE), String.join("\n", lines) + "\n");
        GgufMetadata into = new GgufMetadata();
        RwkvVocabulary.read("org/model", file, Optional.empty(), rows).write(into);
        return into;
    }

    /** What Python's {@code repr} of the bytes says, as llama.cpp's converter writes it. */
    @Test
    void tokensAreWrittenAsPythonWritesBytes() throws IOException {
        GgufMetadata keys = written(13, "1 '\\x00' 1", "2 b'\\xff' 1", "3 \"it's\" 4", "4 ' ' 1", "5 '\u4e2d' 3", "6 '\\n\\n' 2", "7 '\\\\' 1", "8 '\\'\"' 2", "9 b'\\xe4\\xb8' 2", "10 '\\u3000' 3", "11 '\\x7f\\t\\r' 3");
        assertThat(keys.find("tokenizer.ggml.tokens").orElseThrow().value()).isEqualTo(List.of("<s>", "\\x00", "\\xff", "it's", " ", "\\xe4\\xb8\\xad", "\\n\\n", "\\\\", "\\'\"", "\\xe4\\xb8",
                "\\xe3\\x80\\x80", "\\x7f\\t\\r", "[PAD12]"));
        assertThat(keys.findLong("tokenizer.ggml.eos_token_id")).contains(0L);
        assertThat(keys.findLong("tokenizer.ggml.eot_token_id")).contains(6L);
    }

    @Test
    void literalsAreRead() {
        assertThat(PythonLiteral.bytes("b'\\x0a\\xff'")).containsExactly(10, 255);
        assertThat(PythonLiteral.bytes("\"\\\"'\"")).containsExactly('"', '\'');
        assertThat(PythonLiteral.bytes("'\\U0001f680'")).isEqualTo("\ud83d\ude80".getBytes(StandardCharsets.UTF_8));
        assertThat(PythonLiteral.bytes("'\\0\\a\\v'")).containsExactly(0, 7, 11);
    }

    @ParameterizedTest
    @ValueSource(strings = {"7", "x 'a' 1", "1 a 1", "1 'a\" 1", "1 '\\q' 1", "1 '\\x4' 1", "1 'a' 2", "1 '' 0", "0 'a' 1", "1 '\\' 1", "1 'a' one"})
    void aDamagedLineIsNamed(String line) {
        assertThatThrownBy(() -> written(8, "5 'b' 1", line)).isInstanceOf(FerryException.class).hasMessageContaining("line 2 of rwkv_vocab_v20230424.txt is '" + line + "'").hasMessageContaining("base model");
    }

    @Test
    void anIdMayNotStandThereTwiceNorBeyondTheEmbedding() {
        assertThatThrownBy(() -> written(8, "5 'b' 1", "5 'c' 1")).hasMessageContaining("id 5 stands there twice");
        assertThatThrownBy(() -> written(8, "9 'b' 1")).hasMessageContaining("only 8 rows");
    }
}
