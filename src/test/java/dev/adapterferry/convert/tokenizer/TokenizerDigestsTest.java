package dev.adapterferry.convert.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.ByteBpeTrainer;
import dev.adapterferry.convert.Definitions;
import dev.adapterferry.failure.FerryException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a tokenizer makes of llama.cpp's text is what Hugging Face's library makes of it, whatever its steps; the name comes from the digest of that. */
class TokenizerDigestsTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Merges across words and blanks: wherever a text is cut differently, the ids differ. */
    private static final ByteBpeTrainer TRAINED = new ByteBpeTrainer(
            Pattern.compile("(?s).{1,9}").matcher(TokenizerDigests.TEXT + TokenizerDigests.TEXT.substring(4)).results().map(MatchResult::group).toList(), 300);
    private static final int BEGIN = TRAINED.size();

    @TempDir
    Path folder;

    private TokenizerJson written(String pre) throws IOException {
        TRAINED.write(folder, Definitions.of(pre), "null", true, false, List.of("<begin>", "<end>"));
        return new TokenizerJson(folder.resolve("tokenizer.json"));
    }

    private List<Long> reference() throws IOException {
        try (HuggingFaceTokenizer tokenizer = HuggingFaceTokenizer.newInstance(folder.resolve("tokenizer.json"))) {
            return Arrays.stream(tokenizer.encode(TokenizerDigests.TEXT, false, false).getIds()).boxed().toList();
        }
    }

    private static String digest(List<Long> ids) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(ids.toString().getBytes(StandardCharsets.UTF_8)));
    }

    @Test
    void theTextIsThatOfLlamaCpp() throws NoSuchAlgorithmException {
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(TokenizerDigests.TEXT.getBytes(StandardCharsets.UTF_8));
        assertThat(HexFormat.of().formatHex(digest)).isEqualTo("a36179c1e2b1cfcfbfad1dc779addad2ffc778201e4cf0d538bddeafa2c526da");
    }

    @ParameterizedTest
    @ValueSource(strings = {"gpt-2", "smollm", "falcon", "qwen2", "deepseek-llm", "deepseek-coder", "deepseek-v3", "bailingmoe", "tiny_aya", "chameleon", "superbpe", "youtu", "laguna"})
    void theIdsAreThoseOfTheLibrary(String pre) throws IOException, NoSuchAlgorithmException {
        TokenizerJson json = written(pre);
        List<Long> ids = reference();
        assertThat(new BytePairEncoder(json, Merges.of(json)).encode(TokenizerDigests.TEXT).orElseThrow().stream().map(Integer::longValue)).isEqualTo(ids);
        assertThat(new TokenizerDigests(Map.of(digest(ids), "found")).find(json, Merges.of(json))).contains("found");
        List<Long> begun = Stream.concat(Stream.of((long) BEGIN), ids.stream()).toList();
        assertThat(new TokenizerDigests(Map.of(digest(begun), "begun")).find(json, Merges.of(json))).contains("begun");
        assertThat(TokenizerDigests.builtIn().find(json, Merges.of(json))).isEmpty();
    }

    /** A definition that the table does not have, as that of Trinity, which could not be looked at. */
    @Test
    void whatIsUnknownIsNamedByItsDigestAndRefusedWithoutOne() throws IOException, NoSuchAlgorithmException {
        written("deepseek-v3");
        ObjectNode root = (ObjectNode) JSON.readTree(folder.resolve("tokenizer.json").toFile());
        ((ObjectNode) root.at("/pre_tokenizer/pretokenizers/0/pattern")).put("Regex", "\\p{N}{1,2}(?=(?:\\p{N}{3})+\\b)|\\p{N}{3}");
        Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        TokenizerJson json = new TokenizerJson(folder.resolve("tokenizer.json"));
        assertThatThrownBy(() -> PreTokenizers.builtIn().recognise("org/fine-tune", json, Merges.of(json))).isInstanceOf(FerryException.class).hasMessageContaining("pre-tokenizer is unknown");
        PreTokenizers extended = PreTokenizers.builtIn().with(new TokenizerDigests(Map.of(digest(reference()), "afmoe")));
        assertThat(extended.recognise("org/fine-tune", json, Merges.of(json))).isEqualTo("afmoe");
    }

    @Test
    void stepsThatCannotBeRunGiveNoResult() throws IOException {
        for (String step : List.of("{\"type\":\"Metaspace\"}", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[\"},\"behavior\":\"Isolated\",\"invert\":false}",
                "{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":true}")) {
            TRAINED.write(folder, step, "null", true, false, List.of());
            TokenizerJson json = new TokenizerJson(folder.resolve("tokenizer.json"));
            assertThat(new BytePairEncoder(json, Merges.of(json)).encode("a text")).as(step).isEmpty();
        }
    }
}
