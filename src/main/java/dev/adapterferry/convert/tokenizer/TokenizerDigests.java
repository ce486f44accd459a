package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Finds llama.cpp's name for a tokenizer by what it makes of a fixed text, as llama.cpp's own converter does: SHA-256 of the list of ids in Python's notation. This serves tokenizers
 * whose definitions {@link PreTokenizers} does not know, and names one release of each, with those fine-tunes that left its tokens alone.
 *
 * @see <a href="https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf_update.py">where llama.cpp makes its table</a>
 */
final class TokenizerDigests {
    /** The text that llama.cpp's developers chose. */
    static final String TEXT = "\n \n\n \n\n\n \t \t\t \t\n  \n   \n    \n     \n\uD83D\uDE80 (normal) \uD83D\uDE36\u200D\uD83C\uDF2B\uFE0F (multiple emojis concatenated) \u2705 \uD83E\uDD99\uD83E\uDD99"
            + " 3 33 333 3333 33333 333333 3333333 33333333 3.3 3..3 3...3 \u1780\u17B6\u1793\u17CB\u178F\u17C2\u1796\u17B7\u179F\u17C1\u179F\u17A2\u17B6\u1785\uD83D\uDE01"
            + " ?\u6211\u60F3\u5728apple\u5DE5\u4F5C1314151\u5929\uFF5E ------======= \u043D\u0435\u0449\u043E \u043D\u0430 \u0411\u044A\u043B\u0433\u0430\u0440\u0441\u043A\u0438"
            + " ''''''```````\"\"\"\"......!!!!!!?????? I've been 'told he's there, 'RE you sure? 'M not sure I'll make it, 'D you like some tea? We'Ve a'lL";

    private static final TokenizerDigests BUILT_IN = load();

    private final Map<String, String> names;

    /**
     * A table.
     *
     * @param names digest, as hexadecimal digits, to name
     */
    TokenizerDigests(Map<String, String> names) {
        this.names = Map.copyOf(names);
    }

    /** The built-in table. */
    static TokenizerDigests builtIn() {
        return BUILT_IN;
    }

    /** The name for a tokenizer. llama.cpp counts a beginning of sequence if the tokenizer puts one there; which of the added tokens that is need not be known. */
    Optional<String> find(TokenizerJson json, List<Merges.Merge> merges) {
        return new BytePairEncoder(json, merges).encode(TEXT).flatMap(ids -> {
            String list = ids.toString().substring(1);
            Stream<String> begun = json.addedTokens().stream().map(token -> "[" + token.id() + ", " + list);
            return Stream.concat(Stream.of("[" + list), begun).map(TokenizerDigests::digest).filter(names::containsKey).map(names::get).findFirst();
        });
    }

    private static String digest(String list) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(list.getBytes(StandardCharsets.US_ASCII)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private static TokenizerDigests load() {
        Map<String, String> names = new HashMap<>();
        try (InputStream in = TokenizerDigests.class.getResourceAsStream("tokenizer-digests.yaml")) {
            JsonNode table = new YAMLMapper().readTree(in);
            table.fields().forEachRemaining(entry -> entry.getValue().forEach(digest -> names.put(digest.asText(), entry.getKey())));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return new TokenizerDigests(names);
    }
}
