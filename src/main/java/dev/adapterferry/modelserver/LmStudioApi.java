package dev.adapterferry.modelserver;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * LM Studio's own API: version 1 (0.4.0 and later) lists, loads and unloads; version 0 (0.3.6 and later) only lists. An
 * unknown path answers 200 with an {@code error} text, so each answer must hold the member that it is about. Safe for
 * many threads.
 *
 * @see <a href="https://lmstudio.ai/docs/developer/rest">LM Studio REST API</a>
 */
public final class LmStudioApi {
    /** What a server speaks. */
    public enum Version { V1, V0 }

    private final Endpoint endpoint;
    private final HttpCaller caller;

    /**
     * @param endpoint the server
     * @param caller   sends the requests
     */
    public LmStudioApi(Endpoint endpoint, HttpCaller caller) {
        this.endpoint = endpoint;
        this.caller = caller;
    }

    /** The server asked. */
    public Endpoint endpoint() {
        return endpoint;
    }

    /** Whether an LM Studio listens there at all; false when nobody does. */
    public boolean isThere() {
        try {
            return member(get("/lmstudio-greeting"), "lmstudio").map(JsonNode::asBoolean).orElse(false);
        } catch (TransientFailure e) {
            return false;
        }
    }

    /**
     * The newest version that the server speaks.
     *
     * @throws TransientFailure when nobody listens
     */
    public Optional<Version> version() {
        if (member(get("/api/v1/models"), "models").map(JsonNode::isArray).orElse(false)) {
            return Optional.of(Version.V1);
        }
        return member(get("/api/v0/models"), "data").map(JsonNode::isArray).orElse(false) ? Optional.of(Version.V0) : Optional.empty();
    }

    /**
     * All models that the server knows, loaded or not.
     *
     * @throws FerryException when it speaks neither version
     */
    public List<ListedModel> models() {
        Optional<JsonNode> v1 = member(get("/api/v1/models"), "models").filter(JsonNode::isArray);
        List<ListedModel> models = new ArrayList<>();
        if (v1.isPresent()) {
            v1.get().forEach(model -> models.add(fromV1(model)));
            return models;
        }
        HttpReply reply = get("/api/v0/models");
        JsonNode data = member(reply, "data").filter(JsonNode::isArray)
                .orElseThrow(() -> new FerryException(endpoint + " does not list its models as LM Studio does: " + OpenAiClient.error(OpenAiClient.parse(reply.text()), reply.text()) + "."));
        data.forEach(model -> models.add(fromV0(model)));
        return models;
    }

    /**
     * Loads one more instance (version 1). LM Studio does not ask whether one is loaded already: unload first.
     *
     * @param model   key, or variant key {@code key@q4_k_m}
     * @param context context length in tokens
     * @param limit   how long loading may take
     * @return the new instance, with the context that the server says it used, or -1 when it does not say
     * @throws FerryException when the server refuses, in its own words
     */
    public ListedModel.Instance load(String model, long context, Duration limit) {
        ObjectNode body = OpenAiClient.JSON.createObjectNode().put("model", model).put("context_length", context).put("echo_load_config", true);
        HttpReply reply = post("/api/v1/models/load", body, limit);
        JsonNode answer = OpenAiClient.parse(reply.text());
        if (reply.status() != 200 || !"loaded".equals(answer.path("status").asText()) || !answer.path("instance_id").isTextual()) {
            throw refused("load '" + model + "' with a context of " + context, reply, answer);
        }
        return new ListedModel.Instance(answer.path("instance_id").asText(), answer.path("load_config").path("context_length").asLong(-1));
    }

    /**
     * Unloads one instance (version 1).
     *
     * @param instance its id
     * @throws FerryException when the server refuses
     */
    public void unload(String instance) {
        HttpReply reply = post("/api/v1/models/unload", OpenAiClient.JSON.createObjectNode().put("instance_id", instance), endpoint.timeout());
        JsonNode answer = OpenAiClient.parse(reply.text());
        if (reply.status() != 200 || !answer.path("instance_id").isTextual()) {
            throw refused("unload '" + instance + "'", reply, answer);
        }
    }

    private FerryException refused(String what, HttpReply reply, JsonNode answer) {
        String sentence = "LM Studio at " + endpoint + " did not " + what + " (" + reply.status() + "): " + OpenAiClient.error(answer, reply.text()) + ".";
        return reply.status() == 429 || reply.status() >= 500 ? new TransientFailure(sentence) : new FerryException(sentence);
    }

    private static ListedModel fromV1(JsonNode model) {
        List<ListedModel.Instance> instances = new ArrayList<>();
        model.path("loaded_instances").forEach(instance -> instances.add(new ListedModel.Instance(instance.path("id").asText(), instance.path("config").path("context_length").asLong(-1))));
        List<String> variants = new ArrayList<>();
        model.path("variants").forEach(variant -> variants.add(variant.asText()));
        return new ListedModel(model.path("key").asText(), model.path("publisher").asText(), model.path("quantization").path("name").asText(""), model.path("size_bytes").asLong(-1),
                variants, model.path("selected_variant").asText(""), "", instances);
    }

    private static ListedModel fromV0(JsonNode model) {
        String id = model.path("id").asText();
        List<ListedModel.Instance> instances = "loaded".equals(model.path("state").asText())
                ? List.of(new ListedModel.Instance(id, model.path("loaded_context_length").asLong(-1))) : List.of();
        return new ListedModel(id, model.path("publisher").asText(), model.path("quantization").asText(""), -1, List.of(), "", "", instances);
    }

    private HttpReply get(String path) {
        return caller.call(HttpCall.get(endpoint.at(path), endpoint.headers(), endpoint.timeout()));
    }

    private HttpReply post(String path, ObjectNode body, Duration limit) {
        return caller.call(HttpCall.json("POST", endpoint.at(path), endpoint.headers(), body.toString(), limit));
    }

    private static Optional<JsonNode> member(HttpReply reply, String name) {
        try {
            JsonNode body = OpenAiClient.JSON.readTree(reply.body());
            return reply.status() == 200 && body != null && body.has(name) ? Optional.of(body.get(name)) : Optional.empty();
        } catch (IOException e) {
            return Optional.empty();
        }
    }
}
