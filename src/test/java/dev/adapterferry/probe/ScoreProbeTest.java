package dev.adapterferry.probe;

import static org.assertj.core.api.Assertions.assertThat;

import dev.adapterferry.http.HttpReply;
import dev.adapterferry.modelserver.Endpoint;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What scores must be, whatever server made them; and servers that make none. */
class ScoreProbeTest {
    private final List<Finding> findings = new ArrayList<>();

    private List<Health.AnswerReport> check(int status, String body) {
        Subject subject = new Subject("m", List.of(), new Endpoint(URI.create("http://127.0.0.1:1"), null, Duration.ofSeconds(1)), "m", null, 0, List.of());
        Limits limits = new Limits(Duration.ofSeconds(9), Duration.ofSeconds(9), 0, Duration.ZERO, Duration.ofSeconds(60), Duration.ofSeconds(60), 0.001, 100, 16);
        return new ScoreProbe(call -> new HttpReply(status, Map.of(), body.getBytes(StandardCharsets.UTF_8)), limits).check(subject, findings);
    }

    private static String scores(String first, String second, String third) {
        return "{\"model\":\"m\",\"results\":[{\"index\":2,\"relevance_score\":" + third + "},{\"index\":0,\"relevance_score\":" + first + "},{\"index\":1,\"relevance_score\":" + second + "}]}";
    }

    @Test
    void differentNumbersAreHealthy() {
        assertThat(check(200, scores("0.5", "-3", "1e-2"))).singleElement().satisfies(report -> assertThat(report.response()).isEqualTo("scores 0.5000, -3.0000, 0.0100"));
        assertThat(findings).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({"0.5, 0.5, 0.5, the same for every text", "0.5, null, 1, one finite number for each text"})
    void otherScoresAreNot(String first, String second, String third, String found) {
        check(200, scores(first, second, third));
        assertThat(findings).singleElement().satisfies(finding -> {
            assertThat(finding.status()).isEqualTo(Status.UNHEALTHY);
            assertThat(finding.sentence()).contains(found);
        });
    }

    /** LM Studio, Ollama, and a llama-server that was started without --reranking. */
    @ParameterizedTest
    @CsvSource({"200, Unexpected endpoint or method. (POST /v1/rerank)", "404, 404 page not found", "501, This server does not support reranking."})
    void aServerWithoutTheEndpointLeavesTheQuestionOpen(int status, String error) {
        assertThat(check(status, "{\"error\":\"" + error + "\"}")).isEmpty();
        assertThat(findings).singleElement().satisfies(finding -> {
            assertThat(finding.status()).isEqualTo(Status.DEGRADED);
            assertThat(finding.sentence()).contains("no /v1/rerank", error, "LM Studio has none");
        });
    }
}
