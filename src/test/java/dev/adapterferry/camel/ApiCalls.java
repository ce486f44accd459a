package dev.adapterferry.camel;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;

/** Asks a daemon's HTTP API over the wire, as a program does, and holds every answer to its form. */
final class ApiCalls {
    static final ObjectMapper JSON = new ObjectMapper();

    private final HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
    private final URI address;

    ApiCalls(URI address) {
        this.address = address;
    }

    static ApiCalls of(FerryApplication daemon) {
        return new ApiCalls(daemon.address().orElseThrow());
    }

    HttpClient client() {
        return client;
    }

    HttpRequest.Builder to(String path) {
        return HttpRequest.newBuilder(address.resolve(path));
    }

    HttpResponse<String> send(HttpRequest.Builder request) throws IOException, InterruptedException {
        return client.send(request.build(), HttpResponse.BodyHandlers.ofString());
    }

    /** The answer to a GET. */
    JsonNode get(String path, int status) throws IOException, InterruptedException {
        return answer(path, send(to(path)), status);
    }

    /** The answer to a POST of JSON. */
    JsonNode post(String path, String body, int status) throws IOException, InterruptedException {
        return answer(path, send(to(path).header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body))), status);
    }

    /** What happened to a run, from the beginning to its end. */
    List<String> events(String run, String... headers) throws IOException, InterruptedException {
        HttpRequest.Builder request = to("/api/runs/" + run + "/events");
        if (headers.length > 0) {
            request.headers(headers);
        }
        HttpResponse<java.util.stream.Stream<String>> events = client.send(request.build(), HttpResponse.BodyHandlers.ofLines());
        assertThat(events.headers().firstValue("content-type")).contains("text/event-stream");
        return events.body().toList();
    }

    /** JSON where all is well; where it is not, a problem that repeats its status and has a sentence. */
    static JsonNode answer(String asked, HttpResponse<String> response, int status) throws IOException {
        assertThat(response.statusCode()).as(asked + ": " + response.body()).isEqualTo(status);
        assertThat(response.headers().firstValue("content-type").orElse("")).as(asked).isEqualTo(status < 400 ? "application/json" : "application/problem+json");
        JsonNode answer = JSON.readTree(response.body());
        if (status >= 400) {
            assertThat(answer.path("status").asInt()).isEqualTo(status);
            assertThat(answer.path("title").asText()).isNotBlank();
            assertThat(answer.path("detail").asText()).as(asked).endsWith(".");
        }
        return answer;
    }
}
