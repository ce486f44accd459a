package dev.adapterferry.source.vast;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCall;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.http.HttpReply;
import dev.adapterferry.transfer.Pause;
import java.net.URI;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The part of the vast.ai API that carries adapters home: list, show, start, stop, destroy, label. Accepts the answers of
 * both list versions, waits out rate limits, and says for each refusal what to do. Safe for many threads.
 */
public final class VastApi {
    private static final ObjectMapper JSON = JsonMapper.builder().build();
    private static final int PAGE = 25;
    private static final int MAX_PAGES = 400;

    private final HttpCaller http;
    private final URI base;
    private final VastKey key;
    private final Duration timeout;
    private final VastAnswers answers;

    /**
     * @param http sends requests
     * @param base address of the service, {@code https://console.vast.ai} unless a test or a demo plays it
     * @param key  the API key
     * @param timeout limit of one request
     */
    public VastApi(HttpCaller http, URI base, VastKey key, Duration timeout) {
        this(http, base, key, timeout, Pause.SLEEP);
    }

    VastApi(HttpCaller http, URI base, VastKey key, Duration timeout, Pause pause) {
        this.http = http;
        this.timeout = timeout;
        this.base = URI.create(base.toString().replaceAll("/+$", ""));
        this.key = key;
        this.answers = new VastAnswers(key, pause);
    }

    /**
     * All instances of the account, whatever their state. Follows the pages of {@code /api/v1/instances/}; a service that
     * does not have it is asked by the older {@code /api/v0/instances/}.
     */
    public List<VastInstance> list() {
        List<VastInstance> instances = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        String token = "";
        for (int page = 0; page < MAX_PAGES; page++) {
            HttpReply reply = send("GET", "/api/v1/instances/?limit=" + PAGE + (token.isEmpty() ? "" : "&after_token=" + encode(token)), "", "list the instances");
            if (page == 0 && (reply.status() == 404 || reply.status() == 405 || reply.status() == 410)) {
                return read(answers.body(send("GET", "/api/v0/instances/?owner=me", "", "list the instances"), "list the instances"));
            }
            JsonNode body = answers.body(reply, "list the instances");
            instances.addAll(read(body));
            token = body.path("next_token").isTextual() ? body.path("next_token").asText() : "";
            if (token.isEmpty()) {
                return instances;
            }
            if (!seen.add(token)) {
                throw new FerryException("Cannot list the vast.ai instances: the service gave the same page mark twice.");
            }
        }
        throw new FerryException("Cannot list the vast.ai instances: the list does not end after " + MAX_PAGES + " pages.");
    }

    private static List<VastInstance> read(JsonNode body) {
        List<VastInstance> instances = new ArrayList<>();
        JsonNode list = body.isArray() ? body : body.path("instances");
        if (!list.isArray()) {
            throw new FerryException("Cannot list the vast.ai instances: the answer holds no list under 'instances'. Check vast.api-url.");
        }
        list.forEach(node -> instances.add(VastInstance.read(node)));
        return instances;
    }

    /**
     * One instance.
     *
     * @param id its contract id
     * @return the instance, or empty when it is gone (the service then answers with null)
     */
    public Optional<VastInstance> find(long id) {
        String act = "show instance " + id;
        HttpReply reply = send("GET", "/api/v0/instances/" + id + "/?owner=me", "", act);
        if (reply.status() == 404 && !answers.isExpiredSession(reply)) {
            return Optional.empty();
        }
        JsonNode instance = answers.body(reply, act).path("instances");
        if (instance.isArray()) {
            for (JsonNode each : instance) {
                if (each.path("id").asLong() == id) {
                    return Optional.of(VastInstance.read(each));
                }
            }
            return Optional.empty();
        }
        return instance.isObject() ? Optional.of(VastInstance.read(instance)) : Optional.empty();
    }

    /**
     * One instance that must exist.
     *
     * @throws InstanceAway naming the id when the account has no such instance
     */
    public VastInstance show(long id) {
        return find(id).orElseThrow(() -> new InstanceAway("There is no vast.ai instance " + id
                + " in this account: it was destroyed, or the API key belongs to another account. 'vastai show instances' lists those that exist."));
    }

    /** Asks for the container to run; whether the GPU is still free shows only later. */
    public void start(long id) {
        change(id, Map.of("state", "running"), "start instance " + id);
    }

    /** Asks for the container to stop: the GPU costs nothing any more, the storage still does. */
    public void stop(long id) {
        change(id, Map.of("state", "stopped"), "stop instance " + id);
    }

    /**
     * Gives an instance a name.
     *
     * @param label at most 1024 characters
     */
    public void label(long id, String label) {
        if (label.length() > 1024) {
            throw new IllegalArgumentException("a label has at most 1024 characters, not " + label.length());
        }
        change(id, Map.of("label", label), "label instance " + id);
    }

    /** Ends the rental and deletes its disk, for good. An instance that is already gone counts as destroyed. */
    public void destroy(long id) {
        String act = "destroy instance " + id;
        HttpReply reply = send("DELETE", "/api/v0/instances/" + id + "/", "{}", act);
        if (reply.status() != 404 || answers.isExpiredSession(reply)) {
            answers.accepted(reply, act);
        }
    }

    private void change(long id, Map<String, String> members, String act) {
        try {
            answers.accepted(send("PUT", "/api/v0/instances/" + id + "/", JSON.writeValueAsString(members), act), act);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a map of texts is always JSON", e);
        }
    }

    private HttpReply send(String method, String path, String json, String act) {
        URI uri = URI.create(base + path);
        Map<String, String> headers = Map.of("Authorization", "Bearer " + key.secret().reveal(), "Accept", "application/json", "User-Agent", "adapter-ferry");
        HttpCall call = json.isEmpty() ? HttpCall.get(uri, headers, timeout) : HttpCall.json(method, uri, headers, json, timeout);
        return answers.patiently(() -> http.call(call), act);
    }

    private static String encode(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8);
    }
}
