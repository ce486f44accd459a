package dev.adapterferry.evaluate;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.LmStudioDouble;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
