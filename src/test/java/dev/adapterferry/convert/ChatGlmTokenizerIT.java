package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.adapterferry.chat.ChatTemplate;
import dev.adapterferry.llamacpp.LoadedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** llama.cpp gives, by vocabularies of ChatGLM2 and ChatGLM3, the ids that their tokenizers' code makes. The pieces are cut by Hugging Face's library. */
class ChatGlmTokenizerIT {
    private static final List<String> SPECIALS = List.of("[MASK]", "[gMASK]", "[sMASK]", "<sop>", "<eop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>");
    private static final SentencePieceTrainer TRAINED = new SentencePieceTrainer(String.join(" ", TokenizerOracle.corpus()), 300);
    private static final String PEOPLE = "Sophisticated people carry\n  the \u6865 over the bridge: 42!";

    @TempDir
    Path folder;

    @BeforeEach
    void layOut() throws IOException {
        TRAINED.writeJson(Files.createDirectories(folder.resolve("reference")), true, SPECIALS);
    }

    private Path converted(boolean roles) throws IOException {
        Path files = folder.resolve("chatglm");
        ChatGlmTinyModels.writeChatGlm(files, TRAINED, roles);
        assertThat(TokenizerOracle.convert(files, "chatglm", TRAINED.size() + 20).model()).isEqualTo("llama");
        return files;
    }

    @Test
    void textAndSpecialTokens() throws IOException {
        VariedText texts = new VariedText(7, Stream.concat(SPECIALS.stream(), Stream.of("<s>", "</s>", "sop", "people")).toList());
        TokenizerOracle.compare(converted(true), folder.resolve("reference/tokenizer.json"), Stream.generate(texts::next).limit(TokenizerOracle.strings(1000)).toList());
    }

    /** {@code build_chat_input} of ChatGLM3 and {@code build_prompt} of ChatGLM2, each behind {@code get_prefix_tokens}. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aConversation(boolean roles) throws IOException {
        List<Map<String, String>> turns = List.of(Map.of("role", "user", "content", "the ferry?"), Map.of("role", "assistant", "content", " At 12:30."), Map.of("role", "user", "content", PEOPLE));
        try (LoadedModel model = LoadedModel.openVocabulary(converted(roles).resolve("vocabulary.gguf")); HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(folder.resolve("reference/tokenizer.json"))) {
            LongStream expected = LongStream.of(id("[gMASK]"), id("<sop>"));
            if (roles) {
                for (Map<String, String> turn : turns) {
                    expected = LongStream.concat(expected, Stream.of(LongStream.of(id("<|" + turn.get("role") + "|>")), pieces(reference, "\n"), pieces(reference, turn.get("content"))).flatMapToLong(ids -> ids));
                }
                expected = LongStream.concat(expected, LongStream.of(id("<|assistant|>")));
            } else {
                expected = LongStream.concat(expected, pieces(reference, "[Round 1]\n\n\u95EE\uFF1Athe ferry?\n\n\u7B54\uFF1A At 12:30.\n\n[Round 2]\n\n\u95EE\uFF1A" + PEOPLE + "\n\n\u7B54\uFF1A"));
            }
            String text = new ChatTemplate(model.chatTemplate().orElseThrow()).render(turns, "", "");
            assertThat(Arrays.stream(model.vocabulary().tokenize(text, false, true)).asLongStream().toArray()).isEqualTo(expected.toArray());
        }
    }

    private long id(String special) {
        return TRAINED.size() + SPECIALS.indexOf(special);
    }

    private static LongStream pieces(HuggingFaceTokenizer reference, String text) {
        return Arrays.stream(reference.encode(text, false, false).getIds());
    }
}
