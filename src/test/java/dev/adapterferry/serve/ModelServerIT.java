package dev.adapterferry.serve;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.llamacpp.GeneratingModel;
import dev.adapterferry.llamacpp.Generation;
import dev.adapterferry.llamacpp.Sampling;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.secret.Secret;
import dev.adapterferry.waiting.Waiting;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelServerIT {
    private static final String TEMPLATE = "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    private static final HttpClient HTTP = HttpClient.newHttpClient();
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private static Path folder;
    private static Path first;
    private static Path second;
    private ModelServer server;

    @BeforeAll
    static void writeModels() throws IOException {
        first = folder.resolve("first.gguf");
        second = folder.resolve("second.gguf");
        TinyGguf.write(first, 1, TEMPLATE);
        TinyGguf.write(second, 2, null);
        Files.writeString(folder.resolve("broken.gguf"), "no model");
    }

    @BeforeEach
    void start() {
        server = ModelServer.start(new ServerOptions("127.0.0.1", 0, Optional.empty(), 1, 0, 1), List.of(
                new ServedModel("first", first, "Be brief.", 0.0, 128), ServedModel.of("second", second), ServedModel.of("broken", folder.resolve("broken.gguf"))));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void listsItsModels() throws Exception {
        JsonNode list = json(get("/v1/models"));
        assertThat(list.get("object").asText()).isEqualTo("list");
        assertThat(list.get("data").findValuesAsText("id")).containsExactly("first", "second", "broken");
        assertThat(list.at("/data/0/object").asText()).isEqualTo("model");
        assertThat(list.at("/data/0/created").asLong()).isPositive();
        assertThat(json(get("/v1/models/second")).get("id").asText()).isEqualTo("second");
        assertThat(get("/v1/models/third").statusCode()).isEqualTo(404);
        assertThat(json(get("/health")).get("status").asText()).isEqualTo("ok");
    }

    @Test
    void answersAsTheModelItselfDoes() throws Exception {
        JsonNode answer = json(post("/v1/chat/completions", """
                {"model": "first", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 12}"""));
        // Its own system prompt and temperature 0: exactly what llama.cpp says greedily to the rendered text.
        Generation expected = direct(first, "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n", 12);
        assertThat(answer.at("/choices/0/message/content").asText()).isEqualTo(expected.text());
        assertThat(answer.at("/choices/0/message/role").asText()).isEqualTo("assistant");
        assertThat(answer.at("/choices/0/finish_reason").asText()).isEqualTo(expected.finish().name().toLowerCase());
        assertThat(answer.get("model").asText()).isEqualTo("first");
        assertThat(answer.get("object").asText()).isEqualTo("chat.completion");
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(expected.promptTokens());
        assertThat(answer.at("/usage/completion_tokens").asInt()).isEqualTo(expected.answerTokens());
        assertThat(answer.at("/usage/total_tokens").asInt()).isEqualTo(expected.promptTokens() + expected.answerTokens());
        assertThat(answer.at("/timings/predicted_n").asInt()).isEqualTo(expected.answerTokens());
        assertThat(answer.at("/timings/predicted_per_second").asDouble()).isPositive();
        assertThat(answer.at("/timings/prompt_ms").asDouble()).isPositive();
    }

    @Test
    void takesTheClientsSystemPromptInsteadOfItsOwn() throws Exception {
        JsonNode answer = json(post("/v1/chat/completions", """
                {"model": "first", "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": [{"type": "text", "text": "he"}, {"type": "text", "text": "llo"}]}], "max_tokens": 6}"""));
        Generation expected = direct(first, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n", 6);
        assertThat(answer.at("/choices/0/message/content").asText()).isEqualTo(expected.text());
        assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(expected.promptTokens());
    }

    @Test
    void streamsTheSameAnswerInPieces() throws Exception {
        String question = """
                {"model": "first", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 12%s}""";
        JsonNode whole = json(post("/v1/chat/completions", question.formatted("")));
        HttpResponse<String> stream = post("/v1/chat/completions", question.formatted(", \"stream\": true, \"stream_options\": {\"include_usage\": true}"));
        assertThat(stream.headers().firstValue("Content-Type").orElse("")).startsWith("text/event-stream");
        List<String> events = stream.body().lines().filter(line -> !line.isEmpty()).toList();
        assertThat(events).allMatch(line -> line.startsWith("data: ")).last().isEqualTo("data: [DONE]");
        StringBuilder text = new StringBuilder();
        List<JsonNode> chunks = new ArrayList<>();
        for (String event : events.subList(0, events.size() - 1)) {
            JsonNode chunk = JSON.readTree(event.substring(6));
            chunks.add(chunk);
            text.append(chunk.at("/choices/0/delta/content").asText(""));
            assertThat(chunk.get("object").asText()).isEqualTo("chat.completion.chunk");
            assertThat(chunk.get("id")).isEqualTo(chunks.getFirst().get("id"));
        }
        assertThat(text.toString()).isEqualTo(whole.at("/choices/0/message/content").asText());
        assertThat(chunks.getFirst().at("/choices/0/delta/role").asText()).isEqualTo("assistant");
        assertThat(chunks.getLast().get("choices")).isEmpty();
        assertThat(chunks.getLast().get("usage")).isEqualTo(whole.get("usage"));
        JsonNode end = chunks.get(chunks.size() - 2);
        assertThat(end.at("/choices/0/finish_reason").asText()).isEqualTo(whole.at("/choices/0/finish_reason").asText());
        assertThat(chunks.subList(0, chunks.size() - 2)).allMatch(chunk -> chunk.at("/choices/0/finish_reason").isNull());
        assertThat(chunks).hasSizeGreaterThan(4);
    }

    @Test
    void goesOnWithAPlainText() throws Exception {
        String body = """
                {"model": "second", "prompt": "the hell", "max_tokens": 8, "temperature": 0%s}""";
        JsonNode answer = json(post("/v1/completions", body.formatted("")));
        assertThat(answer.at("/choices/0/text").asText()).isEqualTo(direct(second, "the hell", 8).text());
        assertThat(answer.get("object").asText()).isEqualTo("text_completion");
        String streamed = post("/v1/completions", body.formatted(", \"stream\": true")).body();
        assertThat(streamed).contains("\"object\":\"text_completion\"").endsWith("data: [DONE]\n\n").doesNotContain("\"usage\"");
    }

    @Test
    void honoursSeedAndStop() throws Exception {
        String body = """
                {"model": "second", "prompt": "x", "max_tokens": 20, "temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0, "seed": %d}""";
        String one = text(post("/v1/completions", body.formatted(1)));
        assertThat(text(post("/v1/completions", body.formatted(1)))).isEqualTo(one);
        assertThat(text(post("/v1/completions", body.formatted(2)))).isNotEqualTo(one);
        Generation plain = direct(second, "x", 20);
        String stop = plain.text().substring(4, 6);
        String cut = text(post("/v1/completions", JSON.writeValueAsString(java.util.Map.of("model", "second", "prompt", "x", "max_tokens", 20, "temperature", 0, "stop", List.of(stop)))));
        assertThat(cut).isEqualTo(plain.text().substring(0, plain.text().indexOf(stop)));
    }

    @Test
    void keepsAsManyModelsInMemoryAsItMay() throws Exception {
        assertThat(server.loaded()).isEmpty();
        post("/v1/completions", "{\"model\": \"first\", \"prompt\": \"x\", \"max_tokens\": 1}");
        assertThat(server.loaded()).containsExactly("first");
        assertThat(json(get("/v1/models")).at("/data/0/state").asText()).isEqualTo("loaded");
        post("/v1/completions", "{\"model\": \"second\", \"prompt\": \"x\", \"max_tokens\": 1}");
        assertThat(server.loaded()).containsExactly("second");
        // Its answer is there a moment before whoever made it lets go of the model.
        Waiting.until("the second model rests", () -> server.unload("second"));
        assertThat(server.unload("second")).isFalse();
        assertThat(server.loaded()).isEmpty();
        server.load("first");
        assertThat(server.loaded()).containsExactly("first");
        assertThat(server.remove("first")).isTrue();
        assertThat(post("/v1/completions", "{\"model\": \"first\", \"prompt\": \"x\"}").statusCode()).isEqualTo(404);
        assertThatThrownBy(() -> server.load("first")).isInstanceOf(FerryException.class).hasMessageContaining("not served");
    }

    @Test
    void readsAReplacedFileAnew() throws Exception {
        Path file = folder.resolve("replaced.gguf");
        Files.copy(first, file);
        server.add(ServedModel.of("replaced", file));
        String body = "{\"model\": \"replaced\", \"prompt\": \"x\", \"max_tokens\": 16, \"temperature\": 0}";
        assertThat(text(post("/v1/completions", body))).isEqualTo(direct(first, "x", 16).text());
        Path fresh = folder.resolve("replaced.part");
        Files.copy(second, fresh);
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        assertThat(text(post("/v1/completions", body))).isEqualTo(direct(second, "x", 16).text()).isNotEqualTo(direct(first, "x", 16).text());
    }

    @Test
    void answersManyClientsWithTwoModelsAndRoomForOne() throws Exception {
        try (ExecutorService clients = Executors.newVirtualThreadPerTaskExecutor()) {
            List<Callable<String>> questions = new ArrayList<>();
            for (int i = 0; i < 16; i++) {
                String body = "{\"model\": \"%s\", \"prompt\": \"x\", \"max_tokens\": 8, \"temperature\": 0}".formatted(i % 2 == 0 ? "first" : "second");
                questions.add(() -> text(post("/v1/completions", body)));
            }
            List<Future<String>> answers = clients.invokeAll(questions);
            for (int i = 0; i < answers.size(); i++) {
                assertThat(answers.get(i).get()).isEqualTo(direct(i % 2 == 0 ? first : second, "x", 8).text());
            }
        }
        assertThat(server.loaded()).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(delimiterString = " => ", quoteCharacter = '`', value = {
        "/v1/chat/completions => {not json => 400 => is no JSON",
        "/v1/chat/completions => [] => 400 => must be a JSON object",
        "/v1/chat/completions => {\"messages\": [{\"role\": \"user\", \"content\": \"x\"}]} => 400 => 'model' must name",
        "/v1/chat/completions => {\"model\": \"nobody\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]} => 404 => 'nobody' is not served",
        "/v1/chat/completions => {\"model\": \"first\"} => 400 => 'messages' must be a list",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"content\": \"x\"}]} => 400 => has no 'role'",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\"}]} => 400 => has no 'content'",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\"}]}]} => 400 => only text",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"temperature\": \"hot\"} => 400 => 'temperature' must be a number",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"max_tokens\": 1.5} => 400 => 'max_tokens' must be a whole number",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"n\": 2} => 400 => 'n' is not supported",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"tools\": [{}]} => 400 => 'tools' is not supported",
        "/v1/chat/completions => {\"model\": \"first\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"stop\": \"\"} => 400 => 'stop' must be",
        "/v1/chat/completions => {\"model\": \"second\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]} => 400 => carries no chat template",
        "/v1/chat/completions => {\"model\": \"broken\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}], \"stream\": true} => 400 => broken.gguf at byte",
        "/v1/completions => {\"model\": \"first\"} => 400 => 'prompt' must be a text",
        "/v1/embeddings => {\"model\": \"first\"} => 400 => 'input' must be a text",
        "/v1/embeddings => {\"model\": \"first\", \"input\": \"x\"} => 400 => makes no vectors",
        "/v1/embeddings => {\"model\": \"nobody\", \"input\": \"x\"} => 404 => 'nobody' is not served",
        "/v2 => {} => 404 => Unknown request"
    })
    void refusesInOpenAisShape(String path, String body, int status, String message) throws Exception {
        HttpResponse<String> response = post(path, body);
        assertThat(response.statusCode()).isEqualTo(status);
        JsonNode error = json(response).get("error");
        assertThat(error.get("message").asText()).contains(message);
        assertThat(error.get("type").asText()).isEqualTo("invalid_request_error");
        assertThat(error.has("param")).isTrue();
        assertThat(error.has("code")).isTrue();
    }

    @Test
    void namesTheCodesThatClientsLookFor() throws Exception {
        JsonNode unknown = json(post("/v1/completions", "{\"model\": \"nobody\", \"prompt\": \"x\"}")).get("error");
        assertThat(unknown.get("code").asText()).isEqualTo("model_not_found");
        assertThat(unknown.get("param").asText()).isEqualTo("model");
        HttpResponse<String> tooLong = post("/v1/chat/completions", "{\"model\": \"first\", \"stream\": true, \"messages\": [{\"role\": \"user\", \"content\": \"%s\"}]}".formatted("x".repeat(300)));
        assertThat(tooLong.statusCode()).isEqualTo(400);
        assertThat(json(tooLong).at("/error/code").asText()).isEqualTo("context_length_exceeded");
    }

    @Test
    void wantsItsToken() throws Exception {
        try (ModelServer locked = ModelServer.start(new ServerOptions("127.0.0.1", 0, Optional.of(new Secret("open-sesame")), 1, 0, 1), List.of(ServedModel.of("first", first)))) {
            URI models = locked.address().resolve("/v1/models");
            assertThat(send(HttpRequest.newBuilder(models)).statusCode()).isEqualTo(401);
            assertThat(send(HttpRequest.newBuilder(models).header("Authorization", "Bearer wrong")).statusCode()).isEqualTo(401);
            assertThat(send(HttpRequest.newBuilder(models).header("Authorization", "Bearer open-sesame")).statusCode()).isEqualTo(200);
            assertThat(send(HttpRequest.newBuilder(locked.address().resolve("/health"))).statusCode()).isEqualTo(200);
        }
    }

    @Test
    void stopsComputingForAClientThatWentAway() throws Exception {
        // Greedily this model never comes to an end: only the client can end the answer within the test's patience.
        Path endless = folder.resolve("endless.gguf");
        TinyGguf.writeEndless(endless, 3, null);
        server.add(new ServedModel("long", endless, null, 0.0, 200_000));
        byte[] body = "{\"model\": \"long\", \"prompt\": \"x\", \"stream\": true, \"max_tokens\": 190000}".getBytes(StandardCharsets.UTF_8);
        try (Socket client = new Socket("127.0.0.1", server.address().getPort())) {
            OutputStream out = client.getOutputStream();
            out.write(("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length + "\r\n\r\n").getBytes(StandardCharsets.US_ASCII));
            out.write(body);
            out.flush();
            InputStream in = client.getInputStream();
            assertThat(new String(in.readNBytes(15), StandardCharsets.US_ASCII)).isEqualTo("HTTP/1.1 200 OK");
            client.setSoLinger(true, 0);
        }
        // Room for one model only: the next one is answered when, and only when, the abandoned answer has ended.
        HttpResponse<String> next = post("/v1/completions", "{\"model\": \"first\", \"prompt\": \"x\", \"max_tokens\": 1}");
        assertThat(next.statusCode()).isEqualTo(200);
        assertThat(server.loaded()).containsExactly("first");
    }

    @Test
    void refusesAnAddressThatIsTaken() {
        int port = server.address().getPort();
        assertThatThrownBy(() -> ModelServer.start(new ServerOptions("127.0.0.1", port, Optional.empty(), 1, 0, 1), List.of()))
                .isInstanceOf(FerryException.class).hasMessageContaining(":" + port).hasMessageContaining("another port");
    }

    @Test
    void answersNobodyOnceClosed() {
        URI health = server.address().resolve("/health");
        server.close();
        assertThatThrownBy(() -> send(HttpRequest.newBuilder(health))).isInstanceOf(IOException.class);
    }

    private static Generation direct(Path file, String prompt, int tokens) {
        try (GeneratingModel model = new GeneratingModel(file, 128, 1, 0)) {
            return model.complete(prompt, Sampling.greedy(tokens), new Cancellation(), piece -> { });
        }
    }

    private HttpResponse<String> get(String path) throws Exception {
        return send(HttpRequest.newBuilder(server.address().resolve(path)));
    }

    private HttpResponse<String> post(String path, String body) throws Exception {
        return send(HttpRequest.newBuilder(server.address().resolve(path)).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body)));
    }

    private static HttpResponse<String> send(HttpRequest.Builder request) throws Exception {
        return HTTP.send(request.timeout(Duration.ofSeconds(60)).build(), HttpResponse.BodyHandlers.ofString());
    }

    private static JsonNode json(HttpResponse<String> response) throws IOException {
        return JSON.readTree(response.body());
    }

    private static String text(HttpResponse<String> response) throws IOException {
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response).at("/choices/0/text").asText();
    }
}
