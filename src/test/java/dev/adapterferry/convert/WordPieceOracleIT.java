package dev.adapterferry.convert;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

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

    /** A model that was saved with vocab.txt alone gets what one with tokenizer.json gets. */
    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void vocabTxtSaysTheSame(boolean lowercase) throws IOException {
        WordPieceTrainer trained = new WordPieceTrainer(CORPUS, 6, lowercase);
        trained.write(folder);
        TokenizerOracle.convert(folder, "bert", trained.size());
        byte[] expected = Files.readAllBytes(folder.resolve("vocabulary.gguf"));
        trained.writeText(folder.resolve("vocab.txt"));
        Files.delete(folder.resolve("tokenizer.json"));
        TokenizerOracle.convert(folder, "bert", trained.size());
        assertThat(Files.readAllBytes(folder.resolve("vocabulary.gguf"))).isEqualTo(expected);
        if (lowercase) {
            // Without a word on it, the tokens are BERT's own, and letters are lowered.
            Files.delete(folder.resolve("tokenizer_config.json"));
            TokenizerOracle.convert(folder, "bert", trained.size());
            assertThat(Files.readAllBytes(folder.resolve("vocabulary.gguf"))).isEqualTo(expected);
        }
        Files.writeString(folder.resolve("vocab.txt"), "the 12\nferry 7\n");
        assertThatThrownBy(() -> TokenizerOracle.convert(folder, "bert", trained.size())).as("a vocabulary of another kind").hasMessageContaining("nor vocab.txt with BERT's pieces");
    }
}
