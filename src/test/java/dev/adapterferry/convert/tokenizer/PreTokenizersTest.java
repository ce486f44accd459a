package dev.adapterferry.convert.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Families are recognised by what their tokenizer.json says, written down here as the published files have it and apart from the table under
 * test: in whatever form a file spells it, and whatever tokens a fine-tune has added.
 */
class PreTokenizersTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    private static final String TAIL = "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    private static final String LLAMA3 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" + TAIL;
    private static final String QWEN2 = LLAMA3.replace("{1,3}", "");
    private static final String QWEN35 = CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*" + TAIL;
    private static final String GPT4O = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" + CONTRACTIONS + "?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"
            + "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" + CONTRACTIONS + "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" + TAIL;
    private static final String BLOOM = " ?[^(\\s|[.,!?…。，、।۔،])]+";

    @TempDir
    Path folder;

    private static ObjectNode split(String regex) {
        ObjectNode step = JSON.createObjectNode().put("type", "Split").put("behavior", "Isolated").put("invert", false);
        step.putObject("pattern").put("Regex", regex);
        return step;
    }

    private static ObjectNode digits() {
        return JSON.createObjectNode().put("type", "Digits").put("individual_digits", true);
    }

    private static ObjectNode bytes(boolean ownExpression) {
        return JSON.createObjectNode().put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", true).put("use_regex", ownExpression);
    }

    private static ObjectNode sequence(ObjectNode... steps) {
        ObjectNode root = JSON.createObjectNode().put("type", "Sequence");
        ArrayNode list = root.putArray("pretokenizers");
        List.of(steps).forEach(list::add);
        return root;
    }

    /** The usual form: expressions, then bytes. */
    private static ObjectNode published(String... expressions) {
        ObjectNode root = sequence();
        List.of(expressions).forEach(regex -> root.withArray("pretokenizers").add(split(regex)));
        root.withArray("pretokenizers").add(bytes(false));
        return root;
    }

    private String recognise(ObjectNode definition, boolean ignoreMerges, String... added) {
        ObjectNode root = JSON.createObjectNode();
        root.set("pre_tokenizer", definition);
        ObjectNode model = root.putObject("model").put("type", "BPE").put("ignore_merges", ignoreMerges);
        model.putObject("vocab").put("a", 0);
        model.putArray("merges");
        ArrayNode tokens = root.putArray("added_tokens");
        for (int i = 0; i < added.length; i++) {
            tokens.addObject().put("id", i + 1).put("content", added[i]).put("special", true);
        }
        try {
            Path file = folder.resolve("tokenizer.json");
            Files.write(file, JSON.writeValueAsBytes(root));
            return PreTokenizers.builtIn().recognise("org/fine-tune", new TokenizerJson(file), List.of());
        } catch (IOException e) {
            throw new java.io.UncheckedIOException(e);
        }
    }

    @Test
    void knowsTheFamiliesByTheirExpressions() {
        assertThat(recognise(published(LLAMA3), true)).isEqualTo("llama-bpe");
        assertThat(recognise(published(LLAMA3), false)).isEqualTo("smaug-bpe");
        assertThat(recognise(published(LLAMA3), false, "<|endoftext|>", "[gMASK]")).isEqualTo("chatglm-bpe");
        assertThat(recognise(published(QWEN2), false)).isEqualTo("qwen2");
        assertThat(recognise(published(QWEN35), false)).isEqualTo("qwen35");
        assertThat(recognise(published(CONTRACTIONS + "|[^\r\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\r\n]+|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"), false)).isEqualTo("seed-coder");
        assertThat(recognise(published("'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"), false)).isEqualTo("bailingmoe");
        assertThat(recognise(published(GPT4O), false)).isEqualTo("gpt-4o");
        assertThat(recognise(published("\\d{1,3}(?=(?:\\d{3})*\\b)", GPT4O), false)).isEqualTo("tiny_aya");
        assertThat(recognise(published("\\p{N}{1,3}", QWEN2.replace("|\\p{N}|", "|\\p{N}+|")), true)).isEqualTo("minicpm5");
        assertThat(recognise(published(CONTRACTIONS + "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"), false)).isEqualTo("exaone-moe");
        assertThat(recognise(published(BLOOM), false)).isEqualTo("bloom");
        assertThat(recognise(sequence(split(BLOOM), digits(), bytes(false)), false)).isEqualTo("viking");
        assertThat(recognise(sequence(digits(), bytes(true)), false)).isEqualTo("smollm");
        assertThat(recognise(bytes(true), false)).isEqualTo("gpt-2");
    }

    @Test
    void theExpressionsAreThoseOfThePublishedFiles() throws NoSuchAlgorithmException {
        assertThat(digest(QWEN35)).isEqualTo("00431aed57e696b747435f734d1e3b9b1bfd931a121fb5cac7129e97c181e9ba");
        assertThat(digest(LLAMA3)).isEqualTo("d98f9631be1e9607a9848c26c1f9eac1aa9fc21ac6ba82a2fc0741af9780a48f");
        assertThat(digest(QWEN2)).isEqualTo("1ff7f41064896984db5d1bb6ff64fa4bc29007d08c1b439e505b7392777a319e");
    }

    private static String digest(String regex) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(regex.getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void addedTokensChangeNothing() {
        assertThat(recognise(published(QWEN35), false, "<|my_marker|>", "<think>")).isEqualTo("qwen35");
        assertThat(recognise(published(QWEN2), false, "[gMASK]")).isEqualTo("qwen2");
    }

    @Test
    void formsThatMeanTheSameAreTheSame() {
        ObjectNode matchesKept = split(QWEN35).put("behavior", "Removed").put("invert", true);
        assertThat(recognise(sequence(matchesKept, bytes(false)), false)).isEqualTo("qwen35");
        assertThat(recognise(published(QWEN35.replace("\\r", "\r").replace("\\n", "\n")), false)).as("line ends as themselves").isEqualTo("qwen35");
        assertThat(recognise(sequence(sequence(split(QWEN35)), bytes(false)), false)).as("a sequence in a sequence").isEqualTo("qwen35");
    }

    @Test
    void whatIsNearlyTheSameIsRefusedAndNotGuessed() {
        List<ObjectNode> others = List.of(published(QWEN35.replace("\\p{N}|", "\\p{N}{1,2}|")), published(QWEN35, "\\p{N}"), sequence(split(QWEN35)), sequence(split(QWEN35).put("behavior", "MergedWithNext"), bytes(false)),
                sequence(split(QWEN35), bytes(true)));
        for (ObjectNode other : others) {
            assertThatThrownBy(() -> recognise(other, false)).as(other.toString()).isInstanceOf(FerryException.class).hasMessageContaining("org/fine-tune").hasMessageContaining("pre-tokenizer is unknown")
                    .hasMessageContaining("pre-tokenizers.yaml");
        }
        assertThatThrownBy(() -> recognise(published("\\p{N}{1,3}", QWEN2.replace("|\\p{N}|", "|\\p{N}+|")), false)).as("llama.cpp would ignore merges for it").hasMessageContaining("pre-tokenizer is unknown");
    }
}
