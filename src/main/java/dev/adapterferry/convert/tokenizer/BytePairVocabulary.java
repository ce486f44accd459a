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
     * Writes model, pre-tokenizer, tokens, types and merges.
     *
     * @param model      name of the checkpoint, for messages
     * @param json       the tokenizer
     * @param mergesFile merges.txt, for a tokenizer.json without merges
     * @param size       rows of the embedding
     * @return the pre-tokenizer's name
     * @throws FerryException when the pre-tokenizer is unknown, there are no merges, or one names what is no token
     */
    static String write(String model, TokenizerJson json, Optional<Path> mergesFile, int size, GgufMetadata into) {
        if (!json.modelType().equals("BPE")) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": " + json.file().getFileName() + " holds a " + json.modelType()
                    + " model where byte-level BPE is expected. Take the tokenizer files from the base model again.");
        }
        List<Merges.Merge> merges = merges(json, mergesFile);
        String pre = PreTokenizers.builtIn().recognise(model, json, merges);
        if (merges.isEmpty()) {
            throw new FerryException("Cannot convert the tokenizer of " + model + ": neither tokenizer.json nor merges.txt has merges, which llama.cpp needs. Take the tokenizer files from the base model again.");
        }
        Vocabulary vocabulary = new Vocabulary(model, size);
        json.vocabulary().forEach((text, id) -> vocabulary.set(vocabulary.checked(text, id), text, 0, TokenType.NORMAL));
        json.addedTokens().forEach(token -> vocabulary.setAdded(vocabulary.checked(token.content(), token.id()), token.content(), token.special(), 0));
        into.putString("tokenizer.ggml.model", "gpt2");
        into.putString("tokenizer.ggml.pre", pre);
        vocabulary.write(into, false);
        into.putStrings("tokenizer.ggml.merges", merges.stream().map(Merges.Merge::notation).toList());
        return pre;
    }

    private static List<Merges.Merge> merges(TokenizerJson json, Optional<Path> mergesFile) {
        List<Merges.Merge> merges = Merges.of(json);
        return merges.isEmpty() ? mergesFile.map(file -> Merges.of(file, json)).orElse(merges) : merges;
    }
}
