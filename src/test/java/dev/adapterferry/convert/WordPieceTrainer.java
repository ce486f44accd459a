package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** A WordPiece vocabulary of what is frequent in a text, as BERT's tokenizer.json: lower case, without accents. */
final class WordPieceTrainer {
    static final List<String> SPECIALS = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LONGEST = 6;

    private final Set<String> pieces = new LinkedHashSet<>(SPECIALS);
    private final boolean lowercase;

    /**
     * @param texts     what to count in
     * @param least     how often a piece of several letters must occur
     * @param lowercase whether letters are lowered and accents stripped
     */
    WordPieceTrainer(List<String> texts, int least, boolean lowercase) {
        this.lowercase = lowercase;
        Map<String, Integer> counts = new TreeMap<>();
        for (String text : texts) {
            String plain = lowercase ? Normalizer.normalize(text, Normalizer.Form.NFD).replaceAll("\\p{Mn}", "").toLowerCase(Locale.ROOT) : text;
            for (String word : plain.split("[\\s\\p{P}]+|(?<=\\p{IsHan})|(?=\\p{IsHan})")) {
                int[] letters = word.codePoints().toArray();
                for (int from = 0; from < letters.length; from++) {
                    for (int length = 1; length <= LONGEST && from + length <= letters.length; length++) {
                        counts.merge((from == 0 ? "" : "##") + new String(letters, from, length), 1, Integer::sum);
                    }
                }
            }
        }
        "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".chars().forEach(c -> pieces.add(Character.toString(c)));
        counts.forEach((text, count) -> {
            if (count >= least || text.replace("##", "").codePointCount(0, text.replace("##", "").length()) == 1) {
                pieces.add(text);
            }
        });
    }

    /** Number of tokens. */
    int size() {
        return pieces.size();
    }

    /** Writes vocab.txt, one piece a line. */
    void writeText(Path file) throws IOException {
        Files.writeString(file, String.join("\n", pieces) + "\n");
    }

    /** Writes tokenizer.json and tokenizer_config.json. */
    void write(Path folder) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        List<String> tokens = new ArrayList<>(pieces);
        for (String text : SPECIALS) {
            root.withArray("added_tokens").addObject().put("id", tokens.indexOf(text)).put("content", text).put("single_word", false).put("lstrip", false).put("rstrip", false)
                    .put("normalized", false).put("special", true);
        }
        root.putObject("normalizer").put("type", "BertNormalizer").put("clean_text", true).put("handle_chinese_chars", true).put("lowercase", lowercase).putNull("strip_accents");
        root.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
        root.set("post_processor", JSON.readTree("{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                + "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}}],\"pair\":[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"
                + "{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":0}},{\"Sequence\":{\"id\":\"B\",\"type_id\":1}},{\"SpecialToken\":{\"id\":\"[SEP]\",\"type_id\":1}}],\"special_tokens\":{"
                + "\"[CLS]\":{\"id\":\"[CLS]\",\"ids\":[2],\"tokens\":[\"[CLS]\"]},\"[SEP]\":{\"id\":\"[SEP]\",\"ids\":[3],\"tokens\":[\"[SEP]\"]}}}"));
        root.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
        ObjectNode model = root.putObject("model").put("type", "WordPiece").put("unk_token", "[UNK]").put("continuing_subword_prefix", "##").put("max_input_chars_per_word", 100);
        ObjectNode vocabulary = model.putObject("vocab");
        for (int id = 0; id < tokens.size(); id++) {
            vocabulary.put(tokens.get(id), id);
        }
        Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\":\"BertTokenizer\",\"cls_token\":\"[CLS]\",\"sep_token\":\"[SEP]\",\"unk_token\":\"[UNK]\",\"pad_token\":\"[PAD]\","
                + "\"mask_token\":\"[MASK]\",\"do_lower_case\":" + lowercase + "}");
    }
}
