package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.gguf.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Byte-level BPE from vocab.json and merges.txt, and tokens that tokenizer_config.json alone names: the same keys as from a tokenizer.json that says it all. */
class BytePairFileTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final ByteBpeTrainer TRAINED = new ByteBpeTrainer(TokenizerOracle.corpus().subList(0, 40), 60);
    private static final int ROWS = 400;
    private static final int CONTROL = 3;
    private static final int USER_DEFINED = 4;
    private static final int UNUSED = 5;
    private static final List<String> ADDED = List.of("<|endoftext|>", "<|im_start|>", "[TOOL]");

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"GPT2Tokenizer, gpt-2", "GPT2TokenizerFast, gpt-2", "CodeGenTokenizer, gpt-2", "Qwen2Tokenizer, qwen2"})
    void givesTheKeysThatTokenizerJsonGives(String kind, String pre) throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"" + kind + "\",\"bos_token\":null,\"eos_token\":\"<|endoftext|>\",\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"<|endoftext|>\"}");
        whole(pre, ADDED);
        GgufMetadata expected = convert("{}");
        apart();
        GgufMetadata found = convert("{}");
        assertThat(keys(found)).isEqualTo(keys(expected));
        assertThat(found.findString("tokenizer.ggml.pre")).contains(pre);
    }

    /** The oldest files have no word about the tokenizer's class, and their special token is in the vocabulary. */
    @Test
    void goesByTheModelWhereNothingNamesTheClass() throws IOException {
        whole("gpt-2", List.of());
        apart();
        ObjectNode vocabulary = (ObjectNode) JSON.readTree(folder.resolve("vocab.json").toFile());
        int end = vocabulary.size();
        Files.writeString(folder.resolve("vocab.json"), vocabulary.put("<|endoftext|>", end).toString());
        GgufMetadata found = convert("{\"model_type\":\"gpt2\"}");
        assertThat(found.findString("tokenizer.ggml.pre")).contains("gpt-2");
        assertThat(found.findLong("tokenizer.ggml.eos_token_id")).contains((long) end);
        assertThat(types(found).get(end)).isEqualTo(CONTROL);
    }

    @Test
    void readsRobertas() throws IOException {
        whole("gpt-2", List.of("<s>", "<pad>", "</s>", "<unk>", "<mask>"));
        Files.writeString(folder.resolve("added_tokens.json"), "{}");
        ObjectNode json = (ObjectNode) JSON.readTree(folder.resolve("tokenizer.json").toFile());
        json.set("post_processor", JSON.readTree("{\"type\":\"RobertaProcessing\",\"sep\":[\"</s>\",0],\"cls\":[\"<s>\",0]}"));
        Files.writeString(folder.resolve("tokenizer.json"), json.toString());
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"RobertaTokenizer\",\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"sep_token\":\"</s>\",\"cls_token\":\"<s>\",\"unk_token\":\"<unk>\","
                + "\"pad_token\":\"<pad>\",\"mask_token\":\"<mask>\",\"added_tokens_decoder\":" + decoder(json) + "}");
        GgufMetadata expected = convert("{}");
        apart();
        assertThat(keys(convert("{}"))).isEqualTo(keys(expected));
        assertThat(expected.find("tokenizer.ggml.add_bos_token")).isPresent();
    }

    @Test
    void refusesAClassWhoseWayOfCuttingIsUnknown() throws IOException {
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"BlenderbotTokenizer\"}");
        whole("gpt-2", ADDED);
        apart();
        assertThatThrownBy(() -> convert("{}")).hasMessageContaining("neither tokenizer.json").hasMessageContaining("vocab.json alone does not say how text is cut, and BlenderbotTokenizer is none of")
                .hasMessageContaining("Qwen2Tokenizer");
    }

    /** transformers adds them when it opens a tokenizer; a training that added tokens may have saved them there alone. */
    @Test
    void addsWhatTokenizerConfigNames() throws IOException {
        whole("gpt-2", List.of("<|endoftext|>"));
        int size = JSON.readTree(folder.resolve("tokenizer.json").toFile()).at("/model/vocab").size();
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"added_tokens_decoder\":{\"0\":{\"content\":\"<clash>\"},\"%d\":{\"content\":\"<|endoftext|>\",\"special\":true},\"%d\":{\"content\":\"<|call|>\",\"special\":true},\"%d\":{\"content\":\"note\"},\"%d\":{\"content\":\"far\"}}}"
                .formatted(size, size + 1, size + 2, ROWS));
        GgufMetadata found = convert("{}");
        List<String> tokens = found.findStrings("tokenizer.ggml.tokens").orElseThrow();
        assertThat(tokens.subList(size, size + 4)).containsExactly("<|endoftext|>", "<|call|>", "note", "[PAD" + (size + 3) + "]");
        assertThat(types(found).subList(size, size + 4)).containsExactly(CONTROL, CONTROL, USER_DEFINED, UNUSED);
        assertThat(tokens).doesNotContain("<clash>", "far");
    }

    private static List<Integer> types(GgufMetadata metadata) {
        return Arrays.stream((int[]) metadata.find("tokenizer.ggml.token_type").orElseThrow().value()).boxed().toList();
    }

    private static List<String> keys(GgufMetadata metadata) {
        return metadata.entries().entrySet().stream().map(entry -> entry.getKey() + " " + (entry.getValue().value() instanceof int[] numbers ? Arrays.toString(numbers) : entry.getValue())).sorted().toList();
    }

    private GgufMetadata convert(String config) throws IOException {
        GgufMetadata into = new GgufMetadata();
        new TokenizerConverter("org/tiny", name -> Optional.of(folder.resolve(name)).filter(Files::isRegularFile), (ObjectNode) JSON.readTree(config)).write("bpe", ROWS, into);
        return into;
    }

    /** A tokenizer.json. */
    private void whole(String pre, List<String> added) throws IOException {
        TRAINED.write(folder, Definitions.of(pre), "null", true, false, added);
        if (Files.exists(folder.resolve("tokenizer_config.json"))) {
            ObjectNode config = (ObjectNode) JSON.readTree(folder.resolve("tokenizer_config.json").toFile());
            config.set("added_tokens_decoder", JSON.readTree(decoder((ObjectNode) JSON.readTree(folder.resolve("tokenizer.json").toFile()))));
            Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
        }
    }

    private static String decoder(ObjectNode json) {
        ObjectNode decoder = JsonNodeFactory.instance.objectNode();
        json.get("added_tokens").forEach(token -> decoder.putObject(token.get("id").asText()).put("content", token.get("content").asText()).put("special", token.get("special").asBoolean()));
        return decoder.toString();
    }

    /** The same in the two files of older times. */
    private void apart() throws IOException {
        JsonNode json = JSON.readTree(folder.resolve("tokenizer.json").toFile());
        Files.writeString(folder.resolve("vocab.json"), json.at("/model/vocab").toString());
        StringBuilder merges = new StringBuilder("#version: 0.2\n");
        json.at("/model/merges").forEach(pair -> merges.append(pair.get(0).asText()).append(' ').append(pair.get(1).asText()).append('\n'));
        Files.writeString(folder.resolve("merges.txt"), merges);
        Files.delete(folder.resolve("tokenizer.json"));
    }
}
