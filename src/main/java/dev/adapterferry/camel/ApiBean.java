package dev.adapterferry.camel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.RunRequest;
import java.time.Instant;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The bean {@code api} of the routes: JSON in, JSON out. */
public final class ApiBean {
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final int MOST = 500;

    private final Settings settings;
    private final Ledger ledger;

    ApiBean(Settings settings, Ledger ledger) {
        this.settings = settings;
        this.ledger = ledger;
    }

    /** The newest runs. */
    public void runs(Exchange exchange) throws JsonProcessingException {
        Message in = exchange.getMessage();
        Integer limit = in.getHeader("limit", Integer.class);
        int most = Math.clamp(limit == null ? 20 : limit, 1, MOST);
        String model = in.getHeader("model", String.class);
        List<Run> runs = model == null ? ledger.runs().newest(most) : ledger.runs().of(model, most);
        ArrayNode list = JSON.createArrayNode();
        runs.forEach(run -> list.add(node(run)));
        answer(in, 200, list);
    }

    /** One run with its stages. */
    public void run(Exchange exchange) throws JsonProcessingException {
        Run run = ledger.runs().get(exchange.getMessage().getHeader("run", String.class));
        ObjectNode node = node(run);
        ArrayNode stages = node.putArray("stages");
        for (StageEntry stage : ledger.stages().of(run.id())) {
            stages.addObject().put("stage", stage.name()).put("state", stage.state().text()).put("attempt", stage.attempt()).put("millis", stage.duration(Instant.now()).toMillis())
                    .put("error", stage.error().orElse(null));
        }
        answer(exchange.getMessage(), 200, node);
    }

    /** The models. */
    public void models(Exchange exchange) throws JsonProcessingException {
        ArrayNode list = JSON.createArrayNode();
        settings.models().forEach((name, model) -> {
            ObjectNode node = list.addObject().put("name", name).put("description", model.description()).put("base", model.base().orElse(null)).put("enabled", model.enabled());
            ledger.releases().active(name).ifPresent(release -> node.put("release", release.number()));
        });
        answer(exchange.getMessage(), 200, list);
    }

    /** Body: JSON of a request. Leaves the request. */
    public void request(Exchange exchange) {
        String body = exchange.getMessage().getBody(String.class);
        try {
            RunRequest request = new ObjectMapper().readValue(body == null ? "" : body, RunRequest.class);
            if (request == null || request.model() == null) {
                throw new SettingsException("The request names no model; expected {\"model\": \"NAME\"}.");
            }
            exchange.getMessage().setBody(request.triggeredBy("api"));
        } catch (JsonProcessingException e) {
            throw new SettingsException("The request is no JSON of a run: " + e.getOriginalMessage(), e);
        }
    }

    /** Body: the run's id. Leaves the answer. */
    public void started(Exchange exchange) throws JsonProcessingException {
        Message message = exchange.getMessage();
        boolean joined = message.getHeader(FerryHeaders.JOINED, false, Boolean.class);
        answer(message, joined ? 200 : 202, JSON.createObjectNode().put("run", message.getBody(String.class)).put("joined", joined));
    }

    /** A failure as an answer. */
    public void refuse(Exchange exchange) throws JsonProcessingException {
        Throwable failure = exchange.getProperty(Exchange.EXCEPTION_CAUGHT, Throwable.class);
        int status = failure instanceof SettingsException ? 400 : failure instanceof FerryException ? 404 : 500;
        answer(exchange.getMessage(), status, JSON.createObjectNode().put("error", RunDesk.sentence(failure)));
    }

    private static ObjectNode node(Run run) {
        return JSON.createObjectNode().put("id", run.id()).put("model", run.model()).put("state", run.state().text()).put("trigger", run.trigger())
                .put("created", run.created().toString()).put("started", run.started().map(Instant::toString).orElse(null)).put("ended", run.ended().map(Instant::toString).orElse(null))
                .put("error", run.error().orElse(null));
    }

    private static void answer(Message message, int status, Object body) throws JsonProcessingException {
        message.removeHeaders("*");
        message.setHeader(Exchange.HTTP_RESPONSE_CODE, status);
        message.setHeader(Exchange.CONTENT_TYPE, "application/json");
        message.setBody(JSON.writeValueAsString(body));
    }
}
