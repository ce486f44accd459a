package dev.adapterferry.modelserver;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What servers do wrong, told apart by what heals and what does not. */
class OpenAiClientIT {
    private static final Question QUESTION = Question.greedy("majora", null, "Hello", 16);

    private final CountDownLatch end = new CountDownLatch(1);
    private HttpServer server;
    private volatile int status = 200;
    private volatile String reply = "";
    private volatile boolean hang;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            try (exchange) {
                exchange.getRequestBody().readAllBytes();
                exchange.sendResponseHeaders(status, 0);
                OutputStream out = exchange.getResponseBody();
                out.write(reply.getBytes(StandardCharsets.UTF_8));
                out.flush();
                if (hang) {
                    end.await();
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        });
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
    }

    @AfterEach
    void stop() {
        end.countDown();
        server.stop(0);
    }

    @Test
    void joinsTheChunksOfAStream() {
        reply = """
                : a comment
                data: {"model":"majora","choices":[{"delta":{"role":"assistant","content":""}}]}

                data: {"model":"majora","choices":[{"delta":{"reasoning_content":"hm "}}]}
                data: {"model":"majora","choices":[{"delta":{"content":"Hé"}}]}
                data: {"model":"majora","choices":[{"delta":{"content":"llo"},"finish_reason":"stop"}]}
                data: {"model":"majora","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4},"timings":{"predicted_per_second":12.5}}
                data: [DONE]
                """;
        Answer answer = client(5000).askStreaming(QUESTION);
        assertThat(answer.content()).isEqualTo("Héllo");
        assertThat(answer.reasoning()).isEqualTo("hm ");
        assertThat(answer.text()).isEqualTo("hm \nHéllo");
        assertThat(answer.finishReason()).isEqualTo("stop");
        assertThat(answer.completionTokens()).isEqualTo(4);
        assertThat(answer.tokensPerSecond()).isEqualTo(12.5);
        assertThat(answer.firstToken()).isPositive().isLessThanOrEqualTo(answer.elapsed());
    }

    @Test
    void aStreamThatBreaksOffMayHeal() {
        reply = "data: {\"model\":\"majora\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
        assertThatThrownBy(() -> client(5000).askStreaming(QUESTION)).isInstanceOf(TransientFailure.class).hasMessageContaining("broke off");
    }

    @Test
    void aStreamThatNeverEndsIsCutAtTheLimit() {
        reply = "data: {\"model\":\"majora\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\n";
        hang = true;
        assertThatThrownBy(() -> client(300).askStreaming(QUESTION)).isInstanceOf(TransientFailure.class).hasMessageContaining("not complete within");
    }

    @Test
    void anErrorInMidStreamIsTold() {
        reply = "data: {\"model\":\"majora\",\"choices\":[{\"delta\":{\"content\":\"Hel\"}}]}\n\ndata: {\"error\":{\"message\":\"context overflow\"}}\n\ndata: [DONE]\n\n";
        assertThatThrownBy(() -> client(5000).askStreaming(QUESTION)).isInstanceOf(FerryException.class).isNotInstanceOf(TransientFailure.class).hasMessageContaining("context overflow");
    }

    @Test
    void aPageWithStatus200IsNoAnswer() {
        reply = "{\"error\":\"Unexpected endpoint or method. (POST /v1/chat/completions)\"}";
        assertThatThrownBy(() -> client(5000).askStreaming(QUESTION)).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Unexpected endpoint");
        assertThatThrownBy(() -> client(5000).ask(QUESTION)).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Unexpected endpoint");
        assertThatThrownBy(() -> client(5000).models()).isExactlyInstanceOf(FerryException.class).hasMessageContaining("Unexpected endpoint");
        reply = "<html>router</html>";
        assertThatThrownBy(() -> client(5000).models()).isExactlyInstanceOf(FerryException.class).hasMessageContaining("no JSON but <html>router</html>");
    }

    @Test
    void busyServersMayHealAndRefusalsDoNot() {
        reply = "{\"error\":{\"message\":\"loading\"}}";
        for (int busy : new int[] {429, 500, 503}) {
            status = busy;
            assertThatThrownBy(() -> client(5000).ask(QUESTION)).isInstanceOf(TransientFailure.class).hasMessageContaining("loading");
            assertThatThrownBy(() -> client(5000).askStreaming(QUESTION)).isInstanceOf(TransientFailure.class).hasMessageContaining("loading");
        }
        for (int refused : new int[] {400, 401, 404}) {
            status = refused;
            assertThatThrownBy(() -> client(5000).ask(QUESTION)).isExactlyInstanceOf(FerryException.class);
            assertThatThrownBy(() -> client(5000).askStreaming(QUESTION)).isExactlyInstanceOf(FerryException.class);
        }
    }

    @Test
    void tellsModelsApart() {
        assertThat(answerOf("majora").isFrom("majora")).isTrue();
        assertThat(answerOf("Majora:2").isFrom("majora")).isTrue();
        assertThat(answerOf("majora").isFrom("majora@q4_k_m")).isTrue();
        assertThat(answerOf("majora@q8_0").isFrom("majora@q4_k_m")).isFalse();
        assertThat(answerOf("majora:latest").isFrom("majora")).isTrue();
        assertThat(answerOf("majora2").isFrom("majora")).isFalse();
        assertThat(answerOf("").isFrom("majora")).isFalse();
    }

    @Test
    void addressesAreCheckedAndTokensStaySecret() {
        assertThat(new Endpoint(URI.create("http://127.0.0.1:1234/v1/"), null, Duration.ofSeconds(1)).at("/v1/models")).isEqualTo(URI.create("http://127.0.0.1:1234/v1/models"));
        assertThatThrownBy(() -> new Endpoint(URI.create("127.0.0.1:1234"), null, Duration.ofSeconds(1))).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Endpoint(URI.create("file:///x"), null, Duration.ofSeconds(1))).isInstanceOf(SettingsException.class);
        assertThatThrownBy(() -> new Endpoint(URI.create("http://h"), null, Duration.ZERO)).isInstanceOf(SettingsException.class);
        assertThat(new Endpoint(URI.create("http://h"), new Secret("sk-lm-secret"), Duration.ofSeconds(1)).toString()).doesNotContain("sk-lm-secret");
    }

    private static Answer answerOf(String model) {
        return new Answer(model, "", "", "", -1, -1, Duration.ZERO, null, null);
    }

    private OpenAiClient client(long millis) {
        return new OpenAiClient(new Endpoint(URI.create("http://127.0.0.1:" + server.getAddress().getPort()), null, Duration.ofMillis(millis)), new JdkHttpCaller());
    }
}
