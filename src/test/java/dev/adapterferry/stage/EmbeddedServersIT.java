package dev.adapterferry.stage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.deploy.Candidate;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.files.Sha256;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.modelserver.Answer;
import dev.adapterferry.modelserver.OpenAiClient;
import dev.adapterferry.modelserver.Question;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.SettingsLoader;
import dev.adapterferry.waiting.Ports;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which server answers for a release where LM Studio's port belongs to somebody else, and with whose settings. */
class EmbeddedServersIT {
    private static final String HOLDER = "test";
    private static final String TEMPLATE = "{% for m in messages %}{{ m['content'] }}\n{% endfor %}";
    private static final String LONG = "A system prompt of many more words than its predecessor.";

    @TempDir
    Path directory;

    private final HttpCaller http = new JdkHttpCaller();
    private EmbeddedServers servers;
    private Ledger ledger;
    private int made;

    @BeforeEach
    void start() {
        servers = new EmbeddedServers(http);
        ledger = Ledger.open("jdbc:sqlite:" + directory.resolve("ledger.db"), Optional.empty(), Optional.empty(), Duration.ofSeconds(10));
    }

    @AfterEach
    void stop() {
        servers.release(HOLDER);
        ledger.close();
    }

    private Settings settings(int port, String model) throws IOException {
        Path file = Files.writeString(directory.resolve("ferry.yaml"), """
                home: %s
                models:
                  majora: {publisher: acme, formats: [Q8_0], %s}
                health: {timeout: 2s}
                deploy: {lmstudio: {enabled: always, models-dir: %s, api-url: "http://127.0.0.1:%d", defaults: false}}
                """.formatted(directory.resolve("home"), model, Files.createDirectories(directory.resolve("models")), port));
        return new SettingsLoader(Path.of("").toAbsolutePath(), Map.of()).load(Optional.of(file), Map.of()).settings();
    }

    private ReleaseDesk desk(Settings settings) {
        return new ReleaseDesk(settings, ledger, http, Progress.NONE, new Cancellation());
    }

    private void deploy(Settings settings) throws IOException {
        made++;
        Path file = Files.createDirectories(directory.resolve("runs/" + made)).resolve("majora-Q8_0.gguf");
        TinyGguf.writeEndless(file, made, TEMPLATE);
        desk(settings).deploy(new Candidate("majora", List.of(Candidate.Item.of(file, "Q8_0", Sha256.of(file))), Map.of()), "run-" + made, false, Announcer.NOBODY);
    }

    private ModelServers.Serving serve(Settings settings) {
        return servers.serve(HOLDER, settings, "majora", new ActiveReleases(settings, ledger).get("majora"));
    }

    private Answer ask(ModelServers.Serving serving, String prompt) {
        return new OpenAiClient(serving.endpoint().within(Duration.ofMinutes(1)), http).ask(Question.greedy(serving.modelId(), null, prompt, 4));
    }

    @Test
    void answersItselfWhereAnotherProgramHoldsThePortAndSaysYesToEverything() throws IOException {
        for (String yes : List.of("OK", "{\"status\":\"ok\"}")) {
            HttpServer program = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
            program.createContext("/", exchange -> {
                try (exchange) {
                    exchange.getRequestBody().readAllBytes();
                    byte[] body = yes.getBytes(StandardCharsets.UTF_8);
                    exchange.sendResponseHeaders(200, body.length);
                    exchange.getResponseBody().write(body);
                }
            });
            program.start();
            try {
                assertEmbedded(settings(program.getAddress().getPort(), "context-length: 256"));
            } finally {
                program.stop(0);
            }
        }
    }

    @Test
    void answersItselfWhereAnotherProgramHoldsThePortAndSpeaksNoHttp() throws Exception {
        Thread accepting;
        try (ServerSocket program = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
            accepting = Thread.ofVirtual().start(() -> greet(program));
            assertEmbedded(settings(program.getLocalPort(), "context-length: 256"));
        }
        accepting.join();
    }

    private static void greet(ServerSocket program) {
        while (!program.isClosed()) {
            try (Socket socket = program.accept()) {
                socket.getOutputStream().write("SSH-2.0-something\r\n".getBytes(StandardCharsets.US_ASCII));
            } catch (IOException e) {
                // The caller went, or the test is over.
            }
        }
    }

    /** The client programs, too, turn to the ferry's own server. */
    private void assertEmbedded(Settings settings) throws IOException {
        deploy(settings);
        ModelServers.Serving serving = serve(settings);
        assertThat(serving.embedded()).isTrue();
        assertThat(ask(serving, "hello").isFrom("majora")).isTrue();
        assertThat(Files.readString(settings.home().resolve("clients/majora/ask.py"))).contains(":" + settings.serve().port() + "/v1/chat/completions");
        servers.release(HOLDER);
    }

    @Test
    void servesAReleaseThatCameBackWithItsOwnSettings() throws IOException {
        int closed = Ports.free();
        deploy(settings(closed, "context-length: 256, temperature: 0.1, system-prompt: \"Short.\""));
        Settings later = settings(closed, "context-length: 1024, temperature: 0.9, system-prompt: \"" + LONG + "\"");
        deploy(later);
        int second = ask(serve(later), "hello").promptTokens();
        assertThat(ask(serve(later), "x".repeat(400)).promptTokens()).isGreaterThan(400);
        servers.release(HOLDER);

        desk(later).rollback("majora", OptionalInt.empty());
        ModelServers.Serving back = serve(later);
        // Each letter is a token of its own.
        assertThat(second - ask(back, "hello").promptTokens()).isEqualTo(LONG.length() - "Short.".length());
        String tooLong = "x".repeat(400);
        assertThatThrownBy(() -> ask(back, tooLong)).isInstanceOf(FerryException.class).hasMessageContaining("256");
    }
}
