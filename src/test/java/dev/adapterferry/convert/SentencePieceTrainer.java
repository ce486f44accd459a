package dev.adapterferry.convert;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Trains a small BPE vocabulary over characters as SentencePiece does, and writes it both as tokenizer.model and as the
 * tokenizer.json that transformers makes from one.
 */
final class SentencePieceTrainer {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final List<String> pieces = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private final Map<String, Float> scores = new LinkedHashMap<>();

    SentencePieceTrainer(String corpus, int merges) {
        for (int b = 0; b < 256; b++) {
            pieces.add("<0x%02X>".formatted(b));
        }
        Map<String, Integer> frequencies = new HashMap<>();
        for (String word : corpus.strip().split("\\s+")) {
            frequencies.merge("\u2581" + word, 1, Integer::sum);
        }
        List<List<String>> words = new ArrayList<>();
        List<Integer> weights = new ArrayList<>();
        frequencies.entrySet().stream().sorted(Map.Entry.comparingByKey()).forEach(e -> {
            words.add(new ArrayList<>(e.getKey().codePoints().mapToObj(Character::toString).toList()));
            weights.add(e.getValue());
        });
        List<String> characters = words.stream().flatMap(List::stream).distinct().sorted().toList();
        for (int m = 0; m < merges; m++) {
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
            String merged = best.get().getKey().replace(" ", "");
            if (!pieces.contains(merged)) {
                scores.put(merged, (float) -scores.size());
                pieces.add(merged);
            }
            String[] pair = best.get().getKey().split(" ");
            for (List<String> word : words) {
                for (int i = 0; i + 1 < word.size(); i++) {
                    if (word.get(i).equals(pair[0]) && word.get(i + 1).equals(pair[1])) {
                        word.set(i, merged);
                        word.remove(i + 1);
                    }
                }
            }
        }
        for (String character : characters) {
            scores.put(character, (float) -scores.size());
            pieces.add(character);
        }
        for (String piece : pieces) {
            ids.put(piece, ids.size());
        }
    }

    int size() {
        return pieces.size();
    }

    /** Writes tokenizer.model; field numbers as in sentencepiece_model.proto. */
    void writeModel(Path folder, boolean dummyPrefix) {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        for (int id = 0; id < pieces.size(); id++) {
            String text = pieces.get(id);
            ByteArrayOutputStream piece = new ByteArrayOutputStream();
            bytes(piece, 1, text.getBytes(StandardCharsets.UTF_8));
            piece.write(2 << 3 | 5);
            piece.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putFloat(scores.getOrDefault(text, 0f)).array());
            int type = id == 0 ? 2 : id < 3 ? 3 : id < 259 ? 6 : 1;
            if (type != 1) {
                piece.write(3 << 3);
                piece.write(type);
            }
            bytes(model, 1, piece.toByteArray());
        }
        // trainer_spec: an unknown field of each wire type, then model_type = BPE
        ByteArrayOutputStream trainer = new ByteArrayOutputStream();
        bytes(trainer, 1, "corpus.txt".getBytes(StandardCharsets.UTF_8));
        trainer.writeBytes(new byte[] {10 << 3 | 5, 0, 0, 0, 0, 12 << 3 | 1, 0, 0, 0, 0, 0, 0, 0, 0, 4 << 3, (byte) 0x80, 2, 3 << 3, 2});
        bytes(model, 2, trainer.toByteArray());
        bytes(model, 3, new byte[] {3 << 3, (byte) (dummyPrefix ? 1 : 0), 4 << 3, 0});
        write(folder.resolve("tokenizer.model"), model.toByteArray());
    }

    /**
     * Writes tokenizer.json.
     *
     * @param added further tokens; those in angle brackets are special
     */
    void writeJson(Path folder, boolean prefix, List<String> added) {
        try {
            ObjectNode root = JSON.createObjectNode();
            root.put("version", "1.0").putNull("truncation").putNull("padding");
            ArrayNode tokens = root.putArray("added_tokens");
            for (int i = 0; i < 3; i++) {
                addToken(tokens, i, pieces.get(i), true);
            }
            for (int i = 0; i < added.size(); i++) {
                addToken(tokens, size() + i, added.get(i), added.get(i).startsWith("<"));
            }
            root.set("normalizer", JSON.readTree("{\"type\":\"Sequence\",\"normalizers\":[" + (prefix ? "{\"type\":\"Prepend\",\"prepend\":\"\u2581\"}," : "")
                    + "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"\u2581\"}]}"));
            root.putNull("pre_tokenizer");
            root.set("post_processor", JSON.readTree("""
                    {"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],
                     "pair":[{"SpecialToken":{"id":"<s>","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"<s>","type_id":1}},{"Sequence":{"id":"B","type_id":1}}],
                     "special_tokens":{"<s>":{"id":"<s>","ids":[1],"tokens":["<s>"]}}}"""));
            root.set("decoder", JSON.readTree("{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{\"String\":\"\u2581\"},\"content\":\" \"},"
                    + "{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}"));
            ObjectNode model = root.putObject("model");
            model.put("type", "BPE").putNull("dropout").put("unk_token", "<unk>").putNull("continuing_subword_prefix").putNull("end_of_word_suffix")
                    .put("fuse_unk", true).put("byte_fallback", true).put("ignore_merges", false);
            ObjectNode vocab = model.putObject("vocab");
            ids.forEach(vocab::put);
            ArrayNode list = model.putArray("merges");
            merges().forEach(pair -> list.add(pair[0] + " " + pair[1]));
            write(folder.resolve("tokenizer.json"), JSON.writeValueAsBytes(root));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Every way to make a piece from two others, best piece first. */
    private List<String[]> merges() {
        List<String[]> merges = new ArrayList<>();
        scores.entrySet().stream().sorted(Map.Entry.<String, Float>comparingByValue().reversed()).forEach(e -> {
            String piece = e.getKey();
            for (int i = 1; i < piece.length(); i++) {
                if (ids.containsKey(piece.substring(0, i)) && ids.containsKey(piece.substring(i))) {
                    merges.add(new String[] {piece.substring(0, i), piece.substring(i)});
                }
            }
        });
        return merges;
    }

    private static void addToken(ArrayNode tokens, int id, String content, boolean special) {
        tokens.addObject().put("id", id).put("content", content).put("single_word", false).put("lstrip", false).put("rstrip", false)
                .put("normalized", false).put("special", special);
    }

    private static void bytes(ByteArrayOutputStream out, int field, byte[] content) {
        out.write(field << 3 | 2);
        int length = content.length;
        while (length > 127) {
            out.write(length & 127 | 128);
            length >>= 7;
        }
        out.write(length);
        out.writeBytes(content);
    }

    private static void write(Path file, byte[] content) {
        try {
            Files.write(file, content);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
