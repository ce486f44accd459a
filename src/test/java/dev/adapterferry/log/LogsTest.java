package dev.adapterferry.log;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.settings.LogSettings;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

class LogsTest {
    private static final org.slf4j.Logger LOG = LoggerFactory.getLogger("dev.adapterferry.log.test");
    private static final org.slf4j.Logger LIBRARY = LoggerFactory.getLogger("org.example.library");

    @TempDir
    Path home;

    private final PrintStream before = System.err;
    private final ByteArrayOutputStream terminal = new ByteArrayOutputStream();

    @BeforeEach
    void catchTheTerminal() {
        System.setErr(new PrintStream(terminal, true, StandardCharsets.UTF_8));
        MDC.clear();
    }

    @AfterEach
    void giveTheTerminalBack() {
        System.setErr(before);
        LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.getLogger(Logger.ROOT_LOGGER_NAME).detachAndStopAllAppenders();
        new LogStart().configure(context);
        context.getLogger("dev.adapterferry").setLevel(null);
    }

    @Test
    void showsWarningsBeforeAnySettingsAreRead() {
        assertThat(((LoggerContext) LoggerFactory.getILoggerFactory()).getLogger(Logger.ROOT_LOGGER_NAME).getLevel()).isEqualTo(Level.WARN);
        LOG.info("quiet");
        LOG.warn("The disk is nearly full");
        assertThat(shown()).hasSize(1).first().asString().matches("\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2} WARN  The disk is nearly full");
    }

    @Test
    void writesEveryLineAsJsonAndOnlyWarningsToTheTerminal() throws IOException {
        open(LogSettings.Level.INFO, false);
        LOG.debug("no");
        LOG.info("merged {} tensors", 196);
        LOG.warn("Slow", new IOException("outer", new IllegalStateException("inner")));
        List<JsonNode> lines = structured();
        assertThat(lines).extracting(line -> line.get("message").asText()).containsExactly("merged 196 tensors", "Slow");
        assertThat(lines.getFirst().fieldNames()).toIterable().containsExactly("time", "level", "logger", "thread", "message");
        assertThat(Instant.parse(lines.getFirst().get("time").asText())).isBefore(Instant.now().plusSeconds(1));
        assertThat(lines.get(1).get("error").asText()).contains("java.io.IOException: outer", "Caused by: java.lang.IllegalStateException: inner");
        assertThat(shown()).hasSize(1).first().asString().endsWith("WARN  Slow: outer");
    }

    @Test
    void verboseShowsStackTracesButNotTheLibrariesDebugging() {
        open(LogSettings.Level.INFO, true);
        LOG.debug("detail");
        LIBRARY.debug("noise");
        LIBRARY.info("useful");
        LOG.error("Broken", new IOException("why"));
        assertThat(String.join("\n", shown())).contains("DEBUG detail", "INFO  useful", "ERROR Broken", "java.io.IOException: why", "at dev.adapterferry.log.LogsTest").doesNotContain("noise");
    }

    @Test
    void givesEachRunAndStageALogOfItsOwn() throws IOException {
        open(LogSettings.Level.INFO, false);
        try (LogContext run = LogContext.of("20261123-1-majora-4f2c", "majora", null)) {
            LOG.info("run begins");
            try (LogContext stage = LogContext.of("20261123-1-majora-4f2c", "majora", "merge")) {
                LOG.info("merging");
            }
            LOG.info("run ends");
        }
        LOG.info("elsewhere");
        Path folder = home.resolve("runs/20261123-1-majora-4f2c");
        assertThat(Files.readAllLines(folder.resolve("run.log"))).extracting(line -> line.substring(20)).containsExactly("INFO  [majora] run begins", "INFO  [majora] merging", "INFO  [majora] run ends");
        assertThat(Files.readAllLines(folder.resolve("merge.log"))).hasSize(1).first().asString().endsWith("merging");
        List<JsonNode> lines = structured();
        assertThat(lines).hasSize(4);
        JsonNode merging = lines.get(1);
        assertThat(merging.get("run").asText()).isEqualTo("20261123-1-majora-4f2c");
        assertThat(merging.get("stage").asText()).isEqualTo("merge");
        assertThat(merging.get("model").asText()).isEqualTo("majora");
        assertThat(lines.get(3).has("run")).isFalse();
    }

    @Test
    void followsNoHostileNameOutOfTheFolder() throws IOException {
        open(LogSettings.Level.INFO, false);
        for (String name : List.of("../../evil", "/tmp/evil", "", ".hidden", "a\nb", "x".repeat(300))) {
            try (LogContext context = LogContext.of(name, "m", "s")) {
                LOG.info("x");
            }
        }
        try (LogContext context = LogContext.of("good", "m", "../evil")) {
            LOG.info("x");
        }
        try (Stream<Path> files = Files.walk(home)) {
            assertThat(files.filter(Files::isRegularFile).map(file -> home.relativize(file).toString())).containsExactlyInAnyOrder("runs/good/run.log", today());
        }
    }

    @Test
    void staysJsonWhateverIsLogged() throws IOException {
        open(LogSettings.Level.INFO, false);
        String hostile = "quote \" backslash \\ line\nfeed \r tab\t bell\u0007 umlaut ü emoji \uD83D\uDE80 half \uD83D. separator \u2028 end";
        LOG.info(hostile);
        assertThat(structured().getFirst().get("message").asText()).isEqualTo(hostile);
    }

    @Test
    void masksSecretsInEveryLine() throws IOException {
        Secret secret = new Secret("log-test \"secret\" value");
        open(LogSettings.Level.INFO, false);
        try (LogContext context = LogContext.of("r1", "majora", "download")) {
            LOG.error("Key {} refused", secret.reveal(), new IOException("Authorization: Bearer abcdefgh12345678 with " + secret.reveal()));
            LOG.error("Key {} refused", secret);
        }
        StringBuilder all = new StringBuilder(terminal.toString(StandardCharsets.UTF_8));
        try (Stream<Path> files = Files.walk(home)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                all.append(Files.readString(file));
            }
        }
        assertThat(all.toString()).contains("Key *** refused").doesNotContain("log-test", "abcdefgh12345678");
        assertThat(structured()).hasSize(2);
    }

    @Test
    void keepsLinesWholeWhenManyWrite() throws Exception {
        open(LogSettings.Level.INFO, false);
        String text = "x".repeat(3000);
        try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
            List<Future<?>> work = Stream.<Future<?>>generate(() -> threads.submit(() -> {
                for (int i = 0; i < 50; i++) {
                    new LogFiles(home.resolve("logs"), home.resolve("runs"), Level.INFO).append(event(text));
                }
            })).limit(4).toList();
            for (Future<?> one : work) {
                one.get();
            }
        }
        assertThat(structured()).hasSize(200).allSatisfy(line -> assertThat(line.get("message").asText()).isEqualTo(text));
    }

    @Test
    void forgetsOldDaysAndNothingElse() throws IOException {
        Path logs = Files.createDirectories(home.resolve("logs"));
        LocalDate today = LocalDate.now(ZoneOffset.UTC);
        Path old = Files.createFile(logs.resolve("ferry-" + today.minusDays(31) + ".jsonl"));
        Path border = Files.createFile(logs.resolve("ferry-" + today.minusDays(30) + ".jsonl"));
        Path other = Files.createFile(logs.resolve("notes-2001-01-01.jsonl"));
        assertThat(Logs.forget(logs, Instant.now().minusSeconds(30L * 24 * 3600))).containsExactly(old);
        assertThat(border).exists();
        assertThat(other).exists();
        assertThat(Logs.forget(home.resolve("missing"), Instant.now())).isEmpty();
    }

    private static ch.qos.logback.classic.spi.ILoggingEvent event(String text) {
        return new ch.qos.logback.classic.spi.LoggingEvent("x", (Logger) LoggerFactory.getLogger("dev.adapterferry.x"), Level.INFO, text, null, null);
    }

    private void open(LogSettings.Level level, boolean verbose) {
        Logs.open(new LogSettings(home.resolve("logs"), level, LogSettings.Level.WARN), home.resolve("runs"), verbose);
    }

    private static String today() {
        return "logs/ferry-" + LocalDate.now(ZoneOffset.UTC) + ".jsonl";
    }

    private List<JsonNode> structured() throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        try (Stream<Path> files = Files.list(home.resolve("logs"))) {
            List<JsonNode> lines = new java.util.ArrayList<>();
            for (Path file : files.sorted().toList()) {
                for (String line : Files.readString(file).split("\n")) {
                    lines.add(mapper.readTree(line));
                }
            }
            return lines;
        }
    }

    private List<String> shown() {
        return terminal.toString(StandardCharsets.UTF_8).lines().toList();
    }
}
