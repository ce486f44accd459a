package dev.adapterferry.stage;

import dev.adapterferry.deploy.ModelProfile;
import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.modelserver.Endpoint;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Finding;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Limits;
import dev.adapterferry.probe.Status;
import dev.adapterferry.probe.Subject;
import dev.adapterferry.probe.TestPrompt;
import dev.adapterferry.settings.HealthSettings;
import dev.adapterferry.settings.ModelSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Use;
import java.time.Clock;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** Checks a release by the settings: the same for the stage, the timer and the command. */
public final class ModelHealth {
    private final HttpCaller caller;
    private final ModelServers servers;
    private final Digests digests;

    /**
     * @param caller  sends the small requests
     * @param servers finds or starts the server
     * @param digests where the digests of installed files come from
     */
    public ModelHealth(HttpCaller caller, ModelServers servers, Digests digests) {
        this.caller = caller;
        this.servers = servers;
        this.digests = digests;
    }

    /**
     * Checks a release. Where no server answers and the settings let the ferry serve, its own server answers, and stays until
     * {@link ModelServers#release}.
     *
     * @param holder   who needs the server
     * @param settings what is healthy
     * @param model    the model's name
     * @param release  what is deployed of it
     * @param parts    what to check
     */
    public Health check(String holder, Settings settings, String model, Facts.Deployed release, Set<HealthCheck.Part> parts) {
        if (!use(release).served()) {
            return unasked(settings, model, release, parts);
        }
        boolean asking = parts.contains(HealthCheck.Part.API) || parts.contains(HealthCheck.Part.ANSWER);
        // Where the ferry may not serve, a silent server is a finding of the check.
        if (!asking || settings.serve().enabled() == Use.NEVER) {
            return check(settings, model, release, EmbeddedServers.configured(settings, model, release), parts);
        }
        try {
            return check(settings, model, release, servers.serve(holder, settings, model, release), parts);
        } catch (Cancelled | TransientFailure e) {
            throw e;
        } catch (FerryException e) {
            return unloadable(settings, model, release, parts, e);
        }
    }

    /** The engine refuses the file, or dies of it: the rest is checked all the same, and often says why. */
    private Health unloadable(Settings settings, String model, Facts.Deployed release, Set<HealthCheck.Part> parts, FerryException refusal) {
        Set<HealthCheck.Part> rest = EnumSet.copyOf(parts);
        rest.removeAll(EnumSet.of(HealthCheck.Part.API, HealthCheck.Part.ANSWER));
        Health seen = check(settings, model, release, EmbeddedServers.configured(settings, model, release), rest);
        List<Finding> findings = new ArrayList<>(seen.findings());
        findings.add(new Finding(Status.UNHEALTHY, "api", refusal.getMessage()));
        return new Health(seen.model(), seen.time(), Status.UNHEALTHY, seen.files(), null, null, seen.system(), findings);
    }

    /** Checks a release on the server that the settings name, and starts none. */
    public Health checkConfigured(Settings settings, String model, Facts.Deployed release, Set<HealthCheck.Part> parts) {
        return !use(release).served() ? unasked(settings, model, release, parts) : check(settings, model, release, EmbeddedServers.configured(settings, model, release), parts);
    }

    /** What a release's model is asked for. */
    static ModelUse use(Facts.Deployed release) {
        return ModelUse.of(release.primaryFile().item().path());
    }

    /** Servers break over such a model, or answer nonsense, whatever the file says: what can be seen without them is seen. */
    private Health unasked(Settings settings, String model, Facts.Deployed release, Set<HealthCheck.Part> parts) {
        Set<HealthCheck.Part> seen = EnumSet.noneOf(HealthCheck.Part.class);
        parts.stream().filter(part -> part == HealthCheck.Part.FILE || part == HealthCheck.Part.SYSTEM).forEach(seen::add);
        Health health = check(settings, model, release, EmbeddedServers.configured(settings, model, release), seen);
        List<Finding> findings = new ArrayList<>(health.findings());
        findings.add(new Finding(Status.HEALTHY, "answer", "no server was asked: LM Studio, Ollama and llama-server do not answer with " + use(release).kind() + "; this does: "
                + use(release).call(release.primaryFile().item().path().toString())));
        return new Health(health.model(), health.time(), health.status(), health.files(), null, null, health.system(), findings);
    }

    /** What there is to say of a model without a release: nothing is installed that could answer. */
    public Health missing(Settings settings, String model) {
        Subject subject = new Subject(model, List.of(), EmbeddedServers.configured(settings, model), settings.deployName(model), null, 0, List.of());
        return new HealthCheck(caller, limits(settings.health()), digests, Clock.systemUTC()).check(subject, EnumSet.of(HealthCheck.Part.FILE));
    }

    private Health check(Settings settings, String name, Facts.Deployed release, ModelServers.Serving serving, Set<HealthCheck.Part> parts) {
        ModelSettings model = settings.model(name);
        // As it was deployed: a release that came back is not asked with the settings of the one after it.
        ModelProfile profile = Places.profile(settings, name, release.release());
        HealthSettings health = settings.health();
        List<String> forbidden = health.forbidden().stream().map(Pattern::pattern).toList();
        List<TestPrompt> prompts = model.testPrompts().stream().map(prompt -> new TestPrompt(prompt, health.minResponseLength(), List.of(), forbidden)).toList();
        List<Subject.InstalledFile> files = release.items().stream().map(item -> new Subject.InstalledFile(item.path(), item.bytes(), item.sha256())).toList();
        Endpoint endpoint = serving.endpoint();
        Subject subject = new Subject(name, files, endpoint, serving.modelId(), profile.system(), profile.temperature(), prompts, release.primary(), profile.context(), serving.embedded());
        return new HealthCheck(caller, limits(health), digests, Clock.systemUTC()).check(subject, parts);
    }

    private static Limits limits(HealthSettings health) {
        return new Limits(health.loadTimeout(), health.answerTimeout(), health.retries(), health.retryDelay(), health.maxLatency(), health.maxFirstTokenLatency(), health.minTokensPerSecond(), health.resourceWarning(),
                health.maxTokens());
    }
}
