package dev.adapterferry.camel;

import dev.adapterferry.failure.Cancelled;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.ledger.StageEntry;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.Records;
import dev.adapterferry.stage.RunDesk;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The runs that a command waits for. A run is carried to its end in this process, or followed where the daemon took it first or carries
 * another run of the model just now.
 */
final class CommandRuns {
    private static final Logger LOG = LoggerFactory.getLogger(CommandRuns.class);
    private static final long FOLLOW_MILLIS = 250;

    private final Wiring wiring;
    private final RouteKeeper routes;
    private volatile boolean interrupted;

    CommandRuns(Wiring wiring, RouteKeeper routes) {
        this.wiring = wiring;
        this.routes = routes;
    }

    /** Carries or follows a run to its end. */
    FerryApplication.Outcome carry(Runs.Opened opened) {
        RunDesk desk = wiring.runs();
        String id = opened.run().id();
        Run run = opened.run();
        boolean told = false;
        while (!run.state().isEnd()) {
            if (run.state() == RunState.QUEUED && !interrupted && desk.take(id)) {
                routes.live().template().requestBody("direct:pipeline", id);
                desk.settle(id);
            } else {
                if (interrupted) {
                    leave(run, opened.joined());
                } else if (!told) {
                    LOG.warn("Run {} waits: {} is being carried by {}", id, run.model(), desk.carrier(id));
                    told = true;
                }
                pause();
                desk.recover();
            }
            run = wiring.ledger().runs().get(id);
        }
        return outcome(run);
    }

    /** A run that this command asked for and nobody has begun is taken out of the queue; one that is under way elsewhere goes on there. */
    private void leave(Run run, boolean joined) {
        if (run.state() != RunState.QUEUED || joined) {
            throw new Cancelled("waiting for run " + run.id() + ", which goes on without this command");
        }
        wiring.runs().cancel(run.id());
    }

    private void pause() {
        try {
            Thread.sleep(FOLLOW_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            interrupted = true;
        }
    }

    private FerryApplication.Outcome outcome(Run run) {
        List<FerryApplication.Outcome.Line> lines = new ArrayList<>();
        for (Stage stage : Stage.values()) {
            wiring.ledger().stages().find(run.id(), stage.text()).ifPresent(entry -> lines.add(line(entry)));
        }
        List<Path> files = new Records(run.folder()).find(Stage.DEPLOY, Facts.Deployed.class)
                .map(d -> d.items().stream().map(Facts.Item::path).toList()).orElse(List.of());
        return new FerryApplication.Outcome(run.id(), run.model(), run.state(), run.error().orElse(""), lines, files);
    }

    private FerryApplication.Outcome.Line line(StageEntry entry) {
        boolean worked = switch (entry.state()) {
            case DONE, FAILED, CANCELLED -> true;
            default -> false;
        };
        return new FerryApplication.Outcome.Line(entry.name(), worked ? entry.duration(Instant.now()).toMillis() : -1, wiring.stages().summary(entry));
    }

    /** Asks everything that is being carried to stop; what is waited for is left. */
    void interrupt() {
        interrupted = true;
        RunDesk desk = wiring.runs();
        desk.carried().forEach(desk::cancel);
    }

    /** Ends as cancelled what did not stop by itself. */
    void abandon() {
        RunDesk desk = wiring.runs();
        desk.carried().forEach(id -> desk.cancelled(id, null));
    }
}
