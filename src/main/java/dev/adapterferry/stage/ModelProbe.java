package dev.adapterferry.stage;

import com.fasterxml.jackson.databind.JsonNode;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Event;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Finding;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import java.io.IOException;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The health of what is deployed, asked on a timer. Files are always checked. The server is asked where one answers, where
 * one answered the last time, and where the ferry may not serve itself: to load gigabytes every few minutes only to look at
 * them would be no service. What was found is an event of the ledger, so that a daemon that starts again knows the last state.
 */
public final class ModelProbe {
    private static final String EVENT = "probed";

    private final Settings settings;
    private final Ledger ledger;
    private final HttpCaller caller;
    private final ActiveReleases releases;
    private final ModelHealth checks;

    /** How health differs from the last time. */
    public enum Change { NONE, WORSE, BETTER }

    /**
     * What a probe found.
     *
     * @param status   the health
     * @param change   how it differs from the last time; the first time only when something is wrong
     * @param sentence what is to be said of it, without the model's name
     */
    public record Result(Status status, Change change, String sentence) { }

    /** What an event keeps for the next probe. */
    private record Before(Status status, boolean served) { }

    /**
     * @param settings what is healthy
     * @param ledger   knows what is deployed, and is told
     * @param caller   sends the small requests
     * @param servers  never asked to start one
     */
    public ModelProbe(Settings settings, Ledger ledger, HttpCaller caller, ModelServers servers) {
        this.settings = settings;
        this.ledger = ledger;
        this.caller = caller;
        this.releases = new ActiveReleases(settings, ledger);
        this.checks = new ModelHealth(caller, servers, Digests.remembered());
    }

    /** Names of the models that have an active release, still are in the settings and are not being carried: a switch is no illness. */
    public List<String> deployed() {
        return releases.models().stream().filter(model -> ledger.locks().holder(Runs.lock(model)).isEmpty()).toList();
    }

    /** Probes one model. */
    public Result probe(String model) {
        Facts.Deployed release = releases.get(model);
        Optional<Before> before = before(model);
        boolean answers = EmbeddedServers.answers(caller, EmbeddedServers.configured(settings, model));
        boolean expected = answers || settings.serve().enabled() == Use.NEVER || before.map(Before::served).orElse(false);
        Set<HealthCheck.Part> parts = EnumSet.of(HealthCheck.Part.FILE, HealthCheck.Part.SYSTEM);
        if (expected) {
            parts.addAll(List.of(HealthCheck.Part.API, settings.health().wake() ? HealthCheck.Part.ANSWER : HealthCheck.Part.ANSWER_UNLESS_ASLEEP));
        }
        Health health = checks.checkConfigured(settings, model, release, parts);
        Change change = change(before.map(Before::status).orElse(Status.HEALTHY), health.status());
        ledger.events().add(null, model, EVENT, sentence(health, parts), data(health, expected));
        return new Result(health.status(), change, sentence(health, parts));
    }

    private static Change change(Status before, Status now) {
        int direction = now.compareTo(before);
        return direction == 0 ? Change.NONE : direction > 0 ? Change.WORSE : Change.BETTER;
    }

    private static String sentence(Health health, Set<HealthCheck.Part> parts) {
        String found = health.findings().stream().map(Finding::sentence).collect(Collectors.joining("; "));
        // Of a model that no server is asked for there is not even a look at one; the finding says why.
        boolean asked = health.answers() != null || health.api() == null || !health.api().reachable();
        return health.status().text() + (!parts.contains(HealthCheck.Part.API) ? " (files only, no server runs)" : asked ? "" : " (not asked, LM Studio has it unloaded)") + (found.isEmpty() ? "" : ": " + found);
    }

    private static String data(Health health, boolean served) {
        return Records.JSON.createObjectNode().put("status", health.status().text()).put("served", served).toString();
    }

    private Optional<Before> before(String model) {
        return ledger.events().last(model, EVENT).flatMap(Event::data).map(data -> {
            try {
                JsonNode node = Records.JSON.readTree(data);
                return new Before(Status.valueOf(node.path("status").asText().toUpperCase(Locale.ROOT)), node.path("served").asBoolean());
            } catch (IOException | IllegalArgumentException e) {
                throw new FerryException("The last probe of " + model + " in the ledger is not readable: " + data, e);
            }
        });
    }
}
