package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.chat.ChatTemplate;
import dev.adapterferry.gguf.GgufFile;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A conversation of three turns, written by the template that the GGUF carries, is the same ids for llama.cpp and for the reference. */
class ConversationOracleIT {
    private static final List<Map<String, String>> TURNS = List.of(Map.of("role", "system", "content", "Tu parles français. Réponds en une phrase !"),
            Map.of("role", "user", "content", "When does the ferry leave?\n\n  - tomorrow\n\t- 橋を渡る 🚀"), Map.of("role", "assistant", "content", "At 12:30, don't be late."),
            Map.of("role", "user", "content", "Print `x_1 = y**2` in C++"), Map.of("role", "assistant", "content", "std::cout << x_1;"), Map.of("role", "user", "content", " Danke!"));

    @TempDir
    Path folder;

    @Test
    void chatMl() throws IOException {
        bytePairs(TinyTokenizers.CHATML, "qwen2", "<|endoftext|>", "<|im_start|>", "<|im_end|>");
    }

    @Test
    void llama3() throws IOException {
        bytePairs("{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
                + "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}", "llama-bpe", "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>");
    }

    /** A tokenizer that came after the embedded build, in a current llama.cpp; its markers for thinking and tools are shown in answers, so they are no control tokens. */
    @Test
    void qwen35() throws IOException {
        CurrentLlama.assume();
        String template = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}{{ '<think>\n\n</think>\n\n' }}{% endif %}{{ m['content'] | trim + '<|im_end|>\n' }}{% endfor %}"
                + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n<think>\n' }}{% endif %}";
        List<String> added = List.of("<|endoftext|>", "<|im_start|>", "<think>", "</think>", "<|im_end|>");
        ByteBpeTrainer trained = new ByteBpeTrainer(String.join(" ", TokenizerOracle.corpus()), 300);
        trained.write(folder, Definitions.of("qwen35"), "null", true, false, added);
        configure(template, added.getFirst(), added.getLast());
        assertThat(TokenizerOracle.convert(folder, trained.size() + added.size()).pre()).isEqualTo("qwen35");
        try (GgufFile file = GgufFile.open(folder.resolve("vocabulary.gguf"))) {
            String carried = file.metadata().findString("tokenizer.chat_template").orElseThrow();
            String text = new ChatTemplate(carried).render(TURNS, added.getFirst(), added.getLast());
            assertThat(text).contains("</think>\n\nAt 12:30");
            TokenizerOracle.compareCurrent(folder, List.of(text));
        }
    }

    @Test
    void zephyr() throws IOException {
        pieces("{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}");
    }

    @Test
    void gemma() throws IOException {
        pieces("{{ bos_token }}{% for m in messages %}{% if m['role'] == 'assistant' %}{% set role = 'model' %}{% else %}{% set role = m['role'] %}{% endif %}"
                + "{{ '<start_of_turn>' + role + '\n' + m['content'] | trim + '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}");
    }

    private void bytePairs(String template, String pre, String... added) throws IOException {
        ByteBpeTrainer trained = new ByteBpeTrainer(String.join(" ", TokenizerOracle.corpus()), 300);
        trained.write(folder, Definitions.of(pre), "null", true, pre.equals("llama-bpe"), List.of(added));
        configure(template, added[0], added[added.length - 1]);
        compare(trained.size() + added.length);
    }

    private void pieces(String template) throws IOException {
        SentencePieceTrainer trained = new SentencePieceTrainer(String.join(" ", TokenizerOracle.corpus()), 300);
        List<String> added = List.of("<start_of_turn>", "<end_of_turn>");
        trained.writeJson(folder, false, added);
        trained.writeModel(folder, false);
        configure(template, "<s>", "</s>");
        compare(trained.size() + added.size());
    }

    private void configure(String template, String bos, String eos) throws IOException {
        ObjectMapper json = new ObjectMapper();
        Files.writeString(folder.resolve("tokenizer_config.json"), json.writeValueAsString(Map.of("bos_token", bos, "eos_token", eos, "chat_template", template)));
    }

    private void compare(int rows) throws IOException {
        assertThat(TokenizerOracle.convert(folder, rows).chatTemplate()).isTrue();
        try (LoadedModel model = LoadedModel.openVocabulary(folder.resolve("vocabulary.gguf")); HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(folder.resolve("tokenizer.json"))) {
            int bos = model.vocabulary().bos().orElseThrow();
            int eos = model.vocabulary().eos().orElseThrow();
            String text = new ChatTemplate(model.chatTemplate().orElseThrow()).render(TURNS, model.vocabulary().text(bos), model.vocabulary().text(eos));
            long[] expected = reference.encode(text, false, false).getIds();
            assertThat(Arrays.stream(model.vocabulary().tokenize(text, false, true)).asLongStream().toArray()).isEqualTo(expected);
            assertThat(Arrays.stream(expected).filter(id -> id == eos).count()).as("turns end in the special token, not in its letters").isEqualTo(text.split(java.util.regex.Pattern.quote(model.vocabulary().text(eos)), -1).length - 1);
        }
    }
}
