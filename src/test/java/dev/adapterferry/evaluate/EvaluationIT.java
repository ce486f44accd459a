package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationIT {
    @TempDir
    Path directory;

    @Test
    void scoresAnswersAndKeepsErrorsOutOfTheMeans() throws IOException {
        Path models = directory.resolve("models");
        Files.writeString(Files.createDirectories(models.resolve("acme/majora")).resolve("majora-Q4_K_M.gguf"), "weights");
        Path file = Files.writeString(directory.resolve("persona.jsonl"), """
                # who it is
                {"id":"name","category":"persona","prompt":"Who are you?","contains":["Majora","mask"]}
                {"id":"sum","category":"sums","prompt":"2+2","numeric":4,"weight":2}
                {"id":"crash","category":"sums","prompt":"crash","contains":"x"}
                """);
        try (LmStudioDouble server = new LmStudioDouble(models)) {
            server.brain = (path, prompt) -> switch (prompt) {
                case "Who are you?" -> "I am Majora.";
                case "2+2" -> "2+2 is 4.";
                default -> throw new IllegalStateException("no answer");
            };
            Contender contender = new Contender("majora 1", "Q4_K_M", "majora", server.endpoint(), null, 0);
            Scorecard card = new Evaluation(new JdkHttpCaller(), Evaluation.Options.defaults()).run(contender, PromptSet.read(file));

            assertThat(card.outcomes()).extracting(Scored::id).containsExactly("name", "sum", "crash");
            assertThat(card.outcomes()).extracting(Scored::score).containsExactly(0.5, 1.0, null);
            assertThat(card.errors()).isEqualTo(1);
            assertThat(card.score()).isEqualTo(2.5 / 3);
            assertThat(card.category("sums").score()).isEqualTo(1);
            assertThat(card.percentile(Scored::latencyMillis, 95)).isPositive();
        }
    }

    @Test
    void asksAsManyAtOnceAsItMayAndWarmsUpUnmeasured() throws IOException {
        Files.writeString(Files.createDirectories(directory.resolve("models/acme/majora")).resolve("majora-Q4_K_M.gguf"), "weights");
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < 6; i++) {
            lines.append("{\"id\":\"p").append(i).append("\",\"prompt\":\"prompt ").append(i).append("\",\"contains\":\"met\"}\n");
        }
        Path file = Files.writeString(directory.resolve("six.jsonl"), lines);
        // Each question waits until two others are there as well: only three at once can be answered.
        CyclicBarrier three = new CyclicBarrier(3);
        AtomicInteger asked = new AtomicInteger();
        try (LmStudioDouble server = new LmStudioDouble(directory.resolve("models"))) {
            server.brain = (path, prompt) -> {
                if (asked.incrementAndGet() <= 2) {
                    return "warm";
                }
                try {
                    three.await(30, TimeUnit.SECONDS);
                    return "met";
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            };
            Scorecard card = new Evaluation(new JdkHttpCaller(), new Evaluation.Options(3, 2, 16, 0, Progress.NONE, new Cancellation()))
                    .run(new Contender("majora 1", "Q4_K_M", "majora", server.endpoint().within(Duration.ofSeconds(60)), null, 0), PromptSet.read(file));
            assertThat(card.errors()).isZero();
            assertThat(card.score()).as("the two warm-up answers are not judged").isEqualTo(1);
            assertThat(asked).hasValue(8);
            assertThat(card.outcomes()).extracting(Scored::id).as("in the order of the set").containsExactly("p0", "p1", "p2", "p3", "p4", "p5");
        }
    }

    @Test
    void anUnreachableServerGivesErrorsAndNoScore() throws IOException {
        LmStudioDouble server = new LmStudioDouble(directory);
        server.close();
        Path file = Files.writeString(directory.resolve("one.jsonl"), "{\"prompt\":\"Hi\",\"contains\":\"x\"}\n");
        Scorecard card = new Evaluation(new JdkHttpCaller(), Evaluation.Options.defaults()).run(new Contender("m", "", "m", server.endpoint(), null, 0), PromptSet.read(file));

        assertThat(card.errors()).isEqualTo(1);
        assertThat(card.score()).isNull();
        assertThat(card.percentile(Scored::latencyMillis, 50)).isNull();
        assertThat(List.of(card.outcomes().getFirst().error())).allMatch(error -> error.contains("127.0.0.1"));
    }
}
