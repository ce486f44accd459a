package dev.adapterferry.stage;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.probe.Digests;
import dev.adapterferry.probe.Health;
import dev.adapterferry.probe.HealthCheck;
import dev.adapterferry.probe.Status;
import dev.adapterferry.settings.Stage;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Checks files, server and answer of the release that was deployed. */
public final class HealthStage implements StageWork {
    private final ModelHealth checks;
    private final ModelServers servers;
    private final Fallback fallback;
    private final Ledger ledger;

    /**
     * @param caller   sends the small requests
     * @param servers  finds or starts the server
     * @param fallback takes a release back that does not hold
     * @param ledger   knows what is in use
     */
    public HealthStage(HttpCaller caller, ModelServers servers, Fallback fallback, Ledger ledger) {
        this.checks = new ModelHealth(caller, servers, Digests.fresh());
        this.servers = servers;
        this.fallback = fallback;
        this.ledger = ledger;
    }

    @Override
    public Stage stage() {
        return Stage.HEALTH_CHECK;
    }

    @Override
    public Class<Facts.Checked> facts() {
        return Facts.Checked.class;
    }

    /** Health is a question about now; it is asked each time. */
    @Override
    public Optional<String> key(RunContext run) {
        return Optional.empty();
    }

    @Override
    public Facts.Checked carry(RunContext run) {
        Facts.Deployed deployed = new ActiveReleases(run.settings(), ledger).now(run.name(), run.records().get(Stage.DEPLOY, Facts.Deployed.class));
        Health health = checks.check(run.id(), run.settings(), run.name(), deployed, EnumSet.allOf(HealthCheck.Part.class));
        Path report = run.folder().resolve("health.json");
        Reports.write(report, health);
        List<String> findings = health.findings().stream().map(f -> f.sentence()).toList();
        boolean died = servers.death(run.id()).isPresent();
        if (health.status() == Status.UNHEALTHY || died) {
            // What was started again and answered at last has crashed all the same.
            String found = findings.isEmpty() ? Fallback.DIED : String.join("; ", findings) + (died ? "; " + Fallback.DIED : "");
            throw new FerryException("The health check of " + run.name() + " (release " + deployed.release() + ") failed: " + found
                    + ". The report is " + report + "." + fallback.takeBack(run, deployed, "it failed the health check: " + found));
        }
        if (!ModelHealth.use(deployed).served()) {
            return new Facts.Checked(health.status().text(), findings, null, null, "", report);
        }
        ModelServers.Serving serving = servers.serve(run, deployed);
        String answer = health.answers() == null ? "" : health.answers().stream().map(Health.AnswerReport::response).filter(r -> r != null && !r.isBlank()).findFirst().orElse("");
        return new Facts.Checked(health.status().text(), findings, serving.endpoint().base(), serving.modelId(), answer, report);
    }

    @Override
    public String summary(Object facts) {
        Facts.Checked checked = (Facts.Checked) facts;
        return checked.status() + (checked.findings().isEmpty() ? "" : checked.findings().stream().collect(Collectors.joining("; ", ": ", "")));
    }
}
