package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * The vocab.json and merges.txt of byte-level BPE, of models that were saved without a tokenizer.json (by transformers' tokenizers in Python). They do not say how text
 * is cut before it is merged: the class of the tokenizer does, and so only known ones are read.
 *
 * @param json   what transformers would write into a tokenizer.json; its merges stay in merges.txt
 * @param config tokenizer_config.json, with the class's own special tokens where it names none
 */
record BytePairFile(TokenizerJson json, ObjectNode config) {
    private static final String END = "<|endoftext|>";
    private static final Map<String, String> GPT2 = Map.of("bos_token", END, "eos_token", END, "unk_token", END);
    /** Special tokens where tokenizer_config.json names none, as the classes in transformers have them. */
    private static final Map<String, Map<String, String>> USUAL = Map.of("GPT2Tokenizer", GPT2, "CodeGenTokenizer", GPT2,
            "Qwen2Tokenizer", Map.of("eos_token", END, "unk_token", END, "pad_token", END),
            "RobertaTokenizer", Map.of("bos_token", "<s>", "eos_token", "</s>", "sep_token", "</s>", "cls_token", "<s>", "unk_token", "<unk>", "pad_token", "<pad>", "mask_token", "<mask>"));
    /** The class of the tokenizer by model_type, where tokenizer_config.json is of a time when it did not name it. */
    private static final Map<String, String> BY_MODEL = Map.of("gpt2", "GPT2Tokenizer", "gpt_bigcode", "GPT2Tokenizer", "phi", "CodeGenTokenizer", "qwen2", "Qwen2Tokenizer",
            "qwen2_moe", "Qwen2Tokenizer", "qwen3", "Qwen2Tokenizer", "qwen3_moe", "Qwen2Tokenizer", "roberta", "RobertaTokenizer");

    /**
     * Reads it.
     *
     * @param files  gives the files beside the checkpoint by name
     * @param config tokenizer_config.json, if there is one
     * @param model  config.json
     * @return empty where there is no such pair of files, another vocabulary goes before it, or the class is none of those that are known
     */
    static Optional<BytePairFile> read(Function<String, Optional<Path>> files, Optional<ObjectNode> config, ObjectNode model) {
        Optional<Path> vocabulary = files.apply("vocab.json");
        if (vocabulary.isEmpty() || files.apply("merges.txt").isEmpty() || files.apply("tokenizer.model").isPresent()) {
            return Optional.empty();
        }
        String kind = config.map(BytePairFile::kind).filter(name -> !name.isEmpty()).orElseGet(() -> BY_MODEL.getOrDefault(model.path("model_type").asText(), ""));
        if (!USUAL.containsKey(kind)) {
            return Optional.empty();
        }
        ObjectNode fields = config.map(ObjectNode::deepCopy).orElseGet(JsonNodeFactory.instance::objectNode);
        USUAL.get(kind).forEach((token, text) -> {
            if (!fields.has(token)) {
                fields.put(token, text);
            }
        });
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.putObject("model").put("type", "BPE").set("vocab", CheckpointFolder.readObject(vocabulary.get()));
        cutting(root, kind);
        if (kind.equals("RobertaTokenizer")) {
            ObjectNode processor = root.putObject("post_processor").put("type", "RobertaProcessing");
            processor.putArray("sep").add(text(fields.path("sep_token")));
            processor.putArray("cls").add(text(fields.path("cls_token")));
        }
        added(root, fields, NamedTokens.of(config, files.apply("added_tokens.json")));
        return Optional.of(new BytePairFile(new TokenizerJson(vocabulary.get(), root), fields));
    }

    /** What a message says of a vocabulary that was not read; empty where there is none. */
    static String remark(Function<String, Optional<Path>> files, Optional<ObjectNode> config) {
        return files.apply("vocab.json").isEmpty() ? "" : " vocab.json alone does not say how text is cut"
                + config.map(BytePairFile::kind).filter(name -> !name.isEmpty()).map(name -> ", and " + name + " is none of the classes whose way is known here (" + String.join(", ", USUAL.keySet().stream().sorted().toList()) + ")").orElse("") + ".";
    }

    /** GPT-2's letters and digits, or Qwen's, whose text is composed first. */
    private static void cutting(ObjectNode root, String kind) {
        if (kind.equals("Qwen2Tokenizer")) {
            root.putObject("normalizer").put("type", "NFC");
            ArrayNode steps = root.putObject("pre_tokenizer").put("type", "Sequence").putArray("pretokenizers");
            ObjectNode split = steps.addObject().put("type", "Split").put("behavior", "Isolated").put("invert", false);
            split.putObject("pattern").put("Regex", PreTokenizers.builtIn().expression("qwen2"));
            steps.addObject().put("type", "ByteLevel").put("add_prefix_space", false).put("use_regex", false);
        } else {
            root.putObject("pre_tokenizer").put("type", "ByteLevel").put("use_regex", true);
        }
    }

    /** Those that are named with ids, and special ones that stand in the vocabulary itself. */
    private static void added(ObjectNode root, ObjectNode config, List<TokenizerJson.AddedToken> named) {
        JsonNode vocabulary = root.at("/model/vocab");
        Set<String> special = Stream.concat(List.of("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token").stream().map(config::path),
                StreamSupport.stream(config.path("additional_special_tokens").spliterator(), false)).map(BytePairFile::text).filter(text -> !text.isEmpty()).collect(Collectors.toSet());
        Map<Integer, TokenizerJson.AddedToken> tokens = new TreeMap<>();
        special.stream().filter(text -> vocabulary.path(text).isInt()).forEach(text -> tokens.put(vocabulary.get(text).intValue(), new TokenizerJson.AddedToken(vocabulary.get(text).intValue(), text, true)));
        named.forEach(token -> tokens.put(token.id(), new TokenizerJson.AddedToken(token.id(), token.content(), token.special() || special.contains(token.content()))));
        ArrayNode list = root.putArray("added_tokens");
        tokens.values().forEach(token -> list.addObject().put("id", token.id()).put("content", token.content()).put("special", token.special()));
    }

    private static String kind(ObjectNode config) {
        return config.path("tokenizer_class").asText().replaceFirst("Fast$", "");
    }

    /** The text of a special token, given as such or as an object. */
    static String text(JsonNode token) {
        return token.isObject() ? token.path("content").asText() : token.asText("");
    }
}
