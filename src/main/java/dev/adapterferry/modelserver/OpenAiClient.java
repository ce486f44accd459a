package dev.adapterferry.modelserver;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Asks one OpenAI-compatible server. A status of 200 proves nothing: each answer must hold the member that it is about
 * ({@code data}, {@code choices}). Safe for many threads.
 *
 * @see <a href="https://lmstudio.ai/docs/developer/openai-compat">LM Studio's OpenAI-compatible endpoints</a>
 */
public final class OpenAiClient {
    static final ObjectMapper JSON = new ObjectMapper();

    private final Endpoint endpoint;
    private final HttpCaller caller;
    private final AnswerStream stream;

    /**
     * @param endpoint the server
     * @param caller   sends the small exchanges; streams go through the JDK's client
     */
    public OpenAiClient(Endpoint endpoint, HttpCaller caller) {
        this.endpoint = endpoint;
        this.caller = caller;
        this.stream = new AnswerStream(endpoint);
    }

    /** The server asked. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /**
     * Ids of {@code GET /v1/models}.
     *
     * @throws TransientFailure when nobody listens or the server is busy
     * @throws FerryException   when the answer holds no {@code data}: another server, or a wrong token
     */
    public List<String> models() {
        JsonNode body = body(caller.call(HttpCall.get(endpoint.at("/v1/models"), endpoint.headers(), endpoint.timeout())), "/v1/models", "data");
        List<String> ids = new ArrayList<>();
        body.path("data").forEach(model -> ids.add(model.path("id").asText()));
        return ids;
    }

    /**
     * One whole answer of {@code POST /v1/chat/completions}.
     *
     * @throws TransientFailure when nobody listens, the limit passes, or the server answers 429 or 5xx
     * @throws FerryException   when the server refuses or answers without {@code choices}
     */
    public Answer ask(Question question) {
        long start = System.nanoTime();
        HttpReply reply = caller.call(HttpCall.json("POST", endpoint.at("/v1/chat/completions"), endpoint.headers(), body(question, false), endpoint.timeout()));
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        JsonNode body = body(reply, "/v1/chat/completions", "choices");
        JsonNode choice = body.path("choices").path(0);
        JsonNode message = choice.path("message");
        return new Answer(body.path("model").asText(""), text(message, "content"), reasoning(message), choice.path("finish_reason").asText(""),
                body.path("usage").path("prompt_tokens").asInt(-1), body.path("usage").path("completion_tokens").asInt(-1), elapsed, null,
                rate(body));
    }

    /** The same with a stream, so that the time to the first token is known. Failures as in {@link #ask}. */
    public Answer askStreaming(Question question) {
        return stream.read(body(question, true));
    }

    /**
     * The vector of a text, of {@code POST /v1/embeddings}. Failures as in {@link #ask}.
     *
     * @param model id of a model that makes vectors
     */
    public TextVector embed(String model, String text) {
        long start = System.nanoTime();
        String request = JSON.createObjectNode().put("model", model).put("input", text).put("encoding_format", "float").toString();
        HttpReply reply = caller.call(HttpCall.json("POST", endpoint.at("/v1/embeddings"), endpoint.headers(), request, endpoint.timeout()));
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        JsonNode body = body(reply, "/v1/embeddings", "data");
        JsonNode numbers = body.path("data").path(0).path("embedding");
        double[] values = new double[numbers.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = numbers.get(i).isNumber() ? numbers.get(i).asDouble() : Double.NaN;
        }
        return new TextVector(body.path("model").asText(""), values, elapsed);
    }

    /**
     * The scores of texts against a query, of {@code POST /v1/rerank}. Failures as in {@link #ask}.
     *
     * @param model id of a model that makes scores
     * @throws MissingEndpoint when the server has none, as LM Studio and Ollama
     */
    public Ranking rank(String model, String query, List<String> texts) {
        long start = System.nanoTime();
        ObjectNode request = JSON.createObjectNode().put("model", model).put("query", query);
        texts.forEach(request.putArray("documents")::add);
        HttpReply reply = caller.call(HttpCall.json("POST", endpoint.at("/v1/rerank"), endpoint.headers(), request.toString(), endpoint.timeout()));
        Duration elapsed = Duration.ofNanos(System.nanoTime() - start);
        // LM Studio answers 200 to everything; llama-server answers 501 where it was started without --reranking.
        if (List.of(404, 405, 501).contains(reply.status()) || reply.text().contains("Unexpected endpoint or method")) {
            throw new MissingEndpoint(endpoint.at("/v1/rerank") + " answered " + reply.status() + ": " + excerpt(reply.text()));
        }
        JsonNode body = body(reply, "/v1/rerank", "results");
        double[] scores = new double[texts.size()];
        Arrays.fill(scores, Double.NaN);
        body.path("results").forEach(result -> {
            int index = result.path("index").asInt(-1);
            if (index >= 0 && index < scores.length && result.path("relevance_score").isNumber()) {
                scores[index] = result.get("relevance_score").asDouble();
            }
        });
        return new Ranking(body.path("model").asText(""), scores, elapsed);
    }

    static String body(Question question, boolean streaming) {
        ObjectNode body = JSON.createObjectNode().put("model", question.model());
        ArrayNode messages = body.putArray("messages");
        if (question.system() != null && !question.system().isBlank()) {
            messages.addObject().put("role", "system").put("content", question.system());
        }
        messages.addObject().put("role", "user").put("content", question.prompt());
        body.put("temperature", question.temperature()).put("top_p", question.topP()).put("max_tokens", question.maxTokens()).put("stream", streaming);
        if (question.seed() != null) {
            body.put("seed", question.seed());
        }
        if (!question.stop().isEmpty()) {
            ArrayNode stop = body.putArray("stop");
            question.stop().forEach(stop::add);
        }
        if (streaming) {
            body.putObject("stream_options").put("include_usage", true);
        }
        return body.toString();
    }

    private JsonNode body(HttpReply reply, String path, String member) {
        JsonNode body;
        try {
            body = JSON.readTree(reply.body());
        } catch (java.io.IOException e) {
            throw failure(reply.status(), path, "no JSON but " + excerpt(reply.text()));
        }
        if (reply.status() == 200 && body.path(member).isArray()) {
            return body;
        }
        throw failure(reply.status(), path, error(body, reply.text()));
    }

    RuntimeException failure(int status, String path, String found) {
        String sentence = endpoint.at(path) + " answered " + status + ": " + found;
        return status == 429 || status >= 500 ? new TransientFailure(sentence) : new FerryException(sentence);
    }

    /** The server's own words: {@code error} is a text in LM Studio's traps and Ollama, an object elsewhere. */
    static String error(JsonNode body, String raw) {
        JsonNode error = body == null ? null : body.path("error");
        if (error != null && error.isTextual()) {
            return error.asText();
        }
        return error != null && error.path("message").isTextual() ? error.path("message").asText() : excerpt(raw);
    }

    static JsonNode parse(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            return JSON.createObjectNode();
        }
    }

    static String text(JsonNode node, String member) {
        return node.path(member).isTextual() ? node.path(member).asText() : "";
    }

    /** LM Studio and vLLM say {@code reasoning_content}, LM Studio for gpt-oss {@code reasoning}. */
    static String reasoning(JsonNode message) {
        String content = text(message, "reasoning_content");
        return content.isEmpty() ? text(message, "reasoning") : content;
    }

    /** LM Studio's {@code stats}, llama.cpp's {@code timings}; null when the server measured nothing. */
    static Double rate(JsonNode body) {
        JsonNode rate = body.path("stats").path("tokens_per_second");
        rate = rate.isNumber() ? rate : body.path("timings").path("predicted_per_second");
        return rate.isNumber() && rate.asDouble() > 0 ? rate.asDouble() : null;
    }

    private static String excerpt(String text) {
        String flat = text.strip().replaceAll("\\s+", " ");
        return flat.isEmpty() ? "an empty body" : flat.length() > 200 ? flat.substring(0, 200) + "..." : flat;
    }
}
