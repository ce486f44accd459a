package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerConverter;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** llama.cpp gives, by vocabularies that we made of tiktoken files, the ids that tiktoken's algorithm gives by the files. */
class TiktokenOracleIT {
        private static final String LLAMA3 = Definitions.splits("llama-bpe").getFirst();
    private static final String QWEN = Definitions.splits("qwen2").getFirst();
    private static final List<String> CORPUS = TokenizerOracle.corpus();

    /** Merges across words and digits, as no real vocabulary has them: wherever llama.cpp cuts otherwise, the ids differ. */
    private static final ByteBpeTrainer ANYTHING = new ByteBpeTrainer(Pattern.compile("(?s).{1,12}").matcher(String.join("", CORPUS)).results().map(MatchResult::group).toList(), 500);

    @TempDir
    Path folder;

    @Test
    void llama3AsMetaReleasedIt() throws IOException {
        Map<String, Integer> specials = write(ANYTHING, "tokenizer.model", "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>");
        assertThat(convert().pre()).isEqualTo("llama-bpe");
        compareEmbedded(LLAMA3, specials, 1000);
    }

    @Test
    void hunyuan() throws IOException {
        ANYTHING.writeRanks(folder.resolve("hy.tiktoken"));
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"auto_map\": {\"AutoTokenizer\": [\"tokenization_hy.HYTokenizer\", null]}}");
        Files.writeString(folder.resolve("tokenization_hy.py"), "PAT_STR = r\"\"\"" + QWEN.replace("|\\p{N}| ?", "|\"\"\" \\\n          r\"\"\"\\p{N}|\"\"\" \\\n          r\"\"\" ?") + "\"\"\"\n");
        assertThat(convert().pre()).isEqualTo("qwen2");
        compareEmbedded(QWEN, Map.of("<|endoftext|>", ANYTHING.size(), "<|bos|>", ANYTHING.size() + 2, "<|pad|>", ANYTHING.size() + 4, "<|extra_204|>", ANYTHING.size() + 209), 150);
    }

    @Test
    void qwen1() throws IOException {
        ANYTHING.writeRanks(folder.resolve("qwen.tiktoken"));
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"auto_map\": {\"AutoTokenizer\": [\"tokenization_qwen.QWenTokenizer\", null]}}");
        Files.writeString(folder.resolve("tokenization_qwen.py"), "import tiktoken\n\nPAT_STR = r\"\"\"" + QWEN + "\"\"\"\nENDOFTEXT = \"<|endoftext|>\"\n");
        assertThat(convert().pre()).isEqualTo("qwen2");
        compareEmbedded(QWEN, Map.of("<|endoftext|>", ANYTHING.size(), "<|im_start|>", ANYTHING.size() + 1, "<|im_end|>", ANYTHING.size() + 2, "<|extra_204|>", ANYTHING.size() + 207), 150);
    }

    @Test
    void glm4() throws IOException {
        ChatGlmTinyModels.writeGlm4(folder, ANYTHING);
        assertThat(TokenizerOracle.convert(folder, "chatglm", 1024).pre()).isEqualTo("chatglm-bpe");
        List<String> specials = ChatGlmTinyModels.GLM4_SPECIALS;
        compareEmbedded(ChatGlmTinyModels.GLM4_EXPRESSION, IntStream.range(0, specials.size()).boxed().collect(Collectors.toMap(specials::get, i -> ANYTHING.size() + i)), 300);
    }

    /** The vocabulary was trained on what the expression cuts, as the real one is; what llama.cpp still does otherwise is left out and listed in src/docs/architectures.md. */
    @Test
    void kimi() throws IOException {
        CurrentLlama.assume();
        String expression = Definitions.splits("kimi-k2").getFirst();
        Map<String, Integer> specials = write(new ByteBpeTrainer(CORPUS.stream().flatMap(text -> TiktokenReference.cut(text, expression).stream()).toList(), 500), "tiktoken.model",
                "[BOS]", "[EOS]", "<|im_end|>", "<|im_user|>");
        Files.writeString(folder.resolve("tokenization_kimi.py"), "class TikTokenTokenizer(PreTrainedTokenizer):\n    pat_str = \"|\".join(\n        [\n"
                + Definitions.KIMI.stream().map(one -> "            r\"\"\"" + one + "\"\"\",\n").reduce("", String::concat) + "        ]\n    )\n");
        assertThat(convert().pre()).isEqualTo("kimi-k2");
        VariedText varied = VariedText.changed(11, List.copyOf(specials.keySet()), TiktokenOracleIT::llamaCppAgrees);
        List<String> texts = Stream.generate(varied::next).limit(TokenizerOracle.strings(1000)).toList();
        int[][] found = CurrentLlama.tokenize(folder.resolve("vocabulary.gguf"), texts, false, true);
        compare(expression, specials, texts, found);
    }

    /** llama.cpp takes marks for no letters, and words whole where the expression cuts before a capital. */
    private static String llamaCppAgrees(String text) {
        return text.replaceAll("\\p{M}|(?<=[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}])[\\p{Lu}\\p{Lt}]+", "");
    }

    /** Leaves ranks and the special tokens behind them in the folder. */
    private Map<String, Integer> write(ByteBpeTrainer trained, String name, String... specials) throws IOException {
        trained.writeRanks(folder.resolve(name));
        ObjectNode config = new ObjectMapper().createObjectNode().put("bos_token", specials[0]).put("eos_token", specials[1]);
        ObjectNode decoder = config.putObject("added_tokens_decoder");
        Map<String, Integer> ids = new LinkedHashMap<>();
        for (int i = 0; i < specials.length; i++) {
            ids.put(specials[i], trained.size() + i);
            decoder.putObject(String.valueOf(trained.size() + i)).put("content", specials[i]).put("special", true);
        }
        Files.writeString(folder.resolve("tokenizer_config.json"), config.toString());
        return ids;
    }

    private TokenizerConverter.Result convert() {
        return TokenizerOracle.convert(folder, 1024);
    }

    private void compareEmbedded(String expression, Map<String, Integer> specials, int strings) throws IOException {
        VariedText varied = new VariedText(11, List.copyOf(specials.keySet()));
        List<String> texts = Stream.generate(varied::next).limit(TokenizerOracle.strings(strings)).toList();
        try (LoadedModel model = LoadedModel.openVocabulary(folder.resolve("vocabulary.gguf"))) {
            compare(expression, specials, texts, texts.parallelStream().map(text -> model.vocabulary().tokenize(text, false, true)).toArray(int[][]::new));
        }
    }

    private void compare(String expression, Map<String, Integer> specials, List<String> texts, int[][] found) throws IOException {
        TiktokenReference reference = new TiktokenReference(ranks(), expression, specials);
        List<String> different = IntStream.range(0, texts.size()).parallel().mapToObj(i -> {
            long[] expected = reference.encode(texts.get(i));
            long[] ids = Arrays.stream(found[i]).asLongStream().toArray();
            return Arrays.equals(ids, expected) ? "" : "'" + texts.get(i) + "'\n  llama.cpp " + Arrays.toString(ids) + "\n  reference " + Arrays.toString(expected);
        }).filter(difference -> !difference.isEmpty()).toList();
        assertThat(different.size()).as(() -> different.size() + " strings of " + texts.size() + ", such as " + String.join("\n", different.subList(0, Math.min(3, different.size())))).isZero();
    }

    private List<String> ranks() throws IOException {
        Path file = Stream.of("tiktoken.model", "qwen.tiktoken", "hy.tiktoken", "tokenizer.model").map(folder::resolve).filter(Files::exists).findFirst().orElseThrow();
        return Files.readAllLines(file).stream().map(line -> new String(Base64.getDecoder().decode(line.split(" ")[0]), StandardCharsets.ISO_8859_1)).toList();
    }
}
