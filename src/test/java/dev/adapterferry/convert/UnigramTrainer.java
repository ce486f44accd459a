package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;

/** A unigram vocabulary of what is frequent in a text, with the logarithm of how frequent, as tokenizer.json. */
final class UnigramTrainer {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LONGEST = 6;

    private final Map<String, Integer> counts = new TreeMap<>();

    UnigramTrainer(List<String> texts) {
        for (String text : texts) {
            for (String word : text.split("\\s+")) {
                int[] letters = ("\u2581" + word).codePoints().toArray();
                for (int from = 0; from < letters.length; from++) {
                    for (int length = 1; length <= LONGEST && from + length <= letters.length; length++) {
                        counts.merge(new String(letters, from, length), 1, Integer::sum);
                    }
                }
            }
        }
        // "=" and "==" would spell "===" in two ways that are equally likely; which of them wins is nobody's definition.
        counts.keySet().removeIf(text -> text.codePoints().distinct().count() < text.codePointCount(0, text.length()));
        counts.entrySet().removeIf(e -> e.getKey().codePointCount(0, e.getKey().length()) > 1 && e.getValue() < 12);
    }

    /** Pieces with the logarithm of how frequent they are; blanks as U+2581. */
    Map<String, Double> scores() {
        double all = counts.values().stream().mapToInt(n -> n).sum();
        // As above, no two pieces are equally likely.
        Random noise = new Random(3);
        Map<String, Double> scores = new LinkedHashMap<>();
        counts.forEach((text, count) -> scores.put(text, Math.log(count / all) - noise.nextDouble() / 10));
        return scores;
    }

    /**
     * Writes the file.
     *
     * @return number of tokens
     */
    int write(Path file, boolean trimmedWithBlankInFront) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (String text : List.of("<pad>", "</s>", "<unk>")) {
            int id = added.size();
            added.addObject().put("id", id).put("content", text).put("single_word", false).put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", true);
        }
        root.set("normalizer", trimmedWithBlankInFront ? JSON.readTree("{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true},"
                + "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\" \"}]}") : null);
        root.set("pre_tokenizer", JSON.createObjectNode().put("type", "Metaspace").put("replacement", "\u2581").put("prepend_scheme", trimmedWithBlankInFront ? "always" : "never").put("split", true));
        root.putNull("post_processor").putNull("decoder");
        ObjectNode model = root.putObject("model").put("type", "Unigram").put("unk_id", 2).put("byte_fallback", false);
        ArrayNode vocabulary = model.putArray("vocab");
        List.of("<pad>", "</s>", "<unk>").forEach(text -> vocabulary.addArray().add(text).add(0.0));
        scores().forEach((text, score) -> vocabulary.addArray().add(text).add(score));
        Files.write(file, JSON.writeValueAsBytes(root));
        return vocabulary.size();
    }
}
