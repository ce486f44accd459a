package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/** Trains a small byte-level BPE vocabulary and writes it as tokenizer.json, as Hugging Face's tokenizers would. */
public final class ByteBpeTrainer {
    private static final ObjectMapper JSON = new ObjectMapper();
    /** Good enough to keep merges inside words; the tokenizers under test cut by their own expressions. */
    private static final Pattern WORDS = Pattern.compile(" ?\\p{L}+| ?[^\\s\\p{L}\\p{N}]+|\\s+");

    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final List<String[]> merges = new ArrayList<>();

    /** Trains on words. */
    ByteBpeTrainer(String corpus, int count) {
        this(WORDS.matcher(corpus).results().map(MatchResult::group).toList(), count);
    }

    /**
     * Trains.
     *
     * @param pieces what it may learn merges within
     * @param count  number of merges
     */
    public ByteBpeTrainer(List<String> pieces, int count) {
        for (int b = 0; b < 256; b++) {
            ids.put(letter(b), b);
        }
        Map<String, Integer> frequencies = new HashMap<>();
        pieces.forEach(piece -> frequencies.merge(spelled(piece), 1, Integer::sum));
        List<List<String>> words = new ArrayList<>();
        List<Integer> weights = new ArrayList<>();
        frequencies.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(e -> {
            words.add(new ArrayList<>(e.getKey().codePoints().mapToObj(Character::toString).toList()));
            weights.add(e.getValue());
        });
        for (int m = 0; m < count; m++) {
            Map<String, Integer> pairs = new HashMap<>();
            for (int w = 0; w < words.size(); w++) {
                for (int i = 0; i + 1 < words.get(w).size(); i++) {
                    pairs.merge(words.get(w).get(i) + " " + words.get(w).get(i + 1), weights.get(w), Integer::sum);
                }
            }
            var best = pairs.entrySet().stream().max(Comparator.comparingInt((Map.Entry<String, Integer> e) -> e.getValue()).thenComparing(Map.Entry::getKey));
            if (best.isEmpty()) {
                break;
            }
            String[] pair = best.get().getKey().split(" ");
            merges.add(pair);
            ids.putIfAbsent(pair[0] + pair[1], ids.size());
            for (List<String> word : words) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    if (word.get(i).equals(pair[0]) && word.get(i + 1).equals(pair[1])) {
                        word.set(i, pair[0] + pair[1]);
                        word.remove(i + 1);
                    }
                }
            }
        }
    }

    /** Tokens of the model itself; added tokens take the ids from here on. */
    public int size() {
        return ids.size();
    }

    /**
     * Writes tokenizer.json.
     *
     * @param preTokenizer JSON of pre_tokenizer
     * @param mergesAsPairs the newer notation of merges
     * @param ignoreMerges value of ignore_merges
     * @param added        text of added tokens; those in angle brackets are special
     */
    public void write(Path folder, String preTokenizer, String postProcessor, boolean mergesAsPairs, boolean ignoreMerges, List<String> added) {
        try {
            ObjectNode root = JSON.createObjectNode();
            root.put("version", "1.0").putNull("truncation").putNull("padding");
            ArrayNode tokens = root.putArray("added_tokens");
            for (int i = 0; i < added.size(); i++) {
                tokens.addObject().put("id", size() + i).put("content", added.get(i)).put("single_word", false).put("lstrip", false).put("rstrip", false)
                        .put("normalized", false).put("special", added.get(i).startsWith("<"));
            }
            root.putNull("normalizer");
            root.set("pre_tokenizer", JSON.readTree(preTokenizer));
            root.set("post_processor", JSON.readTree(postProcessor));
            root.set("decoder", JSON.readTree("{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true,\"use_regex\":true}"));
            ObjectNode model = root.putObject("model");
            model.put("type", "BPE").putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix").putNull("end_of_word_suffix")
                    .put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", ignoreMerges);
            ObjectNode vocab = model.putObject("vocab");
            ids.forEach(vocab::put);
            ArrayNode list = model.putArray("merges");
            merges.forEach(pair -> {
                if (mergesAsPairs) {
                    list.addArray().add(pair[0]).add(pair[1]);
                } else {
                    list.add(pair[0] + " " + pair[1]);
                }
            });
            Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes the tokens as tiktoken does: base64, a space, the rank. */
    void writeRanks(Path file) throws IOException {
        Map<Character, Integer> bytes = new HashMap<>();
        for (int b = 0; b < 256; b++) {
            bytes.put(letter(b).charAt(0), b);
        }
        StringBuilder lines = new StringBuilder();
        ids.forEach((text, id) -> {
            byte[] token = new byte[text.length()];
            for (int i = 0; i < token.length; i++) {
                token[i] = bytes.get(text.charAt(i)).byteValue();
            }
            lines.append(Base64.getEncoder().encodeToString(token)).append(' ').append(id).append('\n');
        });
        Files.writeString(file, lines);
    }

    private static String spelled(String text) {
        StringBuilder letters = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            letters.append(letter(b & 0xFF));
        }
        return letters.toString();
    }

    /** GPT-2's printable stand-in for a byte: itself where it is printable, else U+0100 onwards in order. */
    private static String letter(int b) {
        int unprintable = 0;
        for (int i = 0; i <= b; i++) {
            boolean printable = i >= '!' && i <= '~' || i >= 0xA1 && i <= 0xAC || i >= 0xAE;
            if (i == b) {
                return Character.toString(printable ? b : 256 + unprintable);
            }
            unprintable += printable ? 0 : 1;
        }
        throw new IllegalStateException();
    }
}
