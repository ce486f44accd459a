package dev.adapterferry.modelserver;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.progress.Cancellation;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/** Reads a chat answer as server-sent events: {@code data: {chunk}} lines, closed by {@code data: [DONE]}. */
final class AnswerStream {
    private static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();
    private static final String PATH = "/v1/chat/completions";

    private final Endpoint endpoint;

    AnswerStream(Endpoint endpoint) {
        this.endpoint = endpoint;
    }

    Answer read(String body) {
        HttpRequest.Builder request = HttpRequest.newBuilder(endpoint.at(PATH)).timeout(endpoint.timeout())
                .header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body));
        endpoint.headers().forEach(request::setHeader);
        long start = System.nanoTime();
        return Cancellation.current().interrupting("asking " + endpoint, () -> read(request.build(), start));
    }

    private Answer read(HttpRequest request, long start) throws InterruptedException {
        try {
            HttpResponse<InputStream> response = CLIENT.send(request, HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream in = response.body()) {
                // The request's own limit ends with the headers; closing the stream bounds the rest.
                long left = endpoint.timeout().toNanos() - (System.nanoTime() - start);
                CompletableFuture<Void> watchdog = new CompletableFuture<Void>().completeOnTimeout(null, Math.max(1, left), TimeUnit.NANOSECONDS);
                watchdog.thenRun(() -> close(in));
                try {
                    return collect(response.statusCode(), in, start);
                } finally {
                    watchdog.cancel(false);
                }
            }
        } catch (IOException e) {
            boolean late = System.nanoTime() - start >= endpoint.timeout().toNanos();
            throw new TransientFailure("No answer from " + endpoint.at(PATH) + ": " + (late ? "not complete within " + endpoint.timeout().toSeconds() + " s"
                    : e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage()), e);
        }
    }

    private Answer collect(int status, InputStream in, long start) throws IOException {
        Collected collected = new Collected();
        BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        StringBuilder raw = new StringBuilder();
        for (String line = lines.readLine(); line != null && !collected.done; line = collected.done ? null : lines.readLine()) {
            if (line.startsWith("data:")) {
                collected.add(line.substring(5).strip(), start);
            } else if (raw.length() < 4096) {
                raw.append(line);
            }
        }
        long end = System.nanoTime();
        if (collected.error != null || status != 200 || !collected.sawChoice) {
            String found = collected.error != null ? collected.error : OpenAiClient.error(OpenAiClient.parse(raw.toString()), raw.toString());
            throw status == 429 || status >= 500 ? new TransientFailure(endpoint.at(PATH) + " answered " + status + ": " + found)
                    : new FerryException(endpoint.at(PATH) + " answered " + status + ": " + found);
        }
        if (!collected.done && collected.finish.isEmpty()) {
            throw new TransientFailure("The answer of " + endpoint.at(PATH) + " broke off: neither [DONE] nor a finish reason came.");
        }
        Duration first = collected.firstAt == 0 ? null : Duration.ofNanos(collected.firstAt - start);
        return new Answer(collected.model, collected.content.toString(), collected.reasoning.toString(), collected.finish,
                collected.promptTokens, collected.completionTokens, Duration.ofNanos(end - start), first, collected.rate);
    }

    private static void close(InputStream in) {
        try {
            in.close();
        } catch (IOException e) {
            // The reader reports what it sees.
        }
    }

    private static final class Collected {
        private final StringBuilder content = new StringBuilder();
        private final StringBuilder reasoning = new StringBuilder();
        private String model = "";
        private String finish = "";
        private String error;
        private int promptTokens = -1;
        private int completionTokens = -1;
        private long firstAt;
        private boolean sawChoice;
        private boolean done;
        private Double rate;

        void add(String data, long start) {
            if (data.equals("[DONE]")) {
                done = true;
                return;
            }
            JsonNode chunk = OpenAiClient.parse(data);
            if (chunk.has("error")) {
                error = OpenAiClient.error(chunk, data);
                return;
            }
            model = model.isEmpty() ? chunk.path("model").asText("") : model;
            JsonNode choice = chunk.path("choices").path(0);
            sawChoice |= choice.isObject();
            String text = OpenAiClient.text(choice.path("delta"), "content");
            String thought = OpenAiClient.reasoning(choice.path("delta"));
            if (firstAt == 0 && !(text.isEmpty() && thought.isEmpty())) {
                firstAt = Math.max(System.nanoTime(), start + 1);
            }
            content.append(text);
            reasoning.append(thought);
            finish = choice.path("finish_reason").isTextual() ? choice.path("finish_reason").asText() : finish;
            promptTokens = chunk.path("usage").path("prompt_tokens").asInt(promptTokens);
            completionTokens = chunk.path("usage").path("completion_tokens").asInt(completionTokens);
            rate = rate == null ? OpenAiClient.rate(chunk) : rate;
        }
    }
}
