package dev.adapterferry.llamacpp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.progress.Cancellation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GeneratingModelTest {
    @TempDir
    private static Path folder;
    private static GeneratingModel model;

    @BeforeAll
    static void load() throws IOException {
        Path file = folder.resolve("tiny.gguf");
        TinyGguf.write(file, 11, null);
        model = new GeneratingModel(file, 128, 1, 0);
    }

    @AfterAll
    static void free() {
        model.close();
    }

    @Test
    void takesTheLikeliestTokenEachTime() {
        Generation answer = model.complete("hello", Sampling.greedy(12), new Cancellation(), piece -> { });
        List<Integer> expected = likeliest("hello", 12, false);
        assertThat(answer.text()).isEqualTo(model.model().vocabulary().detokenize(expected.stream().mapToInt(i -> i).toArray(), false));
        assertThat(answer.answerTokens()).isEqualTo(expected.size());
        assertThat(answer.promptTokens()).isEqualTo(2);
    }

    @Test
    void penaltyKeepsItFromRepeatingItself() {
        Sampling sampling = new Sampling(0, 0, 1, 0, 1, 0, 1000, OptionalInt.empty(), 40, List.of());
        Generation varied = model.complete("hello", sampling, new Cancellation(), piece -> { });
        List<Integer> expected = likeliest("hello", 40, true);
        assertThat(varied.text()).isEqualTo(model.model().vocabulary().detokenize(expected.stream().mapToInt(i -> i).toArray(), false));
        assertThat(expected).doesNotHaveDuplicates().isNotEqualTo(likeliest("hello", 40, false));
    }

    /** Greedy decoding by hand; without repeats when asked, as an overwhelming penalty has it. */
    private static List<Integer> likeliest(String prompt, int limit, boolean withoutRepeats) {
        List<Integer> answer = new ArrayList<>();
        try (LoadedModel own = LoadedModel.open(model.model().file()); LlamaContext context = new LlamaContext(own, 128, 1)) {
            float[] logits = context.decode(own.vocabulary().tokenize(prompt, true, true));
            while (answer.size() < limit) {
                int best = -1;
                for (int token = 0; token < logits.length; token++) {
                    boolean allowed = !withoutRepeats || !answer.contains(token);
                    best = allowed && (best < 0 || logits[token] > logits[best]) ? token : best;
                }
                if (own.vocabulary().endsGeneration(best)) {
                    break;
                }
                answer.add(best);
                logits = context.decode(best);
            }
        }
        return answer;
    }

    @Test
    void repeatsItselfWithTheSameSeedOnly() {
        assertThat(random(1)).isEqualTo(random(1));
        assertThat(random(1)).isNotEqualTo(random(2));
    }

    private static String random(int seed) {
        Sampling sampling = new Sampling(1.5, 0, 1, 0, 1.1, 0, 0, OptionalInt.of(seed), 24, List.of());
        return model.complete("the ", sampling, new Cancellation(), piece -> { }).text();
    }

    @Test
    void usesOneThreadForSmallModelsAndEveryCoreForLargeOnes() {
        int cores = Runtime.getRuntime().availableProcessors();
        assertThat(GeneratingModel.usefulThreads(1)).isEqualTo(1);
        assertThat(GeneratingModel.usefulThreads(63L << 20)).isEqualTo(1);
        assertThat(GeneratingModel.usefulThreads(5L << 30)).isEqualTo(Math.min(cores, 160));
    }

    @Test
    void tellsTheAnswerInPieces() {
        List<String> pieces = new ArrayList<>();
        Generation answer = model.complete("hell", Sampling.greedy(20), new Cancellation(), pieces::add);
        assertThat(String.join("", pieces)).isEqualTo(answer.text());
        assertThat(answer.total()).isGreaterThanOrEqualTo(answer.firstToken());
    }

    @Test
    void stopsAtAStopText() {
        Generation whole = model.complete("x", Sampling.greedy(20), new Cancellation(), piece -> { });
        String stop = whole.text().substring(3, 5);
        Sampling sampling = new Sampling(0, 40, 1, 0, 1, 0, 0, OptionalInt.empty(), 20, List.of(stop));
        Generation cut = model.complete("x", sampling, new Cancellation(), piece -> { });
        assertThat(cut.text()).isEqualTo(whole.text().substring(0, whole.text().indexOf(stop)));
        assertThat(cut.finish()).isEqualTo(Generation.Finish.STOP);
    }

    @Test
    void endsWithLengthWhenTokensOrContextRunOut() {
        Sampling noEnd = new Sampling(0, 40, 1, 0, 1, 0, 0, OptionalInt.empty(), 5, List.of());
        Generation five = model.complete("x", noEnd, new Cancellation(), piece -> { });
        assertThat(five.finish()).isEqualTo(Generation.Finish.LENGTH);
        assertThat(five.answerTokens()).isEqualTo(5);
        Generation nothing = model.complete("x", Sampling.greedy(0), new Cancellation(), piece -> { });
        assertThat(nothing.text()).isEmpty();
        assertThat(nothing.answerTokens()).isZero();
        Generation full = model.complete("x".repeat(100), Sampling.greedy(-1), new Cancellation(), piece -> { });
        assertThat(full.promptTokens() + full.answerTokens()).isLessThanOrEqualTo(model.contextLength());
    }

    @Test
    void refusesAPromptThatDoesNotFit() {
        assertThatThrownBy(() -> model.complete("x".repeat(500), Sampling.greedy(5), new Cancellation(), piece -> { }))
                .isInstanceOf(GeneratingModel.PromptTooLong.class).hasMessageContaining("500 tokens").hasMessageContaining("128");
    }

    @Test
    void stopsWhenCancelledAndAnswersTheNextCaller() {
        Cancellation cancellation = new Cancellation();
        assertThatThrownBy(() -> model.complete("x", Sampling.greedy(100), cancellation, piece -> cancellation.request())).isInstanceOf(Cancelled.class);
        assertThat(model.complete("x", Sampling.greedy(3), new Cancellation(), piece -> { }).answerTokens()).isEqualTo(3);
    }
}
