package dev.adapterferry.serve;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.llamacpp.EmbeddingModel;
import dev.adapterferry.llamacpp.TinyGguf;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Finding;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Limits;
import dev.adapterferry.probe.Status;
import dev.adapterferry.probe.Subject;
import dev.adapterferry.probe.TestPrompt;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** An embedding model is served, and checked by the vectors that it makes. */
class VectorServerIT {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;
    private Path file;
    private ModelServer server;

    @BeforeEach
    void start() throws IOException {
        file = folder.resolve("vectors.gguf");
        TinyGguf.writeEmbedding(file, 1);
        server = ModelServer.start(new ServerOptions("127.0.0.1", 0, Optional.empty(), 1, 0, 1), List.of(ServedModel.of("vectors", file)));
    }

    @AfterEach
    void stop() {
        server.close();
    }

    @Test
    void answersWithTheModelsVectorsInTheOrderOfTheTexts() throws Exception {
        JsonNode answer = post("/v1/embeddings", "{\"model\": \"vectors\", \"input\": [\"hello\", \"the ferry\"]}", 200);
        assertThat(answer.path("object").asText()).isEqualTo("list");
        assertThat(answer.path("model").asText()).isEqualTo("vectors");
        try (EmbeddingModel model = new EmbeddingModel(file, 0, 1, 0)) {
            for (int i = 0; i < 2; i++) {
                EmbeddingModel.Embedding expected = model.embed(List.of("hello", "the ferry").get(i));
                JsonNode one = answer.at("/data/" + i);
                assertThat(one.path("index").asInt()).isEqualTo(i);
                assertThat(one.path("embedding").valueStream().map(value -> (float) value.asDouble()).toList()).containsExactlyElementsOf(floats(expected.vector()));
                double square = one.path("embedding").valueStream().mapToDouble(value -> value.asDouble() * value.asDouble()).sum();
                assertThat(square).as("length").isBetween(0.9999, 1.0001);
            }
            assertThat(answer.at("/usage/prompt_tokens").asInt()).isEqualTo(model.embed("hello").tokens() + model.embed("the ferry").tokens());
        }
    }

    @Test
    void givesTheNumbersAsBytesToWhomAsks() throws Exception {
        String question = "{\"model\": \"vectors\", \"input\": \"hello\", \"encoding_format\": \"%s\"}";
        JsonNode numbers = post("/v1/embeddings", question.formatted("float"), 200).at("/data/0/embedding");
        ByteBuffer bytes = ByteBuffer.wrap(Base64.getDecoder().decode(post("/v1/embeddings", question.formatted("base64"), 200).at("/data/0/embedding").asText())).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(bytes.remaining()).isEqualTo(numbers.size() * Float.BYTES);
        numbers.forEach(number -> assertThat(bytes.getFloat()).isEqualTo((float) number.asDouble()));
    }

    @Test
    void saysWhatItCannotDo() throws Exception {
        assertThat(post("/v1/chat/completions", "{\"model\": \"vectors\", \"messages\": [{\"role\": \"user\", \"content\": \"x\"}]}", 400).at("/error/message").asText()).contains("makes vectors of texts");
        assertThat(post("/v1/embeddings", "{\"model\": \"vectors\", \"input\": [\"\"]}", 400).at("/error/message").asText()).contains("none of them empty");
        assertThat(post("/v1/embeddings", "{\"model\": \"vectors\", \"input\": \"%s\"}".formatted("x".repeat(300)), 400).at("/error/message").asText()).contains("between 1 and 256");
    }

    @Test
    void isHealthyByItsVectors() throws IOException {
        Health health = check(file);
        assertThat(health.findings()).isEmpty();
        assertThat(health.status()).isEqualTo(Status.HEALTHY);
        assertThat(health.answers()).hasSize(3).allSatisfy(answer -> {
            assertThat(answer.passed()).isTrue();
            assertThat(answer.response()).isEqualTo("a vector of 64 numbers");
        });
    }

    /** The server answers with a model that goes on with texts, the file is one that makes vectors. */
    @Test
    void isUnhealthyWhenItMakesNone() throws IOException {
        Path other = folder.resolve("chat.gguf");
        TinyGguf.write(other, 2, null);
        server.add(ServedModel.of("vectors", other));
        Health health = check(file);
        assertThat(health.status()).isEqualTo(Status.UNHEALTHY);
        assertThat(health.findings()).extracting(Finding::sentence).anyMatch(sentence -> sentence.contains("makes no vector"));
    }

    private Health check(Path installed) throws IOException {
        Subject subject = new Subject("vectors", List.of(new Subject.InstalledFile(installed, Files.size(installed), null)), new Endpoint(server.address(), null, Duration.ofSeconds(30)), "vectors", null, 0,
                List.of(TestPrompt.of("Who are you?")));
        Limits limits = new Limits(Duration.ofSeconds(60), Duration.ofSeconds(60), 0, Duration.ZERO, Duration.ofSeconds(60), Duration.ofSeconds(60), 0.001, 100, 16);
        return new HealthCheck(new JdkHttpCaller(), limits, Digests.fresh(), Clock.systemUTC()).check(subject, EnumSet.of(HealthCheck.Part.FILE, HealthCheck.Part.API, HealthCheck.Part.ANSWER));
    }

    private static List<Float> floats(float... values) {
        List<Float> list = new ArrayList<>();
        for (float value : values) {
            list.add(value);
        }
        return list;
    }

    private JsonNode post(String path, String body, int status) throws Exception {
        try (HttpClient client = HttpClient.newHttpClient()) {
            HttpResponse<String> response = client.send(HttpRequest.newBuilder(server.address().resolve(path)).timeout(Duration.ofSeconds(60)).POST(HttpRequest.BodyPublishers.ofString(body)).build(),
                    HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
            return JSON.readTree(response.body());
        }
    }
}
