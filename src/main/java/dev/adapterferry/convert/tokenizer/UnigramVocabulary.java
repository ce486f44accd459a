package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.gguf.GgufMetadata.Value;
import dev.adapterferry.gguf.GgufMetadata.ValueType;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * Unigram vocabularies (T5, XLM-RoBERTa): GGUF model {@code t5}, with what becomes of a text before it is cut: SentencePiece's compiled normalization, runs of
 * blanks, a blank in front.
 */
final class UnigramVocabulary {
    private static final int SENTINELS = 100;

    private UnigramVocabulary() { }

    /**
     * Writes model, tokens and normalization of a tokenizer.json.
     *
     * @param model   name of the checkpoint, for messages
     * @param rows    rows of the embedding
     * @param special gets to know the unknown token
     */
    static void write(String model, TokenizerJson json, int rows, SpecialTokens special, GgufMetadata into) {
        int unknown = json.model().path("unk_id").asInt(-1);
        if (unknown >= 0) {
            special.setIfAbsent("unk", unknown);
        }
        boolean splits = splitsAtBlanks(json.preTokenizer());
        byte[] charsmap = charsmap(json, json.normalizer());
        // Newer tokenizers cut at tabs, line ends and other blanks by themselves, where older ones have them made plain by their rules; llama.cpp cuts at plain ones.
        write(model, MergedPieces.unigrams(model, json, rows), json.prependsBlank(), trimsBlanks(json.normalizer()) || splits, splits && charsmap.length == 0 ? CharacterRules.blanks() : charsmap, into);
    }

    /** The same of SentencePiece's own file, whose pieces are in the vocabulary already. */
    static void write(String model, SentencePieceModel pieces, Vocabulary vocabulary, SpecialTokens special, GgufMetadata into) {
        pieces.unknown().ifPresent(id -> special.setIfAbsent("unk", id));
        write(model, vocabulary, pieces.dummyPrefix(), pieces.trimsBlanks(), pieces.charsmap(), into);
    }

    /** What T5's tokenizer puts behind its pieces, as marks for what is left out of a text: {@code <extra_id_99>} down to {@code <extra_id_0>}. */
    static void nameSentinels(Vocabulary vocabulary, int pieces, Optional<ObjectNode> tokenizerConfig) {
        int count = tokenizerConfig.map(fields -> fields.path("extra_ids").asInt(SENTINELS)).orElse(SENTINELS);
        for (int i = 0; i < count && pieces + i < vocabulary.size(); i++) {
            String text = "<extra_id_" + (count - 1 - i) + ">";
            if (vocabulary.isFree(pieces + i) && vocabulary.find(text).isEmpty()) {
                vocabulary.set(pieces + i, text, 0, TokenType.CONTROL);
            }
        }
    }

    private static void write(String model, Vocabulary vocabulary, boolean prefix, boolean trimsBlanks, byte[] charsmap, GgufMetadata into) {
        into.putString("tokenizer.ggml.model", "t5").putString("tokenizer.ggml.pre", "default");
        vocabulary.write(into, true);
        into.putBool("tokenizer.ggml.add_space_prefix", prefix).putBool("tokenizer.ggml.remove_extra_whitespaces", trimsBlanks);
        if (charsmap.length > 0) {
            requireWhole(model, charsmap);
            List<Long> bytes = new ArrayList<>(charsmap.length);
            for (byte b : charsmap) {
                bytes.add((long) (b & 0xFF));
            }
            into.put("tokenizer.ggml.precompiled_charsmap", new Value(ValueType.ARRAY, ValueType.UINT8, bytes));
        }
    }

    /** llama.cpp believes the length of the trie that stands in front of it, and reads that far. */
    private static void requireWhole(String model, byte[] charsmap) {
        long trie = charsmap.length < Integer.BYTES ? -1 : Integer.toUnsignedLong(ByteBuffer.wrap(charsmap).order(ByteOrder.LITTLE_ENDIAN).getInt());
        if (trie < 0 || trie % Integer.BYTES != 0 || trie > charsmap.length - Integer.BYTES) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": its compiled normalization (precompiled_charsmap) has " + charsmap.length + " bytes"
                    + (trie < 0 ? "" : " and says that " + trie + " follow the first four") + ": it is cut short. Take the tokenizer files from the base model again.");
        }
    }

    /** SentencePiece's compiled normalization rules, wherever they stand in a tokenizer.json. */
    private static byte[] charsmap(TokenizerJson json, JsonNode normalizer) {
        if (normalizer.path("precompiled_charsmap").isTextual()) {
            try {
                return Base64.getDecoder().decode(normalizer.get("precompiled_charsmap").asText());
            } catch (IllegalArgumentException e) {
                throw json.wrong("'precompiled_charsmap' is no base64");
            }
        }
        for (JsonNode inner : normalizer.path("normalizers")) {
            byte[] found = charsmap(json, inner);
            if (found.length > 0) {
                return found;
            }
        }
        return new byte[0];
    }

    /** XLM-RoBERTa and T5 cut at blanks of any kind and number, which leaves none over. */
    private static boolean splitsAtBlanks(JsonNode preTokenizer) {
        if (preTokenizer.path("type").asText().equals("WhitespaceSplit")) {
            return true;
        }
        for (JsonNode inner : preTokenizer.path("pretokenizers")) {
            if (splitsAtBlanks(inner)) {
                return true;
            }
        }
        return false;
    }

    private static boolean trimsBlanks(JsonNode normalizer) {
        if (normalizer.path("type").asText().equals("Replace") && normalizer.path("pattern").path("Regex").asText().startsWith(" {2,}")) {
            return true;
        }
        for (JsonNode inner : normalizer.path("normalizers")) {
            if (trimsBlanks(inner)) {
                return true;
            }
        }
        return false;
    }
}
