package dev.adapterferry.stage;

import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.ReleaseEntry;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.probe.Subject;
import dev.adapterferry.probe.TestPrompt;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import java.nio.file.Path;
import java.time.Clock;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;

/**
 * The health of what is deployed, asked on a timer. Files are always checked; the server only where one answers, since the
 * embedded one runs during a run alone.
 */
public final class ModelProbe {
    private final Settings settings;
    private final Ledger ledger;
    private final HttpCaller caller;
    private final Map<String, Status> last = new ConcurrentHashMap<>();

    /**
     * What a probe found.
     *
     * @param changed  whether it differs from the last time; the first time only when something is wrong
     * @param sentence the health in words
     */
    public record Result(boolean changed, String sentence) { }

    /**
     * @param settings what is healthy
     * @param ledger   knows what is deployed, and is told
     * @param caller   sends the small requests
     */
    public ModelProbe(Settings settings, Ledger ledger, HttpCaller caller) {
        this.settings = settings;
        this.ledger = ledger;
        this.caller = caller;
    }

    /** Names of the models that have an active release and still are in the settings. */
    public List<String> deployed() {
        return ledger.releases().active().stream().map(ReleaseEntry::model).filter(settings.models()::containsKey).toList();
    }

    /** Probes one model. */
    public Result probe(String name) {
        ReleaseEntry release = ledger.releases().active(name).orElseThrow();
        ModelSettings model = settings.model(name);
        Endpoint endpoint = new Endpoint(model.endpoint(), settings.deploy().lmstudio().token().orElse(null), settings.health().timeout());
        List<Subject.InstalledFile> files = release.files().stream().map(f -> new Subject.InstalledFile(Path.of(f.path()), f.bytes(), f.sha256())).toList();
        List<TestPrompt> prompts = model.testPrompts().stream().limit(1).map(TestPrompt::of).toList();
        Set<HealthCheck.Part> parts = EmbeddedServers.answers(caller, endpoint) ? EnumSet.allOf(HealthCheck.Part.class) : EnumSet.of(HealthCheck.Part.FILE, HealthCheck.Part.SYSTEM);
        Health health = new HealthCheck(caller, HealthStage.limits(settings.health()), false, Clock.systemUTC())
                .check(new Subject(name, files, endpoint, settings.deployName(name), model.systemPrompt(), model.temperature(), prompts), parts);
        Status before = last.put(name, health.status());
        String sentence = name + " is " + health.status().name().toLowerCase(Locale.ROOT)
                + (health.findings().isEmpty() ? "" : health.findings().stream().map(f -> f.sentence()).collect(Collectors.joining("; ", ": ", "")));
        ledger.events().add(null, name, "probed", sentence, null);
        return new Result(before == null ? health.status() != Status.HEALTHY : before != health.status(), sentence);
    }
}
