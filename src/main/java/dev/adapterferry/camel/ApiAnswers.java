package dev.adapterferry.camel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import io.netty.handler.codec.http.HttpResponseStatus;
import java.time.Instant;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** What the HTTP API says of runs, stages, events, releases and of what it refuses: one form each. */
final class ApiAnswers {
    /** Refusals are problem details as RFC 9457 has them. */
    static final String PROBLEM = "application/problem+json";

    static final ObjectMapper JSON = new ObjectMapper();

    private ApiAnswers() { }

    /** The run that a path names. */
    static Run run(Ledger ledger, Message message) {
        String id = message.getHeader("run", String.class);
        return ledger.runs().find(id).orElseThrow(() -> new ApiRefusal(404, "There is no run '" + id + "'. /api/runs lists them."));
    }

    static ObjectNode run(Run run) {
        return JSON.createObjectNode().put("id", run.id()).put("model", run.model()).put("state", run.state().text()).put("trigger", run.trigger())
                .put("created", run.created().toString()).put("started", run.started().map(Instant::toString).orElse(null)).put("ended", run.ended().map(Instant::toString).orElse(null))
                .put("error", run.error().orElse(null));
    }

    /** A run with its stages and what was asked for. */
    static ObjectNode run(Run run, List<StageEntry> stages) {
        ObjectNode node = run(run);
        node.set("request", read(run.request()));
        ArrayNode list = node.putArray("stages");
        stages.forEach(stage -> list.addObject().put("stage", stage.name()).put("state", stage.state().text()).put("attempt", stage.attempt())
                .put("millis", stage.duration(Instant.now()).toMillis()).put("error", stage.error().orElse(null)));
        return node;
    }

    static ObjectNode event(Event event) {
        ObjectNode node = JSON.createObjectNode().put("id", event.id()).put("time", event.time().toString()).put("kind", event.kind()).put("text", event.text())
                .put("run", event.run().orElse(null)).put("model", event.model().orElse(null));
        event.data().ifPresent(data -> node.set("data", read(data)));
        return node;
    }

    static ObjectNode release(ReleaseEntry release) {
        ObjectNode node = JSON.createObjectNode().put("model", release.model()).put("number", release.number()).put("state", release.state().text()).put("created", release.created().toString())
                .put("run", release.run().orElse(null));
        ArrayNode files = node.putArray("files");
        release.files().forEach(f -> files.addObject().put("format", f.format()).put("path", f.path()).put("bytes", f.bytes()).put("sha256", f.sha256()));
        release.scores().ifPresent(scores -> node.set("scores", read(scores)));
        return node;
    }

    static JsonNode read(String json) {
        try {
            return JSON.readTree(json);
        } catch (JsonProcessingException e) {
            return JSON.getNodeFactory().textNode(json);
        }
    }

    /** On one line. */
    static String json(Object value) {
        try {
            return JSON.writeValueAsString(value);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** What is wrong, on one line: {@code title} says what kind of thing, {@code detail} is the sentence for people. */
    static String problem(int status, String sentence) {
        return json(JSON.createObjectNode().put("title", HttpResponseStatus.valueOf(status).reasonPhrase()).put("status", status).put("detail", sentence)) + "\n";
    }

    /** Makes a message the answer to its request; nothing of the request is sent back. */
    static void answer(Message message, int status, Object body) {
        answer(message, status, "application/json", json(body) + "\n");
    }

    /** Makes a message the refusal of its request. */
    static void refuse(Message message, int status, String sentence) {
        answer(message, status, PROBLEM, problem(status, sentence));
    }

    private static void answer(Message message, int status, String type, String body) {
        message.removeHeaders("*");
        message.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        message.setHeader(Exchange.CONTENT_TYPE, type);
        message.setBody(body);
    }
}
