package dev.adapterferry.convert.tokenizer;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import dev.adapterferry.tensor.CheckpointFolder;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Writes the {@code tokenizer.*} keys of a checkpoint. */
public final class TokenizerConverter {
    private final String model;
    private final Function<String, Optional<Path>> files;
    private final ObjectNode config;

    /**
     * @param model  name of the checkpoint, for messages
     * @param files  gives the files beside the checkpoint by name
     * @param config config.json
     */
    public TokenizerConverter(String model, Function<String, Optional<Path>> files, ObjectNode config) {
        this.model = model;
        this.files = files;
        this.config = config;
    }

    /**
     * What was written.
     *
     * @param model        GGUF tokenizer model: {@code gpt2}, {@code llama}, {@code t5}
     * @param pre          pre-tokenizer name
     * @param tokens       number of tokens
     * @param chatTemplate whether the model has a chat template
     */
    public record Result(String model, String pre, int tokens, boolean chatTemplate) { }

    /**
     * Writes the vocabulary, special ids and chat templates.
     *
     * @param kind what the architecture expects: {@code bpe}, {@code spm-or-bpe}, {@code llama}
     * @param rows rows of the embedding; the token list gets exactly as many entries
     * @param into receives the keys
     * @throws FerryException when the tokenizer is missing, malformed, or cannot be carried over faithfully
     */
    public Result write(String kind, int rows, GgufMetadata into) {
        Optional<ObjectNode> tokenizerConfig = files.apply("tokenizer_config.json").map(CheckpointFolder::readObject);
        Optional<TokenizerJson> json = files.apply("tokenizer.json").map(TokenizerJson::new);
        TokenizerJson present = json.orElseThrow(() -> new FerryException("Cannot convert the tokenizer of " + model
                + ": there is no tokenizer.json; copy it from the base model into the checkpoint."));
        if (kind.equals("llama")) {
            tokenizerConfig.map(c -> c.get("add_prefix_space")).filter(flag -> flag.isBoolean())
                    .ifPresent(flag -> into.putBool("tokenizer.ggml.add_space_prefix", flag.booleanValue()));
        }
        String pre = BytePairVocabulary.write(model, present, rows, into);
        into.putStrings("tokenizer.ggml.merges", BytePairVocabulary.merges(model, present, files.apply("merges.txt")));
        SpecialTokens special = new SpecialTokens(model, json, tokenizerConfig, config, rows);
        special.write(into);
        Map<String, String> templates = ChatTemplates.find(tokenizerConfig, files);
        ChatTemplates.write(templates, into);
        return new Result("gpt2", pre, rows, templates.containsKey("default"));
    }
}
