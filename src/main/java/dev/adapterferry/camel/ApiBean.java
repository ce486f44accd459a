package dev.adapterferry.camel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.HealthJson;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.secret.Redaction;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.ActiveReleases;
import dev.adapterferry.stage.LetterDesk;
import dev.adapterferry.stage.Announcer;
import dev.adapterferry.stage.ModelHealth;
import dev.adapterferry.stage.ModelServers;
import dev.adapterferry.stage.Rollback;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.RunRequest;
import java.util.EnumSet;
import java.util.List;
import java.util.OptionalInt;
import org.apache.camel.Exchange;
import org.apache.camel.Message;

/** The bean {@code api} of the routes: runs, models and releases as JSON. */
public final class ApiBean {
    private static final int USUAL = 20;
    private static final int MOST = 500;

    private final Settings settings;
    private final Ledger ledger;
    private final RunDesk runs;
    private final LetterDesk letters;
    private final HttpCaller http;
    private final Announcer announcer;
    private final ModelServers servers;
    private final ModelHealth health;

    ApiBean(Settings settings, Ledger ledger, RunDesk runs, LetterDesk letters, HttpCaller http, ModelServers servers, Announcer announcer) {
        this.settings = settings;
        this.ledger = ledger;
        this.runs = runs;
        this.letters = letters;
        this.http = http;
        this.announcer = announcer;
        this.servers = servers;
        this.health = new ModelHealth(http, servers, Digests.remembered());
    }

    /** The newest runs; {@code model} and {@code limit} narrow it. */
    public void runs(Exchange exchange) {
        Message in = exchange.getMessage();
        int most = limit(in.getHeader("limit", String.class));
        String model = in.getHeader("model", String.class);
        List<Run> found = model == null ? ledger.runs().newest(most) : ledger.runs().of(model, most);
        ArrayNode list = ApiAnswers.JSON.createArrayNode();
        found.forEach(run -> list.add(ApiAnswers.run(run)));
        ApiAnswers.answer(in, 200, list);
    }

    private static int limit(String text) {
        try {
            return text == null ? USUAL : Math.clamp(Integer.parseInt(text), 1, MOST);
        } catch (NumberFormatException e) {
            throw new ApiRefusal(400, "limit must be a number from 1 to " + MOST + ", found '" + text + "'.");
        }
    }

    /** One run with its stages. */
    public void run(Exchange exchange) {
        Run run = ApiAnswers.run(ledger, exchange.getMessage());
        ApiAnswers.answer(exchange.getMessage(), 200, ApiAnswers.run(run, ledger.stages().of(run.id())));
    }

    /** Body: JSON of a request. Leaves the request. */
    public void request(Exchange exchange) {
        JsonNode body = json(exchange.getMessage());
        try {
            RunRequest request = ApiAnswers.JSON.treeToValue(body, RunRequest.class);
            if (request.model() == null) {
                throw new ApiRefusal(400, "The request names no model; expected {\"model\": \"NAME\"}.");
            }
            exchange.getMessage().setBody(request.triggeredBy("api"));
        } catch (JsonProcessingException e) {
            if (e.getCause() instanceof SettingsException wrong) {
                throw wrong;
            }
            throw new ApiRefusal(400, "The request is no request for a run: " + reason(e));
        }
    }

    /** The body as a JSON object; an absent one is empty. */
    static JsonNode json(Message message) {
        String body = message.getBody(String.class);
        try {
            JsonNode node = body == null || body.isBlank() ? ApiAnswers.JSON.createObjectNode() : ApiAnswers.JSON.readTree(body);
            if (!node.isObject()) {
                throw new ApiRefusal(400, "The request must be a JSON object such as {\"model\": \"NAME\"}.");
            }
            return node;
        } catch (JsonProcessingException e) {
            throw new ApiRefusal(400, "The request is no JSON: " + reason(e));
        }
    }

    /** Jackson's sentence without its own account of the place, and the place. */
    private static String reason(JsonProcessingException e) {
        String what = e.getOriginalMessage().lines().findFirst().orElse("").replaceFirst(" \\((start marker|for Object).*", "");
        return what + (e.getLocation() == null ? "." : " (line " + e.getLocation().getLineNr() + ", column " + e.getLocation().getColumnNr() + ").");
    }

    /** Body: the run's id. Leaves the answer. */
    public void started(Exchange exchange) {
        Message message = exchange.getMessage();
        boolean joined = message.getHeader(FerryHeaders.JOINED, false, Boolean.class);
        ApiAnswers.answer(message, joined ? 200 : 202, ApiAnswers.JSON.createObjectNode().put("run", message.getBody(String.class)).put("joined", joined));
    }

    /** Asks a run to stop, whoever carries it. */
    public void cancel(Exchange exchange) {
        Run run = ApiAnswers.run(ledger, exchange.getMessage());
        if (!runs.cancel(run.id())) {
            throw new ApiRefusal(409, "Run " + run.id() + " has ended already: " + run.state().text() + ".");
        }
        ApiAnswers.answer(exchange.getMessage(), 202, ApiAnswers.JSON.createObjectNode().put("run", run.id()).put("cancelled", true));
    }

    /** Sends a run again that failed or was cancelled. */
    public void retry(Exchange exchange) {
        Runs.Opened opened = letters.again(ApiAnswers.run(ledger, exchange.getMessage()).id());
        ApiAnswers.answer(exchange.getMessage(), opened.joined() ? 200 : 202, ApiAnswers.JSON.createObjectNode().put("run", opened.run().id()).put("joined", opened.joined()));
    }

    /** The models and what is deployed of each. */
    public void models(Exchange exchange) {
        ArrayNode list = ApiAnswers.JSON.createArrayNode();
        settings.models().forEach((name, model) -> {
            ObjectNode node = list.addObject().put("name", name).put("description", model.description()).put("base", model.base().orElse(null)).put("enabled", model.enabled());
            node.put("release", ledger.releases().active(name).map(ReleaseEntry::number).orElse(null));
        });
        ApiAnswers.answer(exchange.getMessage(), 200, list);
    }

    /** The releases of a model, newest first. */
    public void releases(Exchange exchange) {
        ArrayNode list = ApiAnswers.JSON.createArrayNode();
        ledger.releases().of(model(exchange)).forEach(release -> list.add(ApiAnswers.release(release)));
        ApiAnswers.answer(exchange.getMessage(), 200, list);
    }

    /** Goes back to an older release; the body may name it, and leave out the questions that it is asked: {@code {"to": 3, "test": false}}. */
    public void rollback(Exchange exchange) {
        String model = model(exchange);
        JsonNode body = json(exchange.getMessage());
        body.fieldNames().forEachRemaining(name -> {
            if (!name.equals("to") && !name.equals("test")) {
                throw new ApiRefusal(400, "The request has an unknown member '" + name + "'; expected {\"to\": NUMBER, \"test\": true|false}, or nothing.");
            }
        });
        JsonNode to = body.path("to");
        if (!to.isMissingNode() && !to.isInt()) {
            throw new ApiRefusal(400, "\"to\" must be the number of a release, found " + to + ".");
        }
        if (body.has("test") && !body.get("test").isBoolean()) {
            throw new ApiRefusal(400, "\"test\" must be true or false, found " + body.get("test") + ".");
        }
        if (to.isInt() && ledger.releases().of(model).stream().noneMatch(release -> release.number() == to.asInt())) {
            throw new ApiRefusal(404, "There is no release " + to + " of " + model + ". /api/models/" + model + "/releases lists them.");
        }
        Rollback.Result back = new Rollback(settings, ledger, http, servers).to(model, to.isInt() ? OptionalInt.of(to.asInt()) : OptionalInt.empty(), body.path("test").asBoolean(true), Progress.NONE);
        announcer.announce(back.alert("the HTTP API"));
        ObjectNode answer = ApiAnswers.release(ledger.releases().get(model, back.inUse().deployed().release().number())).put("instead-of", back.from()).put("millis", back.restored().toMillis());
        back.health().ifPresent(health -> answer.set("health", ApiAnswers.read(HealthJson.of(List.of(health))).path("models").path(0)));
        ApiAnswers.answer(exchange.getMessage(), 200, answer);
    }

    /** The health of one model's active release, or of all: files and server, without asking the model anything. */
    public void health(Exchange exchange) {
        ActiveReleases releases = new ActiveReleases(settings, ledger);
        List<String> models = exchange.getMessage().getHeader("model") == null ? releases.models() : List.of(model(exchange));
        models.forEach(settings::model);
        List<Health> results = models.stream().map(model -> releases.find(model).map(release -> health.checkConfigured(settings, model, release, EnumSet.complementOf(EnumSet.of(HealthCheck.Part.ANSWER))))
                .orElseGet(() -> health.missing(settings, model))).toList();
        ApiAnswers.answer(exchange.getMessage(), 200, ApiAnswers.read(HealthJson.of(results)));
    }

    /** The model that a path names. */
    private String model(Exchange exchange) {
        String model = exchange.getMessage().getHeader("model", String.class);
        if (!settings.models().containsKey(model) && ledger.releases().of(model).isEmpty()) {
            throw new ApiRefusal(404, "There is no model '" + model + "'. /api/models lists them.");
        }
        return model;
    }

    /** A failure as an answer. */
    public void refuse(Exchange exchange) {
        Throwable failure = RunsBean.caught(exchange);
        int status = switch (failure) {
            case ApiRefusal refusal -> refusal.status();
            case SettingsException settingsAreWrong -> 400;
            case TransientFailure busy -> 409;
            case FerryException cannot -> 409;
            default -> 500;
        };
        ApiAnswers.refuse(exchange.getMessage(), status, Redaction.redact(RunDesk.sentence(failure)));
    }
}
