package dev.adapterferry.camel;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.alert.Throttle;
import dev.adapterferry.http.HttpCaller;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.LedgerSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.source.ssh.TrustedClients;
import dev.adapterferry.stage.AdapterHome;
import dev.adapterferry.stage.AdapterSources;
import dev.adapterferry.stage.AlertDesk;
import dev.adapterferry.stage.DeployStage;
import dev.adapterferry.stage.DownloadStage;
import dev.adapterferry.stage.EmbeddedServers;
import dev.adapterferry.stage.EvaluateStage;
import dev.adapterferry.stage.Fallback;
import dev.adapterferry.stage.HealthStage;
import dev.adapterferry.stage.HubBases;
import dev.adapterferry.stage.LetterDesk;
import dev.adapterferry.stage.LocalBases;
import dev.adapterferry.stage.MergeStage;
import dev.adapterferry.stage.ModelProbe;
import dev.adapterferry.stage.ModelServers;
import dev.adapterferry.stage.QuantizeStage;
import dev.adapterferry.stage.ReleaseDesk;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.StageDesk;
import dev.adapterferry.stage.StageWork;
import java.io.IOException;
import java.nio.file.Files;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.processor.errorhandler.RedeliveryPolicy;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the plain objects, which outlive every generation of routes, and gives each generation the beans that its routes name. */
final class Wiring implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Wiring.class);

    private final Templates templates = new Templates();
    private final Ledger ledger;
    private final ModelServers servers;
    private final RunDesk runs;
    private final StageDesk stages;
    private final Supplier<Settings> settings;
    private final HttpCaller http = new CamelHttpCaller(templates);
    private final TrustedClients sshClients;
    private final AdapterSources sources;
    private final Meters meters;
    private final LetterDesk letters;
    private final Looks looks = new Looks();
    private final Patience patience;
    private final Throttle throttle = new Throttle();

    /**
     * @param settings the settings in force, asked by everything that outlives a generation of routes
     * @param ledger   where all is written down; closed with this
     * @param progress hears of every stage
     * @param seam     gives what is done in a stage's place; the identity but in tests
     */
    Wiring(Supplier<Settings> settings, Ledger ledger, Progress progress, UnaryOperator<StageWork> seam) {
        this.settings = settings;
        this.ledger = ledger;
        this.servers = new EmbeddedServers(http);
        this.runs = new RunDesk(settings, ledger, progress, servers);
        this.meters = new Meters(ledger, runs);
        this.sshClients = new TrustedClients(() -> AdapterSources.login(settings.get()));
        this.sources = new AdapterSources(http, new CamelShells(templates, sshClients), bucket -> new CamelBuckets(templates, bucket));
        Fallback fallback = new Fallback(ledger, servers, http, this::announce);
        LocalBases bases = new LocalBases(new HubBases());
        Map<Stage, StageWork> works = new EnumMap<>(Stage.class);
        for (StageWork work : new StageWork[] {new DownloadStage(sources, ledger, bases), new MergeStage(bases), new QuantizeStage(bases), new DeployStage(ledger, http, this::announce), new HealthStage(http, servers, fallback, ledger),
                new EvaluateStage(http, servers, fallback, ledger, this::announce)}) {
            works.put(work.stage(), seam.apply(work));
        }
        this.stages = new StageDesk(runs, ledger, works);
        this.letters = new LetterDesk(settings, ledger, runs);
        this.patience = new Patience(() -> settings.get().pipeline().retries(), runs, stages, meters);
    }

    /** Finishes what a killed deployment left. */
    void recover(Progress progress) {
        new ReleaseDesk(settings.get(), ledger, http, progress, new Cancellation()).recover();
    }

    /** Opens the ledger that the settings name. */
    static Ledger ledger(Settings settings) {
        makeHome(settings);
        LedgerSettings book = settings.ledger();
        return Ledger.open(book.url(), book.user(), book.password(), book.lease());
    }

    /** Hands an alert to the routes; the work goes on whatever becomes of it. */
    void announce(Alert alert) {
        try {
            templates.get().sendBody("{{alerts.endpoint}}", alert);
        } catch (RuntimeException e) {
            LOG.warn("Could not pass an alert on: {} ({})", alert.sentence(), RouteGeneration.innermost(e));
        }
    }

    private static void makeHome(Settings settings) {
        try {
            Files.createDirectories(settings.home());
        } catch (IOException e) {
            throw new dev.adapterferry.failure.SettingsException("Cannot make the working directory " + settings.home() + " (setting home): " + e.getMessage(), e);
        }
    }

    /** What routes name, for one generation with its settings. */
    Map<String, Object> beans(Settings now) {
        Map<String, Object> beans = new HashMap<>();
        beans.put("sshClients", sshClients);
        beans.put("sshKeys", sshClients.keys());
        beans.put("runs", new RunsBean(runs, letters, ledger));
        beans.put("stages", new StagesBean(stages));
        for (Stage stage : Stage.values()) {
            String name = stage.text().equals("health-check") ? "health" : stage.text();
            beans.put(name + "Stage", new StageBean(stages, stage, meters));
        }
        for (String event : new String[] {"started", "finished", "failed", "refused", "unhealthy", "recovered", "instance"}) {
            beans.put("tell" + Character.toUpperCase(event.charAt(0)) + event.substring(1), new Tell(event));
        }
        beans.put("slack", new SlackOwnChannel());
        beans.put("alerts", new AlertsBean(now.alerts(), new AlertDesk(now.alerts(), ledger, throttle), http, templates));
        beans.put("inbox", new InboxBean(now));
        beans.put("pulls", new PullsBean(now, ledger, sources, looks));
        beans.put("probes", new ProbesBean(new ModelProbe(now, ledger, http, servers)));
        beans.put("housekeeping", new HousekeepingBean(now, ledger));
        beans.put("api", new ApiBean(now, ledger, runs, letters, http, servers, this::announce));
        beans.put("liveRoutes", new LiveRoutesBean(meters));
        beans.put("routeCounts", new RouteCounts(meters));
        beans.put("ledgerCheck", new LedgerCheck(ledger));
        beans.put(MicrometerConstants.METRICS_REGISTRY_NAME, meters.registry());
        beans.put("patience", patience);
        RedeliveryPolicy healing = quiet(new RedeliveryPolicy());
        healing.setMaximumRedeliveries(now.pipeline().retries().attempts());
        healing.setRedeliveryDelay(0);
        beans.put("healing", healing);
        beans.put("quietFailure", quietFailure());
        return beans;
    }

    /** One attempt, of which nothing is logged here. */
    static RedeliveryPolicy quietFailure() {
        RedeliveryPolicy policy = quiet(new RedeliveryPolicy());
        policy.setMaximumRedeliveries(0);
        return policy;
    }

    /** The sentence is enough: it is in the ledger, the dead letter and the alert; the stack is in the letter. */
    private static RedeliveryPolicy quiet(RedeliveryPolicy policy) {
        policy.setLogExhausted(false);
        policy.setLogExhaustedMessageHistory(false);
        policy.setLogStackTrace(false);
        policy.setLogHandled(false);
        policy.setLogContinued(false);
        policy.setLogRetryAttempted(false);
        return policy;
    }

    Templates templates() {
        return templates;
    }

    Ledger ledger() {
        return ledger;
    }

    RunDesk runs() {
        return runs;
    }

    StageDesk stages() {
        return stages;
    }

    LetterDesk letters() {
        return letters;
    }

    AdapterHome home() {
        return new AdapterHome(sources, settings.get());
    }

    Patience patience() {
        return patience;
    }

    @Override
    public void close() {
        runs.close();
        ledger.close();
    }
}
