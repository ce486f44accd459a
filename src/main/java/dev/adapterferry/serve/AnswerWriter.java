package dev.adapterferry.serve;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import dev.adapterferry.llamacpp.Generation;
import java.io.IOException;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Locale;
import java.util.UUID;

/**
 * Writes one answer, whole or as server-sent events, in OpenAI's shapes for chats and plain completions. {@code timings}
 * carries what llama.cpp's own server says: tokens, milliseconds and rates of prompt and answer.
 */
final class AnswerWriter {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpExchange exchange;
    private final CompletionRequest request;
    private final boolean chat;
    private final String id;
    private final long created = System.currentTimeMillis() / 1000;
    private OutputStream stream;

    AnswerWriter(HttpExchange exchange, CompletionRequest request) {
        this.exchange = exchange;
        this.request = request;
        this.chat = request.prompt() == null;
        this.id = (chat ? "chatcmpl-" : "cmpl-") + UUID.randomUUID().toString().replace("-", "");
    }

    /** Whether part of the answer is on its way, so that no other status can be sent. */
    boolean begun() {
        return stream != null;
    }

    void piece(String text) throws IOException {
        begin();
        ObjectNode chunk = envelope(true);
        ObjectNode choice = choice(chunk, null);
        if (chat) {
            choice.putObject("delta").put("content", text);
        } else {
            choice.put("text", text);
        }
        event(chunk);
    }

    void endStream(Generation generation) throws IOException {
        begin();
        ObjectNode last = envelope(true);
        ObjectNode choice = choice(last, finish(generation));
        if (chat) {
            choice.putObject("delta");
        } else {
            choice.put("text", "");
        }
        last.set("timings", timings(generation));
        event(last);
        if (request.usage()) {
            ObjectNode counts = envelope(true);
            counts.putArray("choices");
            counts.set("usage", usage(generation));
            event(counts);
        }
        stream.write("data: [DONE]\n\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
        stream.close();
    }

    /** An error in the middle of a stream: the client sees it instead of the end. */
    void breakStream(ApiError error) throws IOException {
        event(error.json());
        stream.close();
    }

    void whole(Generation generation) throws IOException {
        ObjectNode body = envelope(false);
        ObjectNode choice = choice(body, finish(generation));
        if (chat) {
            choice.putObject("message").put("role", "assistant").put("content", generation.text());
        } else {
            choice.put("text", generation.text());
        }
        body.set("usage", usage(generation));
        body.set("timings", timings(generation));
        send(exchange, 200, body);
    }

    private void begin() throws IOException {
        if (stream != null) {
            return;
        }
        exchange.getResponseHeaders().set("Content-Type", "text/event-stream; charset=utf-8");
        exchange.getResponseHeaders().set("Cache-Control", "no-cache");
        exchange.sendResponseHeaders(200, 0);
        stream = exchange.getResponseBody();
        if (chat) {
            ObjectNode first = envelope(true);
            choice(first, null).putObject("delta").put("role", "assistant").put("content", "");
            event(first);
        }
    }

    private void event(JsonNode json) throws IOException {
        stream.write(("data: " + JSON.writeValueAsString(json) + "\n\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
        stream.flush();
    }

    private ObjectNode envelope(boolean chunk) {
        String object = !chat ? "text_completion" : chunk ? "chat.completion.chunk" : "chat.completion";
        return JSON.createObjectNode().put("id", id).put("object", object).put("created", created).put("model", request.model());
    }

    private static ObjectNode choice(ObjectNode body, String finish) {
        ObjectNode choice = body.putArray("choices").addObject().put("index", 0);
        choice.putNull("logprobs");
        return choice.put("finish_reason", finish);
    }

    private static String finish(Generation generation) {
        return generation.finish().name().toLowerCase(Locale.ROOT);
    }

    private static ObjectNode usage(Generation generation) {
        return JSON.createObjectNode().put("prompt_tokens", generation.promptTokens()).put("completion_tokens", generation.answerTokens())
                .put("total_tokens", generation.promptTokens() + generation.answerTokens());
    }

    private static ObjectNode timings(Generation generation) {
        Duration answer = generation.total().minus(generation.firstToken());
        return JSON.createObjectNode().put("prompt_n", generation.promptTokens()).put("prompt_ms", millis(generation.firstToken()))
                .put("prompt_per_second", generation.promptTokens() / Math.max(1e-9, generation.firstToken().toNanos() / 1e9))
                .put("predicted_n", generation.answerTokens()).put("predicted_ms", millis(answer)).put("predicted_per_second", generation.tokensPerSecond());
    }

    private static double millis(Duration duration) {
        return duration.toNanos() / 1e6;
    }

    static void send(HttpExchange exchange, int status, JsonNode json) throws IOException {
        byte[] body = JSON.writeValueAsBytes(json);
        exchange.getResponseHeaders().set("Content-Type", "application/json; charset=utf-8");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
    }
}
