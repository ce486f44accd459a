package dev.adapterferry.demo;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Learns a byte-level BPE vocabulary from texts and writes it as Qwen2's {@code tokenizer.json}: NFC, Qwen2's split
 * pattern, GPT-2's byte alphabet, ChatML markers at the end.
 */
final class BytePairTrainer {
    static final String QWEN2_SPLIT = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
    static final List<String> MARKERS = List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>");

    private final Map<List<String>, Integer> words = new LinkedHashMap<>();
    private final List<String> merges = new ArrayList<>();
    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();

    /**
     * Learns.
     *
     * @param texts what the vocabulary is for
     * @param size  tokens in all, markers included
     */
    BytePairTrainer(List<String> texts, int size) {
        Pattern split = Pattern.compile(QWEN2_SPLIT, Pattern.UNICODE_CHARACTER_CLASS);
        for (String text : texts) {
            Matcher word = split.matcher(text);
            while (word.find()) {
                words.merge(letters(word.group()), 1, Integer::sum);
            }
        }
        alphabet().forEach(letter -> vocabulary.put(letter, vocabulary.size()));
        while (vocabulary.size() < size - MARKERS.size() && mergeMostFrequent()) {
            // One merge per round, as BPE goes.
        }
    }

    private boolean mergeMostFrequent() {
        Map<String, Integer> pairs = new TreeMap<>();
        words.forEach((word, count) -> {
            for (int i = 0; i + 1 < word.size(); i++) {
                pairs.merge(word.get(i) + " " + word.get(i + 1), count, Integer::sum);
            }
        });
        var best = pairs.entrySet().stream().max(Map.Entry.<String, Integer>comparingByValue().thenComparing(Map.Entry.comparingByKey(Comparator.reverseOrder())));
        if (best.isEmpty() || best.get().getValue() < 2) {
            return false;
        }
        String[] pair = best.get().getKey().split(" ");
        merges.add(best.get().getKey());
        vocabulary.putIfAbsent(pair[0] + pair[1], vocabulary.size());
        Map<List<String>, Integer> merged = new LinkedHashMap<>();
        words.forEach((word, count) -> merged.merge(merge(word, pair[0], pair[1]), count, Integer::sum));
        words.clear();
        words.putAll(merged);
        return true;
    }

    private static List<String> merge(List<String> word, String left, String right) {
        List<String> merged = new ArrayList<>();
        for (int i = 0; i < word.size(); i++) {
            boolean here = i + 1 < word.size() && word.get(i).equals(left) && word.get(i + 1).equals(right);
            merged.add(here ? left + right : word.get(i));
            i += here ? 1 : 0;
        }
        return merged;
    }

    /** GPT-2's alphabet: printable bytes are themselves, the other 68 follow from U+0100, in order of the bytes' ids. */
    private static List<String> alphabet() {
        List<String> printable = new ArrayList<>();
        List<String> others = new ArrayList<>();
        for (int b = 0; b < 256; b++) {
            (letter(b).codePointAt(0) < 256 ? printable : others).add(letter(b));
        }
        printable.addAll(others);
        return printable;
    }

    private static String letter(int b) {
        if (b >= '!' && b <= '~' || b >= 0xA1 && b != 0xAD) {
            return Character.toString(b);
        }
        return Character.toString(256 + (b <= ' ' ? b : b == 0xAD ? 67 : b - 0x7F + 33));
    }

    private static List<String> letters(String word) {
        List<String> letters = new ArrayList<>();
        for (byte b : word.getBytes(StandardCharsets.UTF_8)) {
            letters.add(letter(b & 0xFF));
        }
        return letters;
    }

    /** Number of tokens without markers; the markers' ids follow. */
    int size() {
        return vocabulary.size();
    }

    /** The whole {@code tokenizer.json}. */
    ObjectNode json() {
        ObjectNode root = new ObjectMapper().createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int i = 0; i < MARKERS.size(); i++) {
            added.addObject().put("id", size() + i).put("content", MARKERS.get(i)).put("single_word", false).put("lstrip", false)
                    .put("rstrip", false).put("normalized", false).put("special", true);
        }
        root.putObject("normalizer").put("type", "NFC");
        ArrayNode steps = root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
        ObjectNode split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", QWEN2_SPLIT);
        split.put("behavior", "Isolated").put("invert", false);
        byteLevel(steps.addObject());
        byteLevel(root.putObject("post_processor"));
        byteLevel(root.putObject("decoder"));
        ObjectNode model = root.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token").put("continuing_subword_prefix", "")
                .put("end_of_word_suffix", "").put("fuse_unk", false).put("byte_fallback", false);
        ObjectNode vocab = model.putObject("vocab");
        vocabulary.forEach(vocab::put);
        ArrayNode list = model.putArray("merges");
        merges.forEach(list::add);
        return root;
    }

    private static void byteLevel(ObjectNode node) {
        node.put("type", "ByteLevel").put("add_prefix_space", false).put("trim_offsets", false).put("use_regex", false);
    }
}
