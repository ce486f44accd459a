package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.convert.tokenizer.TokenizerJson.AddedToken;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A byte-level BPE vocabulary from a tiktoken file, for checkpoints without tokenizer.json: GGUF model {@code gpt2}. Special tokens are those that
 * tokenizer_config.json adds; the pre-tokenizer is recognised by the expression in the tokenizer's code.
 */
final class TiktokenVocabulary {
    /** As many ids behind the ranks are special tokens, named or not ({@code num_reserved_special_tokens} of Kimi's and Meta's code). */
    private static final int RESERVED = 256;
    private static final String LLAMA3_BEGIN = "<|begin_of_text|>";

    private final String model;
    private final TiktokenFile ranks;
    private final List<AddedToken> added;
    private final String pre;
    private final int rows;

    /**
     * Reads ranks, special tokens and expression.
     *
     * @param model  name of the checkpoint, for messages
     * @param file   the ranks
     * @param files  gives the files beside the checkpoint by name
     * @param config tokenizer_config.json, if there is one
     * @param rows   rows of the embedding
     * @throws FerryException when a file is malformed or missing, or the expression is unknown
     */
    TiktokenVocabulary(String model, Path file, Function<String, Optional<Path>> files, Optional<ObjectNode> config, int rows) {
        this.model = model;
        this.rows = rows;
        this.ranks = TiktokenFile.read(file);
        Optional<TokenizerCode> code = TokenizerCode.find(files, config);
        this.added = switch (file.getFileName().toString()) {
            case "qwen.tiktoken" -> inCode(List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>"));
            case "hy.tiktoken" -> inCode(List.of("<|endoftext|>", "<|startoftext|>", "<|bos|>", "<|eos|>", "<|pad|>"));
            default -> named(config, code.map(TokenizerCode::reserves).orElse(true));
        };
        List<String> texts = added.stream().map(AddedToken::content).toList();
        this.pre = code.map(found -> PreTokenizers.builtIn().recognise(model, found, texts)).or(this::ofLlama3)
                .orElseThrow(() -> refusal("beside " + file.getFileName() + " there is no Python file of the tokenizer (tokenization_*.py), which says how text is cut; copy it from the base model"));
    }

    /** Tokens beside the ranks, in order of ids. */
    List<AddedToken> added() {
        return added;
    }

    /**
     * Writes model, pre-tokenizer, tokens, types and merges.
     *
     * @return the pre-tokenizer's name
     */
    String write(GgufMetadata into) {
        Vocabulary vocabulary = new Vocabulary(model, rows);
        for (int rank = 0; rank < ranks.tokens().size(); rank++) {
            String text = ByteLetters.spell(ranks.tokens().get(rank));
            vocabulary.set(vocabulary.checked(text, rank), text, 0, TokenType.NORMAL);
        }
        added.stream().filter(token -> token.id() < rows).forEach(token -> vocabulary.setAdded(token.id(), token.content(), token.special(), 0));
        into.putString("tokenizer.ggml.model", "gpt2").putString("tokenizer.ggml.pre", pre);
        vocabulary.write(into, false);
        into.putStrings("tokenizer.ggml.merges", TiktokenMerges.of(ranks.tokens()));
        return pre;
    }

    /** What added_tokens_decoder names, and, where others are reserved, the names that Kimi's code gives them. */
    private List<AddedToken> named(Optional<ObjectNode> config, boolean reserves) {
        Map<Integer, AddedToken> tokens = new TreeMap<>();
        int first = ranks.tokens().size();
        config.map(c -> c.path("added_tokens_decoder")).ifPresent(decoder -> decoder.fields().forEachRemaining(e -> {
            JsonNode content = e.getValue().path("content");
            if (!e.getKey().matches("[0-9]{1,9}") || !content.isTextual()) {
                throw refusal("tokenizer_config.json has the entry \"" + e.getKey() + "\": " + e.getValue() + " in added_tokens_decoder, where an id and a token with 'content' are expected");
            }
            int id = Integer.parseInt(e.getKey());
            tokens.put(id, new AddedToken(id, content.asText(), e.getValue().path("special").asBoolean()));
        }));
        if (tokens.isEmpty()) {
            throw refusal("tokenizer_config.json names no special tokens (added_tokens_decoder), and " + ranks.file().getFileName() + " holds none; copy tokenizer_config.json from the base model");
        }
        AddedToken lowest = tokens.values().iterator().next();
        if (lowest.id() != first) {
            throw refusal("the ranks of " + ranks.file().getFileName() + " end at " + (first - 1) + ", but the first special token, '" + lowest.content() + "', has id " + lowest.id()
                    + " where " + first + " is expected. The files do not belong together, or one is cut short; take both from the base model");
        }
        IntStream.range(first, reserves ? Math.min(first + RESERVED, rows) : first).forEach(id -> tokens.putIfAbsent(id, new AddedToken(id, "<|reserved_token_" + id + "|>", true)));
        return List.copyOf(tokens.values());
    }

    /** Qwen 1 and Hunyuan name their special tokens in code alone; those for one's own use follow. */
    private List<AddedToken> inCode(List<String> first) {
        List<String> texts = Stream.concat(first.stream(), IntStream.range(0, 205).mapToObj(i -> "<|extra_" + i + "|>")).toList();
        return IntStream.range(0, texts.size()).mapToObj(i -> new AddedToken(ranks.tokens().size() + i, texts.get(i), true)).toList();
    }

    /** Meta's files come without code; the first special token tells that they are Llama 3's. */
    private Optional<String> ofLlama3() {
        return added.stream().min(Comparator.comparingInt(AddedToken::id)).filter(token -> token.content().equals(LLAMA3_BEGIN)).map(token -> "llama-bpe");
    }

    private FerryException refusal(String why) {
        return new FerryException("Cannot convert the tokenizer of " + model + ": " + why + ".");
    }
}
