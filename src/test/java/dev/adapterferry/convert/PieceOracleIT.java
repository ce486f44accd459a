package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** llama.cpp cuts text by our vocabularies of pieces as Hugging Face's tokenizers library does by the files they were made from. */
class PieceOracleIT {
    private static final List<String> CORPUS = TokenizerOracle.corpus();

    @TempDir
    Path folder;

    /** SentencePiece BPE with bytes for unknown characters, from tokenizer.model and from tokenizer.json alone. */
    @ParameterizedTest
    @CsvSource({"true, true", "true, false", "false, true", "false, false"})
    void sentencePieces(boolean blankInFront, boolean fromModelFile) throws IOException {
        Path files = Files.createDirectories(folder.resolve("spm-" + blankInFront + fromModelFile));
        SentencePieceTrainer trained = new SentencePieceTrainer(String.join(" ", CORPUS) + " \u2581\u2581\u2581\u2581\u2581\u2581\u2581".repeat(30), 400);
        List<String> added = List.of("<|im_start|>", "<|im_end|>", "[TOOL]");
        trained.writeJson(files, blankInFront, added);
        if (fromModelFile) {
            trained.writeModel(files, blankInFront);
        }
        Files.writeString(files.resolve("tokenizer_config.json"), "{\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"unk_token\":\"<unk>\"}");
        assertThat(TokenizerOracle.convert(files, trained.size() + added.size()).model()).isEqualTo("llama");
        TokenizerOracle.compare(files, new VariedText(7, Stream.concat(added.stream(), Stream.of("<s>", "</s>")).toList()), 10_000);
    }

    /**
     * Unigram: the likeliest way to spell each word. Where blanks are trimmed only plain ones occur, as behind the compiled
     * normalization that such files bring.
     */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void unigrams(boolean trimmedWithBlankInFront) throws IOException {
        Path files = Files.createDirectories(folder.resolve("unigram-" + trimmedWithBlankInFront));
        int size = new UnigramTrainer(CORPUS).write(files.resolve("tokenizer.json"), trimmedWithBlankInFront);
        assertThat(TokenizerOracle.convert(files, size).model()).isEqualTo("t5");
        TokenizerOracle.compare(files, VariedText.changed(7, List.of("</s>"), text -> trimmedWithBlankInFront ? text.replaceAll("[\\s\\p{Z}]", " ") : text), 10_000);
    }
}
