package dev.adapterferry.camel;

import dev.adapterferry.alert.Alert;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.LiveSettings;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.AdapterHome;
import dev.adapterferry.stage.Announcer;
import dev.adapterferry.stage.RunRequest;
import dev.adapterferry.stage.StageWork;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * The ferry with its routes running: for one command, or as the daemon. Closing it finishes or parks what is under way.
 */
public final class FerryApplication implements AutoCloseable {
    private final LiveSettings settings;
    private final Path camelOptions;
    private final boolean daemon;
    private final Wiring wiring;
    private final RouteKeeper routes;
    private final CommandRuns commands;
    private final DaemonAddress address = new DaemonAddress();
    private Reload reload;

    private FerryApplication(LiveSettings settings, Path installation, Progress progress, boolean daemon, UnaryOperator<StageWork> seam) {
        this.settings = settings;
        this.camelOptions = installation.resolve("config").resolve("application.properties");
        this.daemon = daemon;
        this.wiring = new Wiring(settings, Wiring.ledger(settings.get()), progress, seam);
        wiring.recover(progress);
        this.routes = new RouteKeeper(wiring.templates());
        this.commands = new CommandRuns(wiring, routes);
    }

    private FerryApplication started() {
        try {
            routes.start(parts(settings.get()));
            if (daemon) {
                address.announce(settings.get());
            }
            return this;
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private RouteGeneration.Parts parts(Settings now) {
        RouteGeneration.Parts parts = new RouteGeneration.Parts(now.routes().path(), camelOptions, RouteProperties.of(now, daemon), wiring.beans(now), new HttpGuard(now.http().token()),
                new RunFollowers(wiring.ledger()));
        return daemon ? address.pin(parts, now) : parts;
    }

    /** The passage alone, without the ways in: for a command that carries something itself. */
    public static FerryApplication forCommand(Settings settings, Path installation, Progress progress) {
        return forCommand(settings, installation, progress, UnaryOperator.identity());
    }

    /** The same with something else in a stage's place: how tests make a stage fail. */
    static FerryApplication forCommand(Settings settings, Path installation, Progress progress, UnaryOperator<StageWork> seam) {
        return new FerryApplication(LiveSettings.fixed(settings), installation, progress, false, seam).started();
    }

    /** Everything, with settings that stay as they are. */
    public static FerryApplication forDaemon(Settings settings, Path installation, Progress progress) {
        return forDaemon(LiveSettings.fixed(settings), installation, progress);
    }

    /** Everything: inbox, schedule, API, probes, live editing. Runs that a dead process left open are taken up again. */
    public static FerryApplication forDaemon(LiveSettings settings, Path installation, Progress progress) {
        return forDaemon(settings, installation, progress, UnaryOperator.identity());
    }

    /** The same with something else in a stage's place. */
    static FerryApplication forDaemon(Settings settings, Path installation, Progress progress, UnaryOperator<StageWork> seam) {
        return forDaemon(LiveSettings.fixed(settings), installation, progress, seam);
    }

    /** The same with something else in a stage's place. */
    static FerryApplication forDaemon(LiveSettings settings, Path installation, Progress progress, UnaryOperator<StageWork> seam) {
        FerryApplication application = new FerryApplication(settings, installation, progress, true, seam);
        application.wiring.runs().recover();
        application.started();
        application.reload = new Reload(settings, application::replaceRoutes, application::tellRefused);
        return application;
    }

    private void replaceRoutes(Settings next) {
        routes.replace(parts(next));
        settings.adopt(next);
        address.announce(next);
    }

    /** Where the daemon's API is; empty without one. */
    public Optional<URI> address() {
        return daemon ? address.of(settings.get()) : Optional.empty();
    }

    /** One alert, sent through the routes that go on. */
    private void tellRefused(String what, String reason) {
        wiring.announce(Alert.refused(what, reason));
    }

    /**
     * What became of a run.
     *
     * @param id       the run
     * @param model    its model
     * @param state    end state
     * @param sentence why it failed, or an empty string
     * @param stages   a line per stage
     * @param files    what it installed
     */
    public record Outcome(String id, String model, RunState state, String sentence, List<Line> stages, List<Path> files) {
        /**
         * A stage in the table.
         *
         * @param stage  its name
         * @param millis how long it took; -1 when it was not done
         * @param result one line
         */
        public record Line(String stage, long millis, String result) { }

        /** Whether everything that was asked for is done. */
        public boolean done() {
            return state == RunState.DONE;
        }
    }

    /** Opens a run and leaves it to whoever takes it up: the daemon, here or elsewhere. */
    Runs.Opened submit(RunRequest request) {
        return wiring.runs().open(request);
    }

    /** Carries one request to its end in this process, or follows the run that another process carries for it. */
    public Outcome carry(RunRequest request) {
        return commands.carry(wiring.runs().open(request));
    }

    /** Pulls adapters into folders of the user's own, without a run; works while this application is open. */
    public AdapterHome home() {
        return wiring.home();
    }

    /** Sends a run again that failed or was cancelled, and carries it to its end. */
    public Outcome retry(String run) {
        return commands.carry(wiring.letters().again(run));
    }

    /** Runs that failed for good and were not sent again, oldest first. */
    public List<String> failed() {
        return wiring.letters().waiting();
    }

    /** Asks everything that is being carried to stop; what is waited for is left. */
    public void interrupt() {
        commands.interrupt();
    }

    /** Ends as cancelled what did not stop by itself: the process is about to end, and nobody else may take it for alive. */
    public void abandon() {
        commands.abandon();
    }

    /** Tells people by way of the routes. */
    public Announcer announcer() {
        return wiring::announce;
    }

    /** The routes, for this room. */
    RouteKeeper routes() {
        return routes;
    }

    /** Where runs are written down. */
    public Ledger ledger() {
        return wiring.ledger();
    }

    @Override
    public void close() {
        wiring.patience().hurry();
        try {
            if (reload != null) {
                reload.close();
            }
            routes.drain(settings.get().pipeline().shutdownTimeout(), () -> wiring.runs().carried().isEmpty());
            // Parked before the routes go: a stage that is torn out of its work must not count as failed.
            wiring.runs().close();
            routes.close();
        } finally {
            address.close();
            wiring.close();
        }
    }
}
