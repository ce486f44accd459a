package dev.adapterferry.convert.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.MalformedFile;
import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Vocabularies in a tiktoken file: what becomes of them, and what is said of files that are something else. */
class TiktokenTest {
    private static final String KIMI = "[\\p{Han}]+|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
            + "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String LLAMA3 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    @TempDir
    Path folder;

    private final List<String> lines = new ArrayList<>();

    @BeforeEach
    void layOut() throws IOException {
        for (int b = 0; b < 256; b++) {
            lines.add(Base64.getEncoder().encodeToString(new byte[]{(byte) b}) + " " + b);
        }
        for (String token : List.of("th", "the", " the", "\u00E9", " ferry")) {
            lines.add(Base64.getEncoder().encodeToString(token.getBytes(StandardCharsets.UTF_8)) + " " + lines.size());
        }
        write("tiktoken.model");
        write("tokenization_kimi.py", "num_reserved_special_tokens = 256\npat_str = r\"\"\"" + KIMI + "\"\"\"\n");
        config("{\"bos_token\": \"[BOS]\", \"eos_token\": \"[EOS]\", \"added_tokens_decoder\": {\"262\": {\"content\": \"[EOS]\", \"special\": true},"
                + "\"261\": {\"content\": \"[BOS]\", \"special\": true}, \"264\": {\"content\": \"<think>\", \"special\": false}}}");
    }

    private void write(String name) throws IOException {
        write(name, String.join("\n", lines) + "\n");
    }

    private void write(String name, String text) throws IOException {
        Files.writeString(folder.resolve(name), text);
    }

    private void config(String json) throws IOException {
        write("tokenizer_config.json", json);
    }

    private GgufMetadata converted() {
        return converted("bpe", 268);
    }

    private GgufMetadata converted(String kind, int rows) {
        GgufMetadata into = new GgufMetadata();
        new TokenizerConverter("org/base", name -> Optional.of(folder.resolve(name)).filter(Files::isRegularFile), JsonNodeFactory.instance.objectNode()).write(kind, rows, into);
        return into;
    }

    @Test
    void tokensMergesAndSpecialTokens() {
        GgufMetadata gguf = converted();
        assertThat(gguf.find("tokenizer.ggml.model").orElseThrow().value()).isEqualTo("gpt2");
        assertThat(gguf.find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("kimi-k2");
        assertThat((List<?>) gguf.find("tokenizer.ggml.tokens").orElseThrow().value()).hasSize(268).satisfies(tokens -> assertThat(tokens.subList(254, 268))
                .isEqualTo(List.of("\u00FE", "\u00FF", "th", "the", "\u0120the", "\u00C3\u00A9", "\u0120ferry", "[BOS]", "[EOS]", "<|reserved_token_263|>", "<think>", "<|reserved_token_265|>", "<|reserved_token_266|>", "<|reserved_token_267|>")));
        assertThat((List<?>) gguf.find("tokenizer.ggml.merges").orElseThrow().value()).as("nothing makes ' ferry' out of two tokens")
                .isEqualTo(List.of("t h", "th e", "\u0120 the", "\u00C3 \u00A9"));
        assertThat(Arrays.copyOfRange((int[]) gguf.find("tokenizer.ggml.token_type").orElseThrow().value(), 259, 266)).containsExactly(1, 1, 3, 3, 3, 4, 3);
        assertThat(gguf.find("tokenizer.ggml.bos_token_id").orElseThrow().value()).isEqualTo(261L);
        assertThat(gguf.find("tokenizer.ggml.eos_token_id").orElseThrow().value()).isEqualTo(262L);
    }

    @Test
    void aTokenizerJsonGoesBefore() throws IOException {
        write("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [\"a b\"]}, \"pre_tokenizer\": {\"type\": \"ByteLevel\"}}");
        assertThat(converted().find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("gpt-2");
    }

    @Test
    void metasFileIsToldFromSentencePieceByItsContent() throws IOException {
        Files.delete(folder.resolve("tiktoken.model"));
        Files.delete(folder.resolve("tokenization_kimi.py"));
        write("tokenizer.model");
        config("{\"bos_token\": \"<|begin_of_text|>\", \"added_tokens_decoder\": {\"261\": {\"content\": \"<|begin_of_text|>\", \"special\": true}}}");
        assertThat(converted("llama", 300).find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("llama-bpe");
        config("{\"added_tokens_decoder\": {\"261\": {\"content\": \"[BOS]\", \"special\": true}}}");
        assertThatThrownBy(() -> converted("llama", 300)).hasMessageContaining("beside tokenizer.model there is no Python file of the tokenizer");
    }

    /** Line, text in its place, and what is said. */
    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '"', value = {
        "17  | AA                | line 18 is 'AA', where a token in base64, a space and its rank are expected",
        "17  | EQ== x            | line 18 is 'EQ== x', where",
        "17  | E=Q 17            | line 18 is 'E=Q 17', where",
        "17  | EQE 17            | has no token for the single byte 0x11",
        "17  | E 17              | 'E' in line 18 is no base64",
        "17  | EA== 17           | lines 17 and 18 both hold the token EA==",
        "17  | EQ== 16           | rank 16 is given twice, the second time in line 18",
        "17  | EQ== 9000         | it has 261 tokens, but none of rank 17"})
    void namesTheLineThatIsWrong(int index, String line, String expected) throws IOException {
        lines.set(index, line);
        write("tiktoken.model");
        assertThatThrownBy(this::converted).isInstanceOf(MalformedFile.class).hasMessageContaining("tiktoken.model").hasMessageContaining(expected).hasMessageContaining("Take the file from the base model again");
    }

    @Test
    void seesThatAFileIsCutShort() throws IOException {
        lines.removeLast();
        write("tiktoken.model");
        assertThatThrownBy(this::converted).isInstanceOf(FerryException.class)
                .hasMessageContaining("the ranks of tiktoken.model end at 259, but the first special token, '[BOS]', has id 261 where 260 is expected");
        Files.write(folder.resolve("tiktoken.model"), new byte[0]);
        assertThatThrownBy(this::converted).hasMessageContaining("it has no token for the single byte 0x00");
        Files.write(folder.resolve("tiktoken.model"), new byte[]{(byte) 0x80, 0, (byte) 0xFF});
        assertThatThrownBy(this::converted).isInstanceOf(MalformedFile.class).hasMessageContaining("line 1 is");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '~', value = {
        "{}                                                                                  | names no special tokens (added_tokens_decoder)",
        "{\"added_tokens_decoder\": {\"12\": {\"content\": \"[BOS]\"}}}                       | the first special token, '[BOS]', has id 12 where 261 is expected",
        "{\"added_tokens_decoder\": {\"261\": \"[BOS]\"}}                                     | has the entry \"261\": \"[BOS]\" in added_tokens_decoder, where an id and a token with 'content' are expected",
        "{\"added_tokens_decoder\": {\"261\": {\"content\": \"the\"}}}                        | ids 257 and 261 both have the text 'the'"})
    void saysWhatIsWrongWithTheSpecialTokens(String json, String expected) throws IOException {
        config(json);
        assertThatThrownBy(this::converted).isInstanceOf(FerryException.class).hasMessageContaining("org/base").hasMessageContaining(expected);
    }

    @Test
    void theEmbeddingMustHaveARowForEachToken() {
        assertThatThrownBy(() -> converted("bpe", 260)).hasMessageContaining("has id 260, but the embedding has only 260 rows");
    }

    /** The forms in which Python writes an expression. */
    @ParameterizedTest
    @ValueSource(strings = {"pat_str = r\"%s\"", "    pat_str: str = r'''%s'''", "PAT_STR = (\n    r\"\"\"%s\"\"\"  # as published\n)\n", "pat_str = r\"%s\" \\\n    r\"\"\n"})
    void readsTheExpression(String form) throws IOException {
        write("tokenization_kimi.py", "import tiktoken\n\nclass Tokenizer:\n" + form.formatted(LLAMA3));
        assertThat(converted().find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("llama-bpe");
    }

    @Test
    void readsPartsOfAnExpression() throws IOException {
        String[] parts = KIMI.split("\\|(?=\\\\p\\{N}| \\?)");
        assertThat(parts).hasSize(3);
        write("tokenization_kimi.py", "pat_str = \"|\".join(\n    [\n        r\"\"\"" + parts[0] + "\"\"\",\n        # digits\n        r\"\"\"" + parts[1] + "\"\"\",\n        r\"\"\"" + parts[2] + "\"\"\",\n    ]\n)\n");
        assertThat(converted().find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("kimi-k2");
        write("tokenization_kimi.py", "pat_str = (r\"" + parts[0] + "|\"\n    r\"" + parts[1] + "|\" r\"" + parts[2] + "\")\n");
        assertThat(converted().find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("kimi-k2");
    }

    @Test
    void theCodeIsTheOneThatTheConfigurationNames() throws IOException {
        Files.move(folder.resolve("tokenization_kimi.py"), folder.resolve("my_tokenizer.py"));
        assertThatThrownBy(this::converted).hasMessageContaining("no Python file of the tokenizer (tokenization_*.py), which says how text is cut; copy it from the base model");
        config(Files.readString(folder.resolve("tokenizer_config.json")).replaceFirst("\\{", "{\"auto_map\": {\"AutoTokenizer\": [\"org/base--my_tokenizer.TikTokenTokenizer\", null]}, "));
        assertThat(converted().find("tokenizer.ggml.pre").orElseThrow().value()).isEqualTo("kimi-k2");
    }

    @Test
    void anUnknownExpressionIsRefusedAndNotGuessed() throws IOException {
        write("tokenization_kimi.py", "pat_str = r\"\\S+|\\s+\"\n");
        assertThatThrownBy(this::converted).hasMessageContaining("the expression in tokenization_kimi.py is unknown to this program: \\S+|\\s+").hasMessageContaining("pre-tokenizers.yaml");
        write("tokenization_kimi.py", "pat_str = build()\n");
        assertThatThrownBy(this::converted).isInstanceOf(MalformedFile.class).hasMessageContaining("what it assigns to 'pat_str' is neither a string");
        write("tokenization_kimi.py", "import os\n");
        assertThatThrownBy(this::converted).isInstanceOf(MalformedFile.class).hasMessageContaining("it assigns no 'pat_str'");
    }
}
