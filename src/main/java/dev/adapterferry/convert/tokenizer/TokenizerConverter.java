package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Writes the {@code tokenizer.*} keys of a checkpoint. What the files hold decides between llama.cpp's tokenizers:
 * byte-level BPE ({@code gpt2}; from tokenizer.json, vocab.json with merges.txt, or a tiktoken file), SentencePiece BPE ({@code llama}), unigram ({@code t5}), WordPiece
 * ({@code bert}), and RWKV's longest match ({@code rwkv}).
 */
public final class TokenizerConverter {
    /** Kinds that take tokenizer.json even where a tokenizer.model lies beside it. */
    private static final Set<String> JSON_FIRST = Set.of("bpe", "bert", "unigram", "t5", "chatglm", "glm4", "glm4moe", "gemma4", "hunyuan", "hunyuan-dense", "solar");

    private final String model;
    private final Function<String, Optional<Path>> files;
    private final ObjectNode config;
    private final Optional<ObjectNode> tokenizerConfig;
    private final Optional<TokenizerJson> json;

    /**
     * @param model  name of the checkpoint, for messages
     * @param files  gives the files beside the checkpoint by name
     * @param config config.json
     * @throws FerryException when tokenizer.json or tokenizer_config.json is malformed
     */
    public TokenizerConverter(String model, Function<String, Optional<Path>> files, ObjectNode config) {
        this.model = model;
        this.files = files;
        this.config = config;
        Optional<ObjectNode> given = files.apply("tokenizer_config.json").map(CheckpointFolder::readObject);
        Optional<TokenizerJson> whole = files.apply("tokenizer.json").map(TokenizerJson::new);
        Optional<WordPieceFile> words = whole.isPresent() ? Optional.empty() : files.apply("vocab.txt").flatMap(file -> WordPieceFile.read(file, given));
        Optional<BytePairFile> pairs = whole.isPresent() || words.isPresent() ? Optional.empty() : BytePairFile.read(files, given, config);
        this.tokenizerConfig = words.map(WordPieceFile::config).or(() -> pairs.map(BytePairFile::config)).or(() -> given);
        this.json = words.map(WordPieceFile::json).or(() -> pairs.map(BytePairFile::json)).or(() -> whole);
    }

    /**
     * What was written.
     *
     * @param model        GGUF tokenizer model: {@code gpt2}, {@code llama}, {@code t5}, {@code bert}, {@code gemma4}, {@code rwkv}
     * @param pre          pre-tokenizer name
     * @param tokens       number of tokens
     * @param chatTemplate whether the model has a chat template
     */
    public record Result(String model, String pre, int tokens, boolean chatTemplate) { }

    /**
     * Writes the vocabulary, special ids and chat templates.
     *
     * @param kind what the architecture expects: {@code bpe}, {@code spm}, {@code spm-or-bpe}, {@code llama}, {@code phi3}, {@code internlm2}, {@code glm4},
     *             {@code glm4moe}, {@code ernie}, {@code gemma4}, {@code bert}, {@code unigram} (XLM-RoBERTa), {@code t5}, {@code qwen}, {@code rwkv}, {@code chatglm},
     *             {@code hunyuan}, {@code hunyuan-dense}, {@code solar}
     * @param rows rows of the embedding; the token list gets exactly as many entries
     * @param into receives the keys
     * @throws FerryException when the tokenizer is missing, malformed, or cannot be carried over faithfully
     */
    public Result write(String kind, int rows, GgufMetadata into) {
        if (kind.equals("llama") || kind.equals("ernie")) {
            tokenizerConfig.map(c -> c.get("add_prefix_space")).filter(JsonNode::isBoolean)
                    .ifPresent(flag -> into.putBool("tokenizer.ggml.add_space_prefix", flag.booleanValue()));
        }
        Optional<Path> scored = kind.equals("plamo") ? files.apply(PlamoVocabulary.FILE) : Optional.empty();
        if (scored.isPresent()) {
            return writeScored(PlamoVocabulary.read(model, scored.get(), rows), rows, into);
        }
        Optional<Path> world = kind.equals("rwkv") ? files.apply(RwkvVocabulary.FILE) : Optional.empty();
        if (world.isPresent()) {
            return writeWorld(world.get(), rows, into);
        }
        refuseBytes();
        // transformers opens a tokenizer with these too: a training that added tokens may have saved them in tokenizer_config.json alone.
        List<TokenizerJson.AddedToken> named = NamedTokens.of(tokenizerConfig, files.apply("added_tokens.json"));
        Optional<TokenizerJson> tokenizer = json.map(file -> file.with(NamedTokens.missing(named, file, rows)));
        Optional<SentencePieceModel> pieces = pieces(kind);
        Optional<TiktokenVocabulary> ranked = (tokenizer.isPresent() || pieces.isPresent() ? Optional.<Path>empty() : TiktokenFile.find(files))
                .map(file -> new TiktokenVocabulary(model, file, files, tokenizerConfig, rows));
        List<TokenizerJson.AddedToken> added = ranked.map(TiktokenVocabulary::added).or(() -> tokenizer.map(TokenizerJson::addedTokens)).or(() -> pieces.filter(SentencePieceModel::unigram).map(SentencePieceModel::specials)).orElse(List.of());
        SpecialTokens special = new SpecialTokens(model, tokenizer, added, tokenizerConfig, config, rows);
        Optional<ChatGlmTokens> coded = pieces.filter(file -> kind.equals("chatglm")).map(file -> ChatGlmTokens.read(model, files));
        String pre = "default";
        String name;
        if (pieces.isPresent()) {
            name = writePieces(kind, pieces.get(), coded, rows, special, into);
        } else if (ranked.isPresent()) {
            name = "gpt2";
            pre = ranked.get().write(into);
        } else if (tokenizer.isEmpty()) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": there is neither tokenizer.json nor tokenizer.model nor tiktoken.model" + older(kind) + "; copy it from the base model." + BytePairFile.remark(files, tokenizerConfig));
        } else if (kind.equals("gemma4")) {
            name = "gemma4";
            Gemma4Vocabulary.write(model, tokenizer.get(), rows, into);
        } else if (tokenizer.get().modelType().equals("WordPiece")) {
            name = "bert";
            WordPieceVocabulary.write(model, tokenizer.get(), rows, into);
        } else if (tokenizer.get().modelType().equals("Unigram")) {
            name = "t5";
            UnigramVocabulary.write(model, tokenizer.get(), rows, special, into);
        } else if (MergedPieces.isBytePairWithFallback(tokenizer.get())) {
            name = writeBytePairs(MergedPieces.bytePairs(model, tokenizer.get(), rows), tokenizer.get().prependsBlank(), into);
        } else {
            name = "gpt2";
            pre = BytePairVocabulary.write(model, tokenizer.get(), files.apply("merges.txt"), rows, into);
        }
        adjust(kind, rows, special, added);
        if (kind.equals("hunyuan-dense")) {
            HunyuanEnds.set(special, config, files.apply("generation_config.json"), rows);
        }
        special.write(into);
        if (name.equals("t5")) {
            // llama.cpp would put an end of sequence behind every text of a unigram model. Without a tokenizer.json it is the code of the tokenizer that does, or puts one around it.
            special.writeFlagIfAbsent("bos", pieces.isPresent() && kind.equals("unigram"), into);
            special.writeFlagIfAbsent("eos", pieces.isPresent() && (kind.equals("unigram") || kind.equals("t5")), into);
        }
        if (name.equals("gemma4")) {
            into.putBool("tokenizer.ggml.add_space_prefix", false).putBool("tokenizer.ggml.add_bos_token", true);
            files.apply("generation_config.json").ifPresent(file -> Gemma4Vocabulary.writeSuppressed(file, into));
        }
        if (kind.equals("llama") && rows == 49152) {
            // SmolLM and others with StarCoder's vocabulary.
            into.putBool("tokenizer.ggml.add_bos_token", false);
        }
        Map<String, String> templates = coded.map(tokens -> tokens.templates(ChatTemplates.find(files))).orElseGet(() -> ChatTemplates.find(files));
        ChatTemplates.write(templates, into);
        return new Result(name, pre, rows, templates.containsKey("default"));
    }

    /**
     * The id of a token by its text.
     *
     * @param files finds a file of the checkpoint by name
     * @param text  as tokenizer.json has it
     * @return empty where there is no tokenizer.json, or no such token in it
     */
    public static Optional<Integer> idOf(Function<String, Optional<Path>> files, String text) {
        return files.apply("tokenizer.json").map(TokenizerJson::new).map(json -> json.vocabulary().get(text));
    }

    private Result writeScored(PlamoVocabulary vocabulary, int rows, GgufMetadata into) {
        vocabulary.write(new SpecialTokens(model, json, vocabulary.specials(), tokenizerConfig, config, rows), into);
        Map<String, String> templates = ChatTemplates.find(files);
        ChatTemplates.write(templates, into);
        return new Result("plamo2", "default", rows, templates.containsKey("default"));
    }

    private Result writeWorld(Path file, int rows, GgufMetadata into) {
        RwkvVocabulary.read(model, file, tokenizerConfig, rows).write(into);
        Map<String, String> templates = new TreeMap<>(ChatTemplates.find(files));
        templates.putIfAbsent("default", RwkvVocabulary.CHAT);
        ChatTemplates.write(templates, into);
        return new Result("rwkv", "default", rows, true);
    }

    /** The file that models of a kind were saved with before there was tokenizer.json, for a message. */
    private static String older(String kind) {
        return switch (kind) {
            case "t5" -> " nor spiece.model";
            case "unigram" -> " nor sentencepiece.bpe.model";
            case "rwkv" -> " nor " + RwkvVocabulary.FILE;
            case "plamo" -> " nor " + PlamoVocabulary.FILE;
            case "bert" -> " nor vocab.txt with BERT's pieces";
            default -> "";
        };
    }

    /** The file of pieces that decides, where there is one. */
    private Optional<SentencePieceModel> pieces(String kind) {
        if (takesJson(kind)) {
            return Optional.empty();
        }
        if (kind.equals("unigram")) {
            return files.apply("sentencepiece.bpe.model").map(SentencePieceModel::read).map(SentencePieceModel::withFairseqIds);
        }
        // Mamba-Codestral as Mistral AI released it has the last name alone.
        return files.apply("tokenizer.model").filter(file -> !TiktokenFile.isOne(file)).or(() -> kind.equals("t5") ? files.apply("spiece.model") : Optional.empty())
                .or(() -> json.isPresent() ? Optional.empty() : files.apply("tokenizer.model.v3")).map(SentencePieceModel::read);
    }

    /** ByT5 and CANINE have no vocabulary, and nothing that llama.cpp knows would cut texts so. */
    private void refuseBytes() {
        tokenizerConfig.map(fields -> fields.path("tokenizer_class").asText()).filter(name -> name.matches("ByT5Tokenizer|CanineTokenizer|PerceiverTokenizer")).ifPresent(name -> {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": it is a " + name + ", whose tokens are the bytes or characters of a text; llama.cpp has no such tokenizer.");
        });
    }

    private boolean takesJson(String kind) {
        boolean byteLevelPhi = kind.equals("phi3") && tokenizerConfig.map(c -> c.path("tokenizer_class").asText()).filter("GPT2Tokenizer"::equals).isPresent();
        return json.isPresent() && (JSON_FIRST.contains(kind) || byteLevelPhi);
    }

    private String writePieces(String kind, SentencePieceModel pieces, Optional<ChatGlmTokens> coded, int rows, SpecialTokens special, GgufMetadata into) {
        boolean plain = kind.equals("phi3") || kind.equals("internlm2");
        Vocabulary vocabulary = new SentencePieceVocabulary(model, pieces, files, tokenizerConfig, rows, plain).vocabulary();
        if (kind.equals("internlm2")) {
            vocabulary.find("<|im_end|>").ifPresent(id -> special.override("eos", id));
        }
        coded.ifPresent(tokens -> tokens.add(vocabulary, pieces.pieces().size(), special));
        if (kind.equals("t5")) {
            UnigramVocabulary.nameSentinels(vocabulary, pieces.pieces().size(), tokenizerConfig);
        }
        if (pieces.unigram()) {
            UnigramVocabulary.write(model, pieces, vocabulary, special, into);
            return "t5";
        }
        return writeBytePairs(vocabulary, json.map(TokenizerJson::prependsBlank).orElse(pieces.dummyPrefix()), into);
    }

    private String writeBytePairs(Vocabulary vocabulary, boolean prefix, GgufMetadata into) {
        if (!prefix && into.find("tokenizer.ggml.add_space_prefix").isEmpty()) {
            // llama.cpp puts a blank before the text unless told otherwise.
            into.putBool("tokenizer.ggml.add_space_prefix", false);
        }
        into.putString("tokenizer.ggml.model", "llama").putString("tokenizer.ggml.pre", "default");
        vocabulary.write(into, true);
        return "llama";
    }

    /** Ids that some families have by convention. */
    private static void adjust(String kind, int rows, SpecialTokens special, List<TokenizerJson.AddedToken> added) {
        switch (kind) {
            case "llama" -> {
                if (rows == 32016) {
                    // CodeLlama's end of the text to fill in.
                    special.override("eot", 32010);
                }
            }
            case "chatglm" -> setByText(special, added, Map.of("eos", "<|endoftext|>", "eot", "<|user|>", "unk", "<|endoftext|>"));
            case "glm4" -> setByText(special, added, Map.of("eos", "<|endoftext|>", "eot", "<|user|>", "unk", "<|endoftext|>", "bos", "<|endoftext|>"));
            case "glm4moe" -> setByText(special, added, Map.of("bos", "[gMASK]", "eot", "<|user|>", "unk", "<|endoftext|>", "eom", "<|observation|>"));
            // Nothing in the files of Qwen 1 names them.
            case "qwen" -> setByText(special, added, Map.of("eos", "<|endoftext|>", "eot", "<|im_end|>", "unk", "<|endoftext|>", "bos", "<|endoftext|>"));
            // config.json of Hunyuan's mixtures names another one.
            case "hunyuan" -> added.stream().filter(token -> token.content().equals("<|bos|>")).findFirst().ifPresent(token -> special.override("bos", token.id()));
            case "solar" -> setByText(special, added, Map.of("eos", "<|endoftext|>", "eot", "<|endoftext|>", "unk", "<unk>", "bos", "<|startoftext|>"));
            default -> { }
        }
    }

    private static void setByText(SpecialTokens special, List<TokenizerJson.AddedToken> added, Map<String, String> texts) {
        for (String kind : List.of("eos", "eot", "unk", "bos", "eom")) {
            added.stream().filter(token -> token.content().equals(texts.get(kind))).findFirst().ifPresent(token -> special.setIfAbsent(kind, token.id()));
        }
    }
}
