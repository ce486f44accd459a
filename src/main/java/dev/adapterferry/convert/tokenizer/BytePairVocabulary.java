package dev.adapterferry.convert.tokenizer;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.gguf.GgufMetadata;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Byte-level BPE from tokenizer.json: GGUF model {@code gpt2}. Texts stay in GPT-2's byte-to-unicode form; added tokens
 * stay literal.
 */
final class BytePairVocabulary {
    private BytePairVocabulary() { }

    /**
     * Writes model, pre-tokenizer, tokens and types.
     *
     * @param model name of the checkpoint, for messages
     * @param json  the tokenizer
     * @param size  rows of the embedding
     * @return the pre-tokenizer's name
     */
    static String write(String model, TokenizerJson json, int size, GgufMetadata into) {
        if (!json.modelType().equals("BPE")) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": " + json.file().getFileName() + " holds a " + json.modelType()
                    + " model where byte-level BPE is expected.");
        }
        String pre = PreTokenizers.builtIn().recognise(model, json);
        Vocabulary vocabulary = new Vocabulary(model, size);
        json.vocabulary().forEach((text, id) -> vocabulary.set(vocabulary.checked(text, id), text, 0, TokenType.NORMAL));
        json.addedTokens().forEach(token -> vocabulary.setAdded(vocabulary.checked(token.content(), token.id()), token.content(), token.special(), 0));
        into.putString("tokenizer.ggml.model", "gpt2");
        into.putString("tokenizer.ggml.pre", pre);
        vocabulary.write(into, false);
        return pre;
    }

    /**
     * The merges, from tokenizer.json or else merges.txt.
     *
     * @throws FerryException when there are none, or one names what is no token
     */
    static List<String> merges(String model, TokenizerJson json, Optional<Path> mergesFile) {
        List<Merges.Merge> merges = Merges.of(json);
        if (merges.isEmpty() && mergesFile.isPresent()) {
            merges = Merges.of(mergesFile.get(), json);
        }
        if (merges.isEmpty()) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": neither tokenizer.json nor merges.txt has merges, which llama.cpp needs.");
        }
        return merges.stream().map(Merges.Merge::notation).toList();
    }
}
