package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.adapterferry.gguf.GgufMetadata;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Vocabularies as training numbers them, and as mishaps leave them. */
class VocabularyOrderTest {
    private static final List<String> LETTERS = "abcdefghijklmnopqrstuvwxyz".chars().mapToObj(Character::toString).toList();

    /** A vocabulary of letters and of pairs of what was there before, with its merges. */
    private static GgufMetadata vocabulary(int merges, boolean shuffled, int before) {
        List<String> tokens = new ArrayList<>(LETTERS);
        List<String> made = new ArrayList<>();
        Random random = new Random(3);
        while (made.size() < merges) {
            String left = tokens.get(random.nextInt(Math.min(tokens.size(), 300)));
            String right = tokens.get(random.nextInt(Math.min(tokens.size(), 300)));
            if (!tokens.contains(left + right)) {
                tokens.add(left + right);
                made.add(left + " " + right);
            }
        }
        for (int i = 0; i < before; i++) {
            tokens.addFirst("<|special_" + i + "|>");
        }
        if (shuffled) {
            Collections.shuffle(tokens, new Random(4));
        }
        return new GgufMetadata().putStrings("tokenizer.ggml.tokens", tokens).putStrings("tokenizer.ggml.merges", made);
    }

    @Test
    void trainedVocabulariesPass() {
        assertThat(VocabularyOrder.complaint(vocabulary(2000, false, 0))).isEmpty();
        assertThat(VocabularyOrder.complaint(vocabulary(2000, false, 500))).as("special tokens in front").isEmpty();
        assertThat(VocabularyOrder.complaint(new GgufMetadata())).as("no tokenizer").isEmpty();
        assertThat(VocabularyOrder.complaint(new GgufMetadata().putStrings("tokenizer.ggml.tokens", LETTERS))).as("no merges").isEmpty();
        assertThat(VocabularyOrder.complaint(vocabulary(200, true, 0))).as("too few to judge").isEmpty();
    }

    @Test
    void mixedUpVocabulariesDoNot() {
        assertThat(VocabularyOrder.complaint(vocabulary(2000, true, 0))).hasValueSatisfying(sentence -> assertThat(sentence).contains("do not belong to the merges").contains("rank correlation"));
        GgufMetadata two = vocabulary(2000, false, 0).copy();
        two.putStrings("tokenizer.ggml.tokens", LETTERS);
        assertThat(VocabularyOrder.complaint(two)).hasValueSatisfying(sentence -> assertThat(sentence).contains("two models' files"));
    }

    @Test
    void correlationIsSpearmans() {
        assertThat(VocabularyOrder.rankCorrelation(new int[] {5, 7, 9, 100})).isEqualTo(1);
        assertThat(VocabularyOrder.rankCorrelation(new int[] {100, 9, 7, 5})).isEqualTo(-1);
        // By hand: ranks 2 1 4 3 5 against 1 2 3 4 5, squared distances 1+1+1+1+0, 1 - 6*4/(5*24).
        assertThat(VocabularyOrder.rankCorrelation(new int[] {20, 10, 40, 30, 50})).isCloseTo(0.8, within(1e-12));
    }
}
