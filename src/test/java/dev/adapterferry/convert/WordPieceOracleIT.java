package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import dev.adapterferry.llamacpp.current.CurrentLlama;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** llama.cpp cuts text by our WordPiece vocabularies as Hugging Face's tokenizers library does by the files they were made from. */
class WordPieceOracleIT {
    private static final List<String> CORPUS = TokenizerOracle.corpus();

    @TempDir
    Path folder;

    /** The embedded build takes marks off letters only where both are one character, takes Hangul apart otherwise, and keeps invisible characters. */
    private static String plain(String text) {
        return Normalizer.normalize(text, Normalizer.Form.NFC).replaceAll("[\\p{M}\\p{Cf}\\p{IsHangul}]", "");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void wordPieces(boolean lowercase) throws IOException {
        WordPieceTrainer trained = new WordPieceTrainer(CORPUS, 6, lowercase);
        trained.write(folder);
        assertThat(TokenizerOracle.convert(folder, trained.size()).model()).isEqualTo("bert");
        if (lowercase) {
            TokenizerOracle.compare(folder, VariedText.changed(7, WordPieceTrainer.SPECIALS, WordPieceOracleIT::plain), 5_000);
        }
        CurrentLlama.assume();
        // A current one takes marks of every kind off, where it takes any off, and Hangul apart otherwise.
        VariedText varied = VariedText.changed(8, WordPieceTrainer.SPECIALS, text -> lowercase ? text.replaceAll("[\\p{Mc}\\p{Me}\\p{IsHangul}]", "") : text);
        List<String> texts = Stream.generate(varied::next).limit(lowercase ? 5_000 : 1_000).toList();
        int[][] found = CurrentLlama.tokenize(folder.resolve("vocabulary.gguf"), texts, true, true);
        List<String> different = new ArrayList<>();
        try (HuggingFaceTokenizer reference = HuggingFaceTokenizer.newInstance(folder.resolve("tokenizer.json"))) {
            for (int i = 0; i < found.length; i++) {
                long[] expected = reference.encode(texts.get(i), true, false).getIds();
                if (!Arrays.equals(Arrays.stream(found[i]).asLongStream().toArray(), expected)) {
                    different.add("'" + texts.get(i) + "'\n " + Arrays.toString(found[i]) + "\n " + Arrays.toString(expected));
                }
            }
        }
        assertThat(different).isEmpty();
    }
}
