package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.JsonSchema;
import com.networknt.schema.JsonSchemaFactory;
import com.networknt.schema.SpecVersion;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.modelserver.LmStudioDouble;
import dev.adapterferry.modelserver.TinyGguf;
import java.io.IOException;
import java.net.URI;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
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
    private Subject.InstalledFile installed;

    @BeforeEach
    void start() throws IOException {
        file = TinyGguf.write(models.resolve("acme/majora/majora-Q4_K_M.gguf"), 1);
        installed = new Subject.InstalledFile(file, Files.size(file), Sha256.of(file));
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
        Health health = new HealthCheck(new JdkHttpCaller(), limits(), Digests.fresh(), Clock.systemUTC()).check(elsewhere, EnumSet.of(HealthCheck.Part.API));

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
        Limits slow = new Limits(Duration.ofSeconds(10), Duration.ofSeconds(10), 0, Duration.ZERO, Duration.ofSeconds(30), Duration.ofSeconds(10), 1_000_000, 100, 64);
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
        TinyGguf.write(file, 2);
        assertThat(fileFinding()).contains("SHA-256").contains(installed.sha256());
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(installed.bytes() - 24);
        }
        assertThat(fileFinding()).contains("has " + (installed.bytes() - 24) + " bytes, " + installed.bytes() + " were installed");
        Files.delete(file);
        assertThat(fileFinding()).contains("is missing");
    }

    @Test
    void seesAFileThatIsNoWholeModelEvenWhenNothingIsKnownAboutIt() throws IOException {
        installed = new Subject.InstalledFile(file, -1, null);
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(Files.size(file) - 24);
        }
        assertThat(fileFinding()).contains(file.toString());
        Files.writeString(file, "<html>404</html>");
        assertThat(fileFinding()).contains(file.toString());
    }

    @Test
    void seesHowTheModelIsLoaded() {
        server.instances.put("majora", new LmStudioDouble.Instance("majora", file, "Q4_K_M", 4096));
        Subject wanted = new Subject("majora", List.of(installed), server.endpoint(), "majora", null, 0, List.of(), "Q8_0", 8192, false);
        Health health = check(wanted, limits());

        assertThat(health.api().loaded()).isTrue();
        assertThat(health.api().context()).isEqualTo(4096);
        assertThat(health.status()).isEqualTo(Status.DEGRADED);
        assertThat(health.findings()).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("Q4_K_M of 'majora' loaded, deployed was Q8_0"))
                .anyMatch(sentence -> sentence.contains("4096 tokens, wanted are 8192"));
    }

    @Test
    void wakesNoModelThatIsOnlyLookedAt() {
        Subject subject = subject("majora", List.of(TestPrompt.of("Hello")));
        HealthCheck check = new HealthCheck(new JdkHttpCaller(), limits(), Digests.fresh(), Clock.systemUTC());
        EnumSet<HealthCheck.Part> gently = EnumSet.of(HealthCheck.Part.FILE, HealthCheck.Part.API, HealthCheck.Part.ANSWER_UNLESS_ASLEEP);

        Health asleep = check.check(subject, gently);
        assertThat(asleep.status()).isEqualTo(Status.HEALTHY);
        assertThat(asleep.answers()).isNull();
        assertThat(asleep.api().loaded()).isFalse();
        assertThat(server.instances).isEmpty();

        server.instances.put("majora", new LmStudioDouble.Instance("majora", file, "Q4_K_M", 4096));
        assertThat(check.check(subject, gently).answers()).hasSize(1);
    }

    @Test
    void anAnswerThatTakesTooLongIsNone() {
        server.millisPerToken = 200;
        Limits hasty = new Limits(Duration.ofSeconds(10), Duration.ofMillis(100), 0, Duration.ZERO, Duration.ofSeconds(30), Duration.ofSeconds(10), 0, 100, 64);
        Health health = check(subject("majora", List.of(TestPrompt.of("one two three four five six"))), hasty);
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.findings()).singleElement().satisfies(finding -> assertThat(finding.sentence()).contains("not complete within"));
    }

    @Test
    void garbledAnswersAreUnhealthy() {
        server.brain = (path, prompt) -> "ĠtheĠcatĠsatĠonĠtheĠmat";
        assertThat(check(subject("majora", List.of(TestPrompt.of("Hello"))), limits()).findings()).singleElement()
                .satisfies(finding -> assertThat(finding.sentence()).contains("tokenizer is garbled"));
        server.brain = (path, prompt) -> "so ".repeat(60);
        assertThat(check(subject("majora", List.of(TestPrompt.of("Hello"))), limits()).status()).isEqualTo(Status.UNHEALTHY);
    }

    @Test
    void holdsRequiredAndForbiddenPatterns() {
        Health health = check(subject("majora", List.of(new TestPrompt("Hello", 1, List.of("goodbye"), List.of("(?i)hello")))), limits());
        assertThat(health.findings()).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("required /goodbye/")).anyMatch(sentence -> sentence.contains("forbidden /(?i)hello/"));
    }

    @Test
    void looksAtTheMachineUnderTheModel() {
        Limits tight = new Limits(Duration.ofSeconds(10), Duration.ofSeconds(10), 0, Duration.ZERO, Duration.ofSeconds(30), Duration.ofSeconds(10), 0, 1, 64);
        Health health = check(subject("majora", List.of()), tight);
        assertThat(health.system().diskTotalBytes()).isGreaterThan(health.system().diskFreeBytes());
        assertThat(health.system().memoryTotalBytes()).isGreaterThan(health.system().memoryAvailableBytes());
        assertThat(health.findings()).extracting(Finding::check).contains("system");
        assertThat(health.status()).isEqualTo(Status.DEGRADED);
    }

    @Test
    void anUnreachableServerIsUnhealthyAndNoPromptIsAsked() {
        server.close();
        Health health = check(subject("majora", List.of(TestPrompt.of("Hello"))), limits());
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.answers()).isNull();
        assertThat(health.findings()).singleElement().satisfies(finding -> assertThat(finding.check()).isEqualTo("api"));
    }

    @Test
    void printsJsonAsItsSchemaSays() throws IOException {
        JsonSchema schema = JsonSchemaFactory.getInstance(SpecVersion.VersionFlag.V202012).getSchema(Files.readString(Path.of("src/docs/health.schema.json")));
        Health healthy = check(subject("majora", List.of(TestPrompt.of("Hello"))), limits());
        server.brain = (path, prompt) -> "";
        Health unhealthy = check(subject("majora", List.of(TestPrompt.of("Hello"))), limits());
        Health files = new HealthCheck(new JdkHttpCaller(), limits(), Digests.none(), Clock.systemUTC()).check(subject("majora", List.of()), EnumSet.of(HealthCheck.Part.FILE));
        server.close();
        Health unreachable = check(subject("majora", List.of(TestPrompt.of("Hello"))), limits());

        for (List<Health> results : List.of(List.of(healthy), List.of(healthy, unhealthy), List.of(files), List.of(unreachable), List.<Health>of())) {
            JsonNode json = new ObjectMapper().readTree(HealthJson.of(results));
            assertThat(schema.validate(json)).isEmpty();
        }
        assertThat(new ObjectMapper().readTree(HealthJson.of(List.of(healthy))).path("exitCode").asInt()).isZero();
        assertThat(new ObjectMapper().readTree(HealthJson.of(List.of(healthy, unhealthy))).path("exitCode").asInt()).isEqualTo(6);
        assertThat(HealthJson.worst(List.of())).isEqualTo(Status.UNHEALTHY);
    }

    private String fileFinding() {
        Subject subject = new Subject("majora", List.of(installed), server.endpoint(), "majora", null, 0, List.of());
        Health health = new HealthCheck(new JdkHttpCaller(), limits(), Digests.fresh(), Clock.systemUTC()).check(subject, EnumSet.of(HealthCheck.Part.FILE));
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        return health.findings().getFirst().sentence();
    }

    private Health check(Subject subject, Limits limits) {
        return new HealthCheck(new JdkHttpCaller(), limits, Digests.fresh(), Clock.systemUTC()).check(subject, EnumSet.allOf(HealthCheck.Part.class));
    }

    private Subject subject(String modelId, List<TestPrompt> prompts) {
        return new Subject("majora", List.of(installed), server.endpoint(), modelId, "You are Majora.", 0.2, prompts);
    }

    private static Limits limits() {
        return new Limits(Duration.ofSeconds(10), Duration.ofSeconds(10), 3, Duration.ofMillis(1), Duration.ofSeconds(30), Duration.ofSeconds(10), 0, 100, 64);
    }
}
