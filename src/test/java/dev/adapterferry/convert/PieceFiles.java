package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * The tokenizer files of T5 and of XLM-RoBERTa over a vocabulary of one's own: SentencePiece's model as it was trained, and the tokenizer.json that
 * transformers made of it, with ids, special tokens and steps as in the released ones.
 */
final class PieceFiles {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int NORMAL = 1;
    private static final int UNKNOWN = 2;
    private static final int CONTROL = 3;
    private static final int SENTINELS = 100;

    private final Map<String, Double> pieces;
    private final byte[] charsmap;

    /**
     * @param pieces   with their scores, blanks as U+2581
     * @param charsmap compiled normalization
     */
    PieceFiles(Map<String, Double> pieces, byte[] charsmap) {
        this.pieces = pieces;
        this.charsmap = charsmap;
    }

    /** Ids of T5: the pieces and what stands before and behind them. */
    int t5Size() {
        return 3 + pieces.size() + SENTINELS;
    }

    /** Ids of XLM-RoBERTa: the pieces and what stands before and behind them. */
    int xlmRobertaSize() {
        return 4 + pieces.size() + 1;
    }

    /** {@code spiece.model}, as T5 has it. */
    void t5Model(Path folder) throws IOException {
        write(folder.resolve("spiece.model"), List.of("<pad>", "</s>", "<unk>"), new int[] {CONTROL, CONTROL, UNKNOWN});
    }

    /** {@code sentencepiece.bpe.model}, as XLM-RoBERTa has it; its ids are not the model's. */
    void xlmRobertaModel(Path folder) throws IOException {
        write(folder.resolve("sentencepiece.bpe.model"), List.of("<unk>", "<s>", "</s>"), new int[] {UNKNOWN, CONTROL, CONTROL});
    }

    /**
     * T5's tokenizer.json.
     *
     * @param older cut at blanks, as the files of 2020 do it; false for blanks put together by a step of the normalizer, as transformers does it now
     */
    void t5Json(Path folder, boolean older) throws IOException {
        List<String> sentinels = new ArrayList<>();
        for (int i = SENTINELS - 1; i >= 0; i--) {
            sentinels.add("<extra_id_" + i + ">");
        }
        ObjectNode root = json(List.of("<pad>", "</s>", "<unk>"), 2, sentinels, older);
        root.set("post_processor", JSON.readTree("{\"type\":\"TemplateProcessing\",\"single\":[" + sequence("A") + "," + special("</s>") + "],\"pair\":[" + sequence("A") + "," + special("</s>") + "," + sequence("B") + ","
                + special("</s>") + "],\"special_tokens\":{\"</s>\":{\"id\":\"</s>\",\"ids\":[1],\"tokens\":[\"</s>\"]}}}"));
        Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
    }

    /** XLM-RoBERTa's tokenizer.json; {@code older} as in {@link #t5Json}. */
    void xlmRobertaJson(Path folder, boolean older) throws IOException {
        ObjectNode root = json(List.of("<s>", "<pad>", "</s>", "<unk>"), 3, List.of("<mask>"), older);
        root.set("post_processor", JSON.readTree("{\"type\":\"TemplateProcessing\",\"single\":[" + special("<s>") + "," + sequence("A") + "," + special("</s>") + "],\"pair\":[" + special("<s>") + "," + sequence("A") + ","
                + special("</s>") + "," + special("</s>") + "," + sequence("B") + "," + special("</s>") + "],\"special_tokens\":{\"<s>\":{\"id\":\"<s>\",\"ids\":[0],\"tokens\":[\"<s>\"]},"
                + "\"</s>\":{\"id\":\"</s>\",\"ids\":[2],\"tokens\":[\"</s>\"]}}}"));
        Files.write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
    }

    private ObjectNode json(List<String> first, int unknown, List<String> last, boolean older) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        for (int id = 0; id < first.size(); id++) {
            add(added, id, first.get(id));
        }
        for (int i = 0; i < last.size(); i++) {
            add(added, first.size() + pieces.size() + i, last.get(i));
        }
        String compiled = "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"" + Base64.getEncoder().encodeToString(charsmap) + "\"}";
        String blanks = "{\"type\":\"Metaspace\",\"replacement\":\"\u2581\",\"prepend_scheme\":\"always\",\"split\":true}";
        root.set("normalizer", JSON.readTree(older ? compiled : "{\"type\":\"Sequence\",\"normalizers\":[" + compiled + ",{\"type\":\"Strip\",\"strip_left\":false,\"strip_right\":true},"
                + "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\" {2,}\"},\"content\":\"\u2581\"}]}"));
        root.set("pre_tokenizer", JSON.readTree(older ? "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"}," + blanks + "]}" : blanks));
        root.putNull("decoder");
        ArrayNode vocabulary = root.putObject("model").put("type", "Unigram").put("unk_id", unknown).put("byte_fallback", false).putArray("vocab");
        first.forEach(text -> vocabulary.addArray().add(text).add(0.0));
        pieces.forEach((text, score) -> vocabulary.addArray().add(text).add(score.floatValue()));
        last.forEach(text -> vocabulary.addArray().add(text).add(0.0));
        return root;
    }

    private static void add(ArrayNode added, int id, String text) {
        added.addObject().put("id", id).put("content", text).put("single_word", false).put("lstrip", false).put("rstrip", false).put("normalized", false).put("special", true);
    }

    private static String sequence(String id) {
        return "{\"Sequence\":{\"id\":\"" + id + "\",\"type_id\":0}}";
    }

    private static String special(String id) {
        return "{\"SpecialToken\":{\"id\":\"" + id + "\",\"type_id\":0}}";
    }

    /** Field numbers as in sentencepiece_model.proto. */
    private void write(Path file, List<String> first, int... kinds) throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        for (int id = 0; id < first.size(); id++) {
            field(model, 1, piece(first.get(id), 0, kinds[id]));
        }
        pieces.forEach((text, score) -> field(model, 1, piece(text, score.floatValue(), NORMAL)));
        // trainer_spec: model_type is unigram.
        field(model, 2, new byte[] {3 << 3, 1});
        ByteArrayOutputStream normalizer = new ByteArrayOutputStream();
        field(normalizer, 1, "nmt_nfkc".getBytes(StandardCharsets.UTF_8));
        field(normalizer, 2, charsmap);
        normalizer.writeBytes(new byte[] {3 << 3, 1, 4 << 3, 1});
        field(model, 3, normalizer.toByteArray());
        Files.write(file, model.toByteArray());
    }

    private static byte[] piece(String text, float score, int kind) {
        ByteArrayOutputStream piece = new ByteArrayOutputStream();
        field(piece, 1, text.getBytes(StandardCharsets.UTF_8));
        piece.write(2 << 3 | 5);
        piece.writeBytes(ByteBuffer.allocate(Float.BYTES).order(ByteOrder.LITTLE_ENDIAN).putFloat(score).array());
        if (kind != NORMAL) {
            piece.write(3 << 3);
            piece.write(kind);
        }
        return piece.toByteArray();
    }

    private static void field(ByteArrayOutputStream out, int number, byte[] content) {
        out.write(number << 3 | 2);
        for (int length = content.length; ; length >>>= 7) {
            out.write(length > 127 ? length & 127 | 128 : length);
            if (length <= 127) {
                break;
            }
        }
        out.writeBytes(content);
    }
}
