package dev.adapterferry.convert;

import dev.adapterferry.files.Folders;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Small trained tokenizers of both kinds, with tokenizer_config.json and a chat template. */
final class TinyTokenizers {
    static final String CORPUS = """
            the ferry carries the adapter home and the ferry goes back again over the river where the old bridge was
            a model that has learned to answer questions about boats will answer questions about bridges too
            def carry(adapter): return [ferry.load(x) for x in adapter if x is not None]
            """;
    static final String CHATML = "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
            + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    /** Class B of the known definitions: Qwen2 and its relatives. */
    static final String QWEN2 = split("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+");

    private TinyTokenizers() { }

    /** A Split and a ByteLevel step, as JSON. */
    static String split(String regex) {
        return "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" + regex
                + "\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":false}]}";
    }

    /** Trained once for all tests of a process, and only read by them. */
    private static final class Shared {
        private static final Path FOLDER = make();

        private static Path make() {
            try {
                Path folder = Files.createTempDirectory("tiny-tokenizers-");
                Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(folder)));
                write(folder);
                return folder;
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static void delete(Path folder) {
            try {
                Folders.delete(folder);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Holds folders {@code bpe}, {@code spm}, {@code ranks}, {@code qwen}, {@code plamo}, {@code rwkv}, {@code glm4}, {@code chatglm3}, {@code wordpiece} and {@code unigram}. */
    static Path folder() {
        return Shared.FOLDER;
    }

    private static void write(Path folder) {
        try {
            Path bpe = Files.createDirectories(folder.resolve("bpe"));
            new ByteBpeTrainer(CORPUS, 60).write(bpe, QWEN2, "null", false, false, List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>"));
            Files.writeString(bpe.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"GPT2Tokenizer\",\"eos_token\":\"<|im_end|>\",\"pad_token\":\"<|endoftext|>\",\"bos_token\":null,"
                    + "\"add_bos_token\":false}");
            Files.writeString(bpe.resolve("chat_template.jinja"), CHATML);
            Path spm = Files.createDirectories(folder.resolve("spm"));
            SentencePieceTrainer trainer = new SentencePieceTrainer(CORPUS, 60);
            trainer.writeModel(spm, true);
            trainer.writeJson(spm, true, List.of());
            Files.writeString(spm.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"LlamaTokenizer\",\"eos_token\":\"</s>\",\"bos_token\":\"<s>\",\"unk_token\":\"<unk>\","
                    + "\"add_bos_token\":true,\"add_eos_token\":false}");
            Path ranks = Files.createDirectories(folder.resolve("ranks"));
            ByteBpeTrainer ranked = new ByteBpeTrainer(CORPUS, 60);
            ranked.writeRanks(ranks.resolve("tiktoken.model"));
            Files.writeString(ranks.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"TikTokenTokenizer\",\"auto_map\":{\"AutoTokenizer\":[\"tokenization_moonshot.TikTokenTokenizer\",null]},"
                    + "\"bos_token\":\"[BOS]\",\"eos_token\":\"[EOS]\",\"added_tokens_decoder\":{\"" + ranked.size() + "\":{\"content\":\"[BOS]\",\"special\":true},\"" + (ranked.size() + 1)
                    + "\":{\"content\":\"[EOS]\",\"special\":true}}}");
            Path qwen = Files.createDirectories(folder.resolve("qwen"));
            ranked.writeRanks(qwen.resolve("qwen.tiktoken"));
            Files.writeString(qwen.resolve("tokenization_qwen.py"), "PAT_STR = r\"\"\"" + Definitions.splits("qwen2").getFirst() + "\"\"\"\n");
            Files.writeString(ranks.resolve("tokenization_moonshot.py"), "pat_str = r\"" + String.join("|", Definitions.splits("kimi-k2")) + "\"\n");
            new WordPieceTrainer(CORPUS.lines().toList(), 3, true).write(Files.createDirectories(folder.resolve("wordpiece")));
            ChatGlmTinyModels.writeGlm4(folder.resolve("glm4"), ranked);
            ChatGlmTinyModels.writeChatGlm(folder.resolve("chatglm3"), trainer, true);
            new PlamoTokens(CORPUS, 100).write(Files.createDirectories(folder.resolve("plamo")));
            new WorldVocabulary(CORPUS).write(Files.createDirectories(folder.resolve("rwkv")));
            Path unigram = Files.createDirectories(folder.resolve("unigram"));
            new UnigramTrainer(CORPUS.lines().toList()).write(unigram.resolve("tokenizer.json"), true);
            Files.writeString(unigram.resolve("tokenizer_config.json"), "{\"eos_token\":\"</s>\",\"pad_token\":\"<pad>\",\"unk_token\":\"<unk>\"}");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
