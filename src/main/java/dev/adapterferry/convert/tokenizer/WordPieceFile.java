package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Durable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * BERT's vocab.txt, one piece a line in order of ids, of models that were saved without a tokenizer.json.
 *
 * @param json   what transformers would write into a tokenizer.json: lower case, accents and special tokens as tokenizer_config.json says
 * @param config tokenizer_config.json, with BERT's own special tokens where it names none
 */
record WordPieceFile(TokenizerJson json, ObjectNode config) {
    private static final Map<String, String> USUAL = Map.of("unk_token", "[UNK]", "sep_token", "[SEP]", "pad_token", "[PAD]", "cls_token", "[CLS]", "mask_token", "[MASK]");

    /**
     * Reads it.
     *
     * @param file   vocab.txt
     * @param config tokenizer_config.json, if there is one
     * @return empty when it is a vocabulary of another kind: BERTweet and PhoBERT call theirs so too
     * @throws FerryException when it cannot be read
     */
    static Optional<WordPieceFile> read(Path file, Optional<ObjectNode> config) {
        List<String> lines;
        try {
            lines = Files.readString(file).lines().toList();
        } catch (IOException e) {
            throw new FerryException("Cannot read " + file + ": " + Durable.reason(e) + ".", e);
        }
        ObjectNode fields = config.map(ObjectNode::deepCopy).orElseGet(JsonNodeFactory.instance::objectNode);
        USUAL.forEach((token, text) -> {
            if (!fields.hasNonNull(token)) {
                fields.put(token, text);
            }
        });
        return lines.contains(text(fields, "unk_token")) && lines.contains(text(fields, "cls_token")) ? Optional.of(new WordPieceFile(new TokenizerJson(file, root(lines, fields)), fields)) : Optional.empty();
    }

    private static ObjectNode root(List<String> lines, ObjectNode config) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        ObjectNode vocabulary = root.putObject("model").put("type", "WordPiece").put("continuing_subword_prefix", "##").putObject("vocab");
        for (int id = 0; id < lines.size(); id++) {
            vocabulary.put(lines.get(id), id);
        }
        ArrayNode added = root.putArray("added_tokens");
        USUAL.keySet().stream().sorted().map(token -> text(config, token)).filter(vocabulary::has)
                .forEach(text -> added.addObject().put("id", vocabulary.get(text).intValue()).put("content", text).put("special", true));
        ObjectNode normalizer = root.putObject("normalizer").put("type", "BertNormalizer").put("lowercase", config.path("do_lower_case").asBoolean(true));
        if (config.path("strip_accents").isBoolean()) {
            normalizer.set("strip_accents", config.get("strip_accents"));
        }
        ObjectNode processor = root.putObject("post_processor").put("type", "TemplateProcessing");
        surround(processor.putArray("single"), config);
        ArrayNode pair = surround(processor.putArray("pair"), config);
        pair.addObject().putObject("Sequence").put("id", "B");
        special(pair, config, "sep_token");
        return root;
    }

    private static ArrayNode surround(ArrayNode list, ObjectNode config) {
        special(list, config, "cls_token");
        list.addObject().putObject("Sequence").put("id", "A");
        return special(list, config, "sep_token");
    }

    private static ArrayNode special(ArrayNode list, ObjectNode config, String token) {
        list.addObject().putObject("SpecialToken").put("id", text(config, token));
        return list;
    }

    private static String text(ObjectNode config, String token) {
        return BytePairFile.text(config.path(token));
    }
}
