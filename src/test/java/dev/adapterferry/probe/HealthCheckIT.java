package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.LmStudioDouble;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HealthCheckIT {
    @TempDir
    Path models;

    private LmStudioDouble server;
    private Path file;

    @BeforeEach
    void start() throws IOException {
        file = Files.createDirectories(models.resolve("acme/majora")).resolve("majora-Q4_K_M.gguf");
        Files.writeString(file, "weights");
        server = new LmStudioDouble(models);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void findsAnAnsweringModelHealthy() {
        Health health = check(subject("majora", List.of(TestPrompt.of("Who are you, and what do you do?"))), limits());

        assertThat(health.findings()).isEmpty();
        assertThat(health.status()).isEqualTo(Status.HEALTHY);
        assertThat(health.files()).singleElement().satisfies(report -> assertThat(report.intact()).isTrue());
        assertThat(health.api()).satisfies(api -> {
            assertThat(api.server()).isEqualTo("lm-studio");
            assertThat(api.listed()).isTrue();
        });
        assertThat(health.answers()).singleElement().satisfies(answer -> {
            assertThat(answer.passed()).isTrue();
            assertThat(answer.response()).isEqualTo("You said: Who are you, and what do you do?");
            assertThat(answer.tokens()).isEqualTo(10);
            assertThat(answer.firstTokenMillis()).isLessThanOrEqualTo(answer.latencyMillis());
        });
    }

    @Test
    void isNotDeceivedByAServerThatAnswers200ToEverything() {
        Subject elsewhere = new Subject("majora", List.of(), new dev.adapterferry.modelserver.Endpoint(URI.create(server.base() + "/health"), null, Duration.ofSeconds(5)), "majora", null, 0, List.of());
        Health health = new HealthCheck(new JdkHttpCaller(), limits(), true, Clock.systemUTC()).check(elsewhere, EnumSet.of(HealthCheck.Part.API));

        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.api().reachable()).isFalse();
        assertThat(health.findings()).singleElement().satisfies(finding -> assertThat(finding.sentence()).contains("Unexpected endpoint or method"));
    }

    @Test
    void noticesThatAnotherModelAnswered() {
        server.justInTime = false;
        server.instances.put("veran", new LmStudioDouble.Instance("veran", file, "Q4_K_M", 4096));
        Health health = check(subject("majora", List.of(TestPrompt.of("Who are you?"))), limits());

        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.findings()).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("does not list 'majora'"))
                .anyMatch(sentence -> sentence.contains("came from 'veran', asked was 'majora'"));
    }

    @Test
    void countsReasoningAsAnAnswer() {
        server.brain = (path, prompt) -> "";
        server.reasoning = "I think about it at some length.";
        assertThat(check(subject("majora", List.of(new TestPrompt("Why?", 20, List.of(), List.of()))), limits()).status()).isEqualTo(Status.HEALTHY);
        server.reasoning = "";
        Health health = check(subject("majora", List.of(TestPrompt.of("Why?"))), limits());
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.findings()).singleElement().satisfies(finding -> assertThat(finding.sentence()).contains("0 characters"));
    }

    @Test
    void callsASlowModelDegraded() {
        server.millisPerToken = 20;
        Limits slow = new Limits(Duration.ofSeconds(10), 0, Duration.ZERO, Duration.ofSeconds(30), Duration.ofSeconds(10), 1_000_000, 0, 0, 64);
        Health health = check(subject("majora", List.of(TestPrompt.of("one two three four"))), slow);

        assertThat(health.status()).isEqualTo(Status.DEGRADED);
        assertThat(health.findings()).singleElement().satisfies(finding -> assertThat(finding.sentence()).contains("tokens/s"));
    }

    @Test
    void triesAgainWhenTheServerIsBusy() {
        server.failuresBeforeAnswer = 2;
        assertThat(check(subject("majora", List.of(TestPrompt.of("Hello"))), limits()).status()).isEqualTo(Status.HEALTHY);
    }

    @Test
    void seesAChangedAMissingAndATruncatedFile() throws IOException {
        Files.writeString(file, "Weights");
        assertThat(fileFinding()).contains("SHA-256");
        Files.writeString(file, "wei");
        assertThat(fileFinding()).contains("has 3 bytes, 7 were installed");
        Files.delete(file);
        assertThat(fileFinding()).contains("is missing");
    }

    private String fileFinding() {
        Subject subject = new Subject("majora", List.of(new Subject.InstalledFile(file, 7, Sha256.of("weights".getBytes()))), server.endpoint(), "majora", null, 0, List.of());
        Health health = new HealthCheck(new JdkHttpCaller(), limits(), true, Clock.systemUTC()).check(subject, EnumSet.of(HealthCheck.Part.FILE));
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        return health.findings().getFirst().sentence();
    }

    private Health check(Subject subject, Limits limits) {
        return new HealthCheck(new JdkHttpCaller(), limits, true, Clock.systemUTC()).check(subject, EnumSet.allOf(HealthCheck.Part.class));
    }

    private Subject subject(String modelId, List<TestPrompt> prompts) {
        return new Subject("majora", List.of(new Subject.InstalledFile(file, 7, Sha256.of("weights".getBytes()))), server.endpoint(), modelId, "You are Majora.", 0.2, prompts);
    }

    private static Limits limits() {
        return new Limits(Duration.ofSeconds(10), 3, Duration.ofMillis(1), Duration.ofSeconds(30), Duration.ofSeconds(10), 0, 0, 0, 64);
    }
}
