package dev.adapterferry.probe;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.modelserver.ListedModel;
import dev.adapterferry.modelserver.LmStudioApi;
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
            return new Health.ApiReport(endpoint.toString(), false, null, false, List.of(), null, null, null, null);
        }
        long millis = (System.nanoTime() - start) / 1_000_000;
        boolean listed = models.stream().anyMatch(id -> id.equalsIgnoreCase(subject.modelId()));
        if (!listed) {
            findings.add(new Finding(Status.UNHEALTHY, "api", endpoint + " does not list '" + subject.modelId() + "'; it lists " + models));
        }
        return new Health.ApiReport(endpoint.toString(), true, kind(endpoint), listed, models, millis, null, null, null);
    }

    /**
     * Adds what is loaded of the model, and with what context, where the server is an LM Studio and tells it.
     *
     * @param report   the report so far
     * @param subject  the model, with the format and the context that it should have
     * @param findings receives what is wrong
     */
    Health.ApiReport withLoaded(Health.ApiReport report, Subject subject, List<Finding> findings) {
        Optional<ListedModel> known = "lm-studio".equals(report.server()) && report.listed() ? inLmStudio(subject) : Optional.empty();
        known.ifPresent(model -> judgeLoaded(subject, model, findings));
        Optional<ListedModel> loaded = known.filter(ListedModel::isLoaded);
        return new Health.ApiReport(report.endpoint(), report.reachable(), report.server(), report.listed(), report.models(), report.responseMillis(), known.map(ListedModel::isLoaded).orElse(null),
                loaded.map(ListedModel::quantization).filter(text -> !text.isEmpty()).orElse(null),
                loaded.map(model -> model.instances().getFirst().context()).filter(context -> context >= 0).orElse(null));
    }

    /** Whether LM Studio knows the model and has it unloaded. */
    boolean isAsleep(Health.ApiReport report, Subject subject) {
        return "lm-studio".equals(report.server()) && report.listed() && inLmStudio(subject).map(model -> !model.isLoaded()).orElse(false);
    }

    /** LM Studio's own listing tells what is loaded and how; the OpenAI-compatible one does not. */
    private Optional<ListedModel> inLmStudio(Subject subject) {
        try {
            return new LmStudioApi(subject.endpoint(), caller).models().stream().filter(model -> model.key().equalsIgnoreCase(subject.modelId().replaceFirst("@[^@/]+$", ""))
                    || model.instances().stream().anyMatch(instance -> instance.id().equalsIgnoreCase(subject.modelId()))).findFirst();
        } catch (FerryException e) {
            return Optional.empty();
        }
    }

    private static void judgeLoaded(Subject subject, ListedModel model, List<Finding> findings) {
        if (!model.isLoaded()) {
            return;
        }
        if (subject.format() != null && !model.quantization().isEmpty() && !model.quantization().equalsIgnoreCase(subject.format())) {
            findings.add(new Finding(Status.DEGRADED, "api", "LM Studio has " + model.quantization() + " of '" + model.key() + "' loaded, deployed was " + subject.format()));
        }
        long context = model.instances().getFirst().context();
        if (subject.context() != null && context >= 0 && context != subject.context()) {
            findings.add(new Finding(Status.DEGRADED, "api", "LM Studio has '" + model.key() + "' loaded with a context of " + context + " tokens, wanted are " + subject.context()));
        }
        if (model.instances().size() > 1) {
            findings.add(new Finding(Status.DEGRADED, "api", "LM Studio has " + model.instances().size() + " instances of '" + model.key() + "' loaded: one may be an older release"));
        }
    }

    private String kind(Endpoint endpoint) {
        if (new LmStudioApi(endpoint, caller).isThere()) {
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
