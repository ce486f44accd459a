package dev.adapterferry.probe;

import dev.adapterferry.gguf.ModelUse;
import dev.adapterferry.http.HttpCaller;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Runs the checks of one model and sums them up. */
public final class HealthCheck {
    /** The checks, in the order in which they run. */
    public enum Part {
        /** The installed files. */
        FILE,
        /** The server's listing. */
        API,
        /** The test prompts; of an embedding model the vectors of their texts, of a reranker the scores of texts against them. */
        ANSWER,
        /** The test prompts, unless LM Studio has the model unloaded: a question would load it. */
        ANSWER_UNLESS_ASLEEP,
        /** The machine. */
        SYSTEM
    }

    private final HttpCaller caller;
    private final Limits limits;
    private final Digests digests;
    private final Clock clock;

    /**
     * @param caller  sends the small requests
     * @param limits  what is still healthy
     * @param digests where the digests of installed files come from
     * @param clock   gives the report its time
     */
    public HealthCheck(HttpCaller caller, Limits limits, Digests digests, Clock clock) {
        this.caller = caller;
        this.limits = limits;
        this.digests = digests;
        this.clock = clock;
    }

    /**
     * Checks one model. Never throws for what is wrong with the model: that is what the report is for.
     *
     * @param subject the model
     * @param parts   what to check
     */
    public Health check(Subject subject, Set<Part> parts) {
        Instant time = Instant.now(clock);
        Set<Part> wanted = parts.isEmpty() ? EnumSet.noneOf(Part.class) : EnumSet.copyOf(parts);
        List<Finding> findings = new ArrayList<>();
        List<Health.FileReport> files = null;
        if (wanted.contains(Part.FILE)) {
            FileProbe probe = new FileProbe(digests);
            files = subject.files().stream().map(file -> probe.check(file, findings)).toList();
            if (files.isEmpty()) {
                findings.add(new Finding(Status.UNHEALTHY, "file", subject.model() + " has no installed file"));
            }
        }
        boolean broken = !findings.isEmpty();
        ApiProbe server = new ApiProbe(caller, limits);
        Health.ApiReport api = wanted.contains(Part.API) ? server.check(subject, findings) : null;
        List<Health.AnswerReport> answers = null;
        // A server that does not answer the listing will not answer prompts; asking would only repeat its finding. A server of
        // our own would load the broken file into this very process.
        boolean asking = wanted.contains(Part.ANSWER) || wanted.contains(Part.ANSWER_UNLESS_ASLEEP) && !(api != null && server.isAsleep(api, subject));
        if (asking && (api == null || api.reachable()) && !(broken && subject.embedded())) {
            Optional<Path> file = subject.files().stream().map(Subject.InstalledFile::path).filter(Files::isReadable).findFirst();
            answers = switch (file.map(ModelUse::of).orElse(ModelUse.ANSWERS)) {
                case ANSWERS, REPLIES, FILLS -> new AnswerProbe(caller, limits).check(subject, findings);
                case VECTORS -> new VectorProbe(caller, limits).check(subject, file.get(), findings);
                case SCORES -> new ScoreProbe(caller, limits).check(subject, findings);
            };
        }
        if (api != null) {
            // Only now: LM Studio loads a model with the first question, and with what context it pleases.
            api = server.withLoaded(api, subject, findings);
        }
        Health.SystemReport system = wanted.contains(Part.SYSTEM) ? SystemProbe.check(subject, limits, findings) : null;
        Status status = findings.stream().map(Finding::status).reduce(Status.HEALTHY, Status::and);
        return new Health(subject.model(), time, status, files, api, answers, system, List.copyOf(findings));
    }
}
