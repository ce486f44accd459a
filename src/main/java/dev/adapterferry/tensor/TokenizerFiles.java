package dev.adapterferry.tensor;

import java.util.List;
import java.util.stream.Stream;

/** Names of the files in which a model's tokenizer lies. What is fetched, taken from an adapter, and copied beside a merged checkpoint goes by these lists. */
public final class TokenizerFiles {
    /** Vocabularies: where none of them is, there is no tokenizer. */
    public static final List<String> VOCABULARIES = List.of("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "sentencepiece.bpe.model", "tiktoken.model",
            "qwen.tiktoken", "hy.tiktoken", "rwkv_vocab_v20230424.txt", "tokenizer.jsonl", "tokenizer.model.v3");

    /** These, what is said of their tokens, and how a conversation is written. */
    public static final List<String> ALL = Stream.concat(VOCABULARIES.stream(), Stream.of("merges.txt", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
            "chat_template.jinja", "chat_template.json")).toList();

    private TokenizerFiles() { }
}
