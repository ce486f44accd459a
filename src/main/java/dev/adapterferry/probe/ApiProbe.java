package dev.adapterferry.probe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.OpenAiClient;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Asks a server what it is and what it lists; a body that is no model list is no server, whatever the status. */
public final class ApiProbe {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final HttpCaller caller;
    private final Retry retry;

    /**
     * @param caller sends the requests
     * @param limits how often to try again
     */
    public ApiProbe(HttpCaller caller, Limits limits) {
        this.caller = caller;
        this.retry = new Retry(limits.retries(), limits.retryDelay());
    }

    /**
     * Checks one server.
     *
     * @param subject  the model that it should list
     * @param findings receives what is wrong
     */
    public Health.ApiReport check(Subject subject, List<Finding> findings) {
        Endpoint endpoint = subject.endpoint();
        long start = System.nanoTime();
        List<String> models;
        try {
            models = retry.call(() -> new OpenAiClient(endpoint, caller).models());
        } catch (FerryException e) {
            findings.add(new Finding(Status.UNHEALTHY, "api", e.getMessage()));
            return new Health.ApiReport(endpoint.toString(), false, null, false, List.of(), null);
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        boolean listed = models.stream().anyMatch(id -> id.equalsIgnoreCase(subject.modelId()));
        if (!listed) {
            findings.add(new Finding(Status.UNHEALTHY, "api", endpoint + " does not list '" + subject.modelId() + "'; it lists " + models));
        }
        return new Health.ApiReport(endpoint.toString(), true, kind(endpoint), listed, models, millis);
    }

    private String kind(Endpoint endpoint) {
        if (get(endpoint, "/lmstudio-greeting").map(body -> body.path("lmstudio").asBoolean()).orElse(false)) {
            return "lm-studio";
        }
        return get(endpoint, "/api/version").map(body -> body.path("version").isTextual()).orElse(false) ? "ollama" : "openai-compatible";
    }

    private Optional<JsonNode> get(Endpoint endpoint, String path) {
        try {
            HttpReply reply = caller.call(HttpCall.get(endpoint.at(path), endpoint.headers(), endpoint.timeout()));
            return reply.status() == 200 ? Optional.ofNullable(JSON.readTree(reply.body())) : Optional.empty();
        } catch (FerryException | IOException e) {
            return Optional.empty();
        }
    }
}
