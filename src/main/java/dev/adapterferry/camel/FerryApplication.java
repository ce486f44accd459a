package dev.adapterferry.camel;

import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.RunRequest;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;

/**
 * The ferry with its routes running: for one command, or as the daemon. Closing it finishes or parks what is under way.
 */
public final class FerryApplication implements AutoCloseable {
    private static final long FOLLOW_MILLIS = 500;

    private final Wiring wiring;
    private final RouteKeeper routes;

    private FerryApplication(Settings settings, Path installation, Progress progress, boolean daemon) {
        this.wiring = new Wiring(settings, progress);
        Path camelOptions = installation.resolve("config").resolve("application.properties");
        this.routes = new RouteKeeper(
                () -> RouteGeneration.start(settings.routes().path(), camelOptions, RouteProperties.of(settings, daemon), wiring.beans(), settings.pipeline().shutdownTimeout()),
                () -> RouteGeneration.start(settings.routes().path(), camelOptions, RouteProperties.of(settings, false), wiring.beans(), settings.pipeline().shutdownTimeout()),
                wiring.templates());
    }

    private static FerryApplication started(FerryApplication application) {
        try {
            application.routes.start();
            return application;
        } catch (RuntimeException e) {
            application.close();
            throw e;
        }
    }

    /** The passage alone, without the ways in: for a command that carries something itself. */
    public static FerryApplication forCommand(Settings settings, Path installation, Progress progress) {
        return started(new FerryApplication(settings, installation, progress, false));
    }

    /** Everything: inbox, schedule, API, probes. Runs that a dead process left open are taken up again. */
    public static FerryApplication forDaemon(Settings settings, Path installation, Progress progress) {
        FerryApplication application = new FerryApplication(settings, installation, progress, true);
        application.wiring.runs().recover();
        return started(application);
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

    /** Carries one request to its end in this process, or follows the run that another process carries for it. */
    public Outcome carry(RunRequest request) {
        Runs.Opened opened = wiring.runs().open(request);
        String id = opened.run().id();
        if (!opened.joined() || opened.run().state() == RunState.QUEUED) {
            routes.live().template().requestBody("direct:pipeline", id);
        }
        return outcome(follow(id));
    }

    /** Waits for a run that somebody else carries. */
    private Run follow(String id) {
        Run run = wiring.ledger().runs().get(id);
        while (!run.state().isEnd()) {
            try {
                Thread.sleep(FOLLOW_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new TransientFailure("Stopped waiting for run " + id + "; it goes on elsewhere.");
            }
            run = wiring.ledger().runs().get(id);
        }
        return run;
    }

    private Outcome outcome(Run run) {
        List<Outcome.Line> lines = new ArrayList<>();
        for (Stage stage : Stage.values()) {
            wiring.ledger().stages().find(run.id(), stage.text()).ifPresent(entry -> lines.add(line(entry)));
        }
        List<Path> files = new Records(run.folder()).find(Stage.DEPLOY, Facts.Deployed.class)
                .map(d -> d.items().stream().map(Facts.Item::path).toList()).orElse(List.of());
        return new Outcome(run.id(), run.model(), run.state(), run.error().orElse(""), lines, files);
    }

    private Outcome.Line line(StageEntry entry) {
        boolean worked = switch (entry.state()) {
            case DONE, FAILED, CANCELLED -> true;
            default -> false;
        };
        return new Outcome.Line(entry.name(), worked ? entry.duration(Instant.now()).toMillis() : -1, wiring.stages().summary(entry));
    }

    /** Asks everything that is being carried to stop. */
    public void interrupt() {
        RunDesk desk = wiring.runs();
        desk.carried().forEach(desk::cancel);
    }

    /** Where runs are written down. */
    public Ledger ledger() {
        return wiring.ledger();
    }

    @Override
    public void close() {
        try {
            routes.close();
        } finally {
            wiring.close();
        }
    }
}
