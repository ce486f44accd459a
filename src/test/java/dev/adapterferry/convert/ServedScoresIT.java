package dev.adapterferry.convert;

import static dev.adapterferry.convert.Logits.difference;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.JdkHttpCaller;
import dev.adapterferry.llamacpp.EmbeddingContext;
import dev.adapterferry.llamacpp.LoadedModel;
import dev.adapterferry.llamacpp.ScoringModel;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Limits;
import dev.adapterferry.probe.Status;
import dev.adapterferry.probe.Subject;
import dev.adapterferry.probe.TestPrompt;
import dev.adapterferry.quant.GgmlType;
import dev.adapterferry.serve.ModelServer;
import dev.adapterferry.serve.ServedModel;
import dev.adapterferry.serve.ServerOptions;
import dev.adapterferry.tensor.ElementType;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A converted reranker in the embedded build: its scores are the definition's, the ferry's own server gives them, and it is healthy by them. */
class ServedScoresIT {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> TEXTS = List.of("the bridge", "the ferry goes back", "a model");

    @TempDir
    static Path folder;
    private static MemoryCheckpoint checkpoint;
    private static Path file;
    private static ModelServer server;

    @BeforeAll
    static void start() {
        checkpoint = TinyModels.checkpoint("xlm-roberta-reranker", ElementType.F32);
        file = GgufFiles.write(new ModelConverter().convert(checkpoint, Provenance.NONE), folder.resolve("reranker.gguf"), GgmlType.F32);
        server = ModelServer.start(new ServerOptions("127.0.0.1", 0, Optional.empty(), 1, 0, 1), List.of(ServedModel.of("reranker", file)));
    }

    @AfterAll
    static void stop() {
        server.close();
    }

    @Test
    void theScoreIsTheDefinitions() {
        int[] tokens = {0, 11, 301, 27, 2, 2, 300, 5, 260, 99, 2};
        try (LoadedModel model = LoadedModel.open(file); EmbeddingContext context = new EmbeddingContext(model, 64, 1)) {
            assertThat(difference(new double[][] {{context.score(tokens)}}, new double[][] {ScoresIT.expected(checkpoint, tokens)})).isLessThan(1e-3);
        }
    }

    @Test
    void theServerPutsTheBestTextFirst() throws Exception {
        assertThat(ModelUse.of(file)).isEqualTo(ModelUse.SCORES);
        JsonNode answer = post("/v1/rerank", "{\"model\":\"reranker\",\"query\":\"the ferry\",\"top_n\":2,\"documents\":" + JSON.writeValueAsString(TEXTS) + "}", 200);
        List<Float> expected = new ArrayList<>();
        int tokens = 0;
        try (ScoringModel model = new ScoringModel(file, 0, 1, 0)) {
            for (String text : TEXTS) {
                ScoringModel.Score score = model.score("the ferry", text);
                expected.add(score.value());
                tokens += score.tokens();
            }
        }
        List<Float> best = expected.stream().sorted((a, b) -> Float.compare(b, a)).limit(2).toList();
        assertThat(answer.path("results").valueStream().map(result -> (float) result.path("relevance_score").asDouble()).toList()).isEqualTo(best);
        answer.path("results").forEach(result -> assertThat(expected.get(result.path("index").asInt())).isEqualTo((float) result.path("relevance_score").asDouble()));
        assertThat(answer.at("/usage/total_tokens").asInt()).isEqualTo(tokens);
    }

    @Test
    void saysWhatItCannotDo() throws Exception {
        assertThat(post("/v1/chat/completions", "{\"model\":\"reranker\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", 400).at("/error/message").asText()).contains("/v1/rerank");
        assertThat(post("/v1/embeddings", "{\"model\":\"reranker\",\"input\":\"x\"}", 400).at("/error/message").asText()).contains("makes no vectors").contains("/v1/rerank");
        assertThat(post("/v1/rerank", "{\"model\":\"reranker\",\"query\":\"x\",\"documents\":[]}", 400).at("/error/message").asText()).contains("holds no text");
    }

    @Test
    void isHealthyByItsScores() throws Exception {
        Subject subject = new Subject("reranker", List.of(new Subject.InstalledFile(file, Files.size(file), null)), new Endpoint(server.address(), null, Duration.ofSeconds(30)), "reranker", null, 0,
                List.of(TestPrompt.of("where is the old bridge")));
        Limits limits = new Limits(Duration.ofSeconds(60), Duration.ofSeconds(60), 0, Duration.ZERO, Duration.ofSeconds(60), Duration.ofSeconds(60), 0.001, 100, 16);
        Health health = new HealthCheck(new JdkHttpCaller(), limits, Digests.fresh(), Clock.systemUTC()).check(subject, EnumSet.of(HealthCheck.Part.FILE, HealthCheck.Part.API, HealthCheck.Part.ANSWER));
        assertThat(health.findings()).isEmpty();
        assertThat(health.status()).isEqualTo(Status.HEALTHY);
        assertThat(health.answers()).hasSize(2).allSatisfy(answer -> assertThat(answer.response()).startsWith("scores "));
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
