package dev.adapterferry.source.vast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The client against answers as the service gives them, in both of its shapes. */
class VastApiTest {
    private static final String KEY = "k3y-that-nobody-may-see";

    private final Deque<HttpReply> answers = new ArrayDeque<>();
    private final List<HttpCall> calls = new ArrayList<>();
    private final List<Duration> pauses = new ArrayList<>();
    private final VastApi api = new VastApi(call -> {
        calls.add(call);
        if (answers.isEmpty()) {
            throw new TransientFailure("connection refused");
        }
        return answers.size() == 1 ? answers.peek() : answers.poll();
    }, URI.create("https://vast.example/"), new VastKey(new Secret(KEY), "VAST_API_KEY"), Duration.ofSeconds(30), pauses::add);

    private void answer(int status, String body) {
        answers.add(new HttpReply(status, Map.of(), body.getBytes(StandardCharsets.UTF_8)));
    }

    private static String instances(int from, int to, String next) {
        return "{\"success\":true,\"next_token\":" + next + ",\"instances\":[" + String.join(",", IntStream.range(from, to).mapToObj(i -> "{\"id\":" + i + "}").toList()) + "]}";
    }

    @Test
    void followsThePagesToTheEnd() {
        answer(200, instances(0, 25, "\"a b&c\""));
        answer(200, instances(25, 50, "\"t2\""));
        answer(200, instances(50, 53, "null"));
        assertThat(api.list()).extracting(VastInstance::id).hasSize(53).contains(0L, 52L);
        assertThat(calls).extracting(c -> c.uri().toString()).containsExactly("https://vast.example/api/v1/instances/?limit=25",
                "https://vast.example/api/v1/instances/?limit=25&after_token=a+b%26c", "https://vast.example/api/v1/instances/?limit=25&after_token=t2");
        assertThat(calls).allSatisfy(c -> assertThat(c.headers()).containsEntry("Authorization", "Bearer " + KEY));
    }

    @Test
    void refusesAListThatGoesRoundInCircles() {
        answer(200, instances(0, 1, "\"same\""));
        assertThatThrownBy(api::list).isExactlyInstanceOf(FerryException.class).hasMessageContaining("same page mark twice");
    }

    @Test
    void asksTheOlderListWhereThereIsNoNewOne() {
        answer(404, "{\"success\":false,\"error\":\"not_found\"}");
        answer(200, "{\"instances\":[{\"id\":7,\"label\":\"majora\"}]}");
        assertThat(api.list()).extracting(VastInstance::label).containsExactly("majora");
        assertThat(calls.getLast().uri()).hasToString("https://vast.example/api/v0/instances/?owner=me");
    }

    @Test
    void readsOneInstanceAsObjectOrInAListAndNullAsGone() {
        answer(200, "{\"instances\":{\"id\":7,\"actual_status\":\"running\",\"intended_status\":\"running\",\"public_ipaddr\":\"10.1.2.3 \\n\",\"ssh_host\":\"ssh5.vast.ai\",\"ssh_port\":22814,"
                + "\"ports\":{\"22/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"20000\"},{\"HostIp\":\"::\",\"HostPort\":\"20001\"}]},\"dph_total\":0.34,\"storage_total_cost\":0.02,"
                + "\"gpu_name\":\"RTX 4090\",\"num_gpus\":2,\"gpu_util\":null}}");
        VastInstance seven = api.show(7);
        assertThat(seven.isRunning()).isTrue();
        assertThat(seven.publicAddress()).isEqualTo("10.1.2.3");
        assertThat(seven.directPort()).isEqualTo(20000);
        assertThat(seven.gpu()).isEqualTo("2x RTX 4090");
        assertThat(seven.pricePerHour()).isEqualTo(0.34);
        assertThat(seven.gpuUtilization()).isEqualTo(-1);
        answers.clear();
        answer(200, "{\"instances\":[{\"id\":6},{\"id\":7,\"ports\":[22],\"label\":null,\"actual_status\":null}]}");
        assertThat(api.show(7).status()).isEqualTo("being provisioned");
        assertThat(api.show(7).directPort()).isZero();
        answers.clear();
        answer(200, "{\"instances\":null}");
        assertThat(api.find(7)).isEmpty();
        assertThatThrownBy(() -> api.show(7)).isInstanceOf(InstanceAway.class).hasMessageContaining("no vast.ai instance 7");
    }

    @Test
    void commandsInTheServicesOwnWords() {
        answer(200, "{\"success\":true}");
        api.start(7);
        api.stop(7);
        api.label(7, "pulled");
        api.destroy(7);
        assertThat(calls).extracting(c -> c.method() + " " + c.uri().getPath() + " " + new String(c.body(), StandardCharsets.UTF_8)).containsExactly(
                "PUT /api/v0/instances/7/ {\"state\":\"running\"}", "PUT /api/v0/instances/7/ {\"state\":\"stopped\"}", "PUT /api/v0/instances/7/ {\"label\":\"pulled\"}",
                "DELETE /api/v0/instances/7/ {}");
        assertThatThrownBy(() -> api.label(7, "x".repeat(1025))).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void doesNotTakeARefusalWithStatus200ForSuccess() {
        answer(200, "{\"success\":false,\"error\":\"invalid_args\",\"msg\":\"no\"}");
        assertThatThrownBy(() -> api.stop(7)).isExactlyInstanceOf(FerryException.class).hasMessageContaining("stop instance 7").hasMessageContaining("refused it (it says: no)");
        answers.clear();
        answer(200, "<html>log in</html>");
        assertThatThrownBy(() -> api.show(7)).hasMessageContaining("no JSON").hasMessageContaining("vast.api-url");
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
            "401 | {\"success\":false,\"error\":\"auth_error\",\"msg\":\"Invalid user key\"} | does not know the API key from VAST_API_KEY (it says: Invalid user key)",
            "403 | {\"success\":false,\"message\":\"scope\"}                                | instance_read and instance_write",
            "400 | {\"error\":\"invalid_request\"}                                          | does not accept the request (it says: invalid_request)",
            "404 | Session expired. Please log in again.                                    | session from VAST_API_KEY has expired",
            "483 | {\"msg\":\"bad json\"}                                                   | HTTP 483 (it says: bad json)"})
    void saysWhatToDoAboutEachRefusal(int status, String body, String sentence) {
        answer(status, body);
        assertThatThrownBy(() -> api.stop(7)).isExactlyInstanceOf(FerryException.class).hasMessageContaining(sentence);
        assertThat(calls).as("asking again does not heal it").hasSize(1);
    }

    @Test
    void saysThatAnInstanceIsGone() {
        answer(404, "{\"success\":false,\"error\":\"no_such_instance\",\"msg\":\"Instance 7 not found.\"}");
        assertThatThrownBy(() -> api.stop(7)).isExactlyInstanceOf(FerryException.class).hasMessageContaining("knows no such instance").hasMessageContaining("destroyed");
        api.destroy(7);
    }

    @Test
    void waitsLongerThanTheServiceAsksFor() {
        answer(429, "API requests too frequent: endpoint threshold=2.0");
        answer(429, "{\"detail\":\"API requests too frequent\"}");
        answer(200, "{\"success\":true}");
        api.stop(7);
        assertThat(pauses).hasSize(2);
        assertThat(pauses.get(0)).isBetween(Duration.ofMillis(2000), Duration.ofMillis(2500));
        assertThat(pauses.get(1)).as("the longest threshold that is known, doubled").isBetween(Duration.ofMillis(7000), Duration.ofMillis(8750));
    }

    @Test
    void givesUpInTheEndAndSaysWhy() {
        answer(429, "API requests too frequent");
        assertThatThrownBy(() -> api.stop(7)).isInstanceOf(TransientFailure.class).hasMessageContaining("come too often").hasMessageContaining("5 attempts");
        assertThat(pauses).hasSize(4);
        answers.clear();
        answer(503, "upstream");
        assertThatThrownBy(() -> api.stop(7)).isInstanceOf(TransientFailure.class).hasMessageContaining("trouble of its own (HTTP 503");
        answers.clear();
        assertThatThrownBy(() -> api.stop(7)).isInstanceOf(TransientFailure.class).hasMessageContaining("does not answer (connection refused)").hasMessageContaining("vast.api-url");
    }

    @Test
    void neverShowsTheKeyEvenWhenTheServiceEchoesIt() {
        answer(400, "{\"msg\":\"bad header Bearer " + KEY + "\"}");
        assertThatThrownBy(() -> api.stop(7)).hasMessageContaining("Bearer ***").hasMessageNotContaining(KEY);
        assertThat(calls.getFirst().toString()).doesNotContain(KEY);
    }
}
