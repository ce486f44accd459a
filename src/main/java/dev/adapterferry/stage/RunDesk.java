package dev.adapterferry.stage;

import com.fasterxml.jackson.core.JsonProcessingException;
import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.ledger.Locks;
import dev.adapterferry.ledger.Run;
import dev.adapterferry.ledger.RunState;
import dev.adapterferry.ledger.Runs;
import dev.adapterferry.ledger.StageState;
import dev.adapterferry.log.LogContext;
import dev.adapterferry.progress.Cancellation;
import dev.adapterferry.progress.Progress;
import dev.adapterferry.settings.Settings;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens, begins and ends runs. A run is a row in the ledger; while this process carries it, it holds the model's lock and
 * a cancellation that reaches the running work. Safe for many threads.
 */
public final class RunDesk implements AutoCloseable {
    /** A run that this process carries. */
    private record Active(RunContext context, Runs.Claimed claimed) { }

    private static final Logger LOG = LoggerFactory.getLogger(RunDesk.class);

    private final Supplier<Settings> settings;
    private final Ledger ledger;
    private final Progress progress;
    private final ModelServers servers;
    private final Map<String, Active> active = new ConcurrentHashMap<>();
    private volatile boolean parking;

    /**
     * @param settings the settings in force
     * @param ledger   where runs are written down
     * @param progress hears of every stage
     * @param servers  released when a run ends
     */
    public RunDesk(Supplier<Settings> settings, Ledger ledger, Progress progress, ModelServers servers) {
        this.settings = settings;
        this.ledger = ledger;
        this.progress = progress;
        this.servers = servers;
    }

    /**
     * Accepts a request. A request equal to one that is already open joins that run.
     *
     * @throws dev.adapterferry.failure.SettingsException when there is no such model
     */
    public Runs.Opened open(RunRequest request) {
        Settings now = settings.get();
        now.model(request.model());
        Runs.Opened opened = ledger.runs().open(request.model(), request.trigger(), json(request), json(request.triggeredBy(null)), now.runs());
        ledger.events().add(opened.run().id(), request.model(), opened.joined() ? "joined" : "queued",
                opened.joined() ? "asked for again by " + request.trigger() + "; the run is already under way" : "asked for by " + request.trigger(), null);
        return opened;
    }

    /** Takes the oldest waiting run when a place is free, and holds its model from here on. */
    public synchronized Optional<String> next() {
        if (active.size() >= settings.get().pipeline().maxConcurrentRuns()) {
            return Optional.empty();
        }
        Cancellation cancellation = new Cancellation();
        return ledger.runs().next(cancellation).map(claimed -> hold(claimed, cancellation));
    }

    /**
     * Takes a waiting run, when nobody carries its model just now.
     *
     * @return whether it is the caller who carries it from here on; false also when another thread of this process does
     */
    public boolean take(String id) {
        Cancellation cancellation = new Cancellation();
        return ledger.runs().claim(id, cancellation).map(claimed -> hold(claimed, cancellation)).isPresent();
    }

    /**
     * Begins a run: takes the model's lock, unless {@link #next} or {@link #take} has already.
     *
     * @throws TransientFailure when another process carries the model just now
     */
    public void begin(String id) {
        if (!carries(id) && !take(id)) {
            throw new TransientFailure("Cannot begin run " + id + ": " + ledger.runs().get(id).model() + " is being carried by " + carrier(id) + ".");
        }
    }

    /** Who carries the model of a run, in words. */
    public String carrier(String id) {
        return ledger.locks().holder(Runs.lock(ledger.runs().get(id).model())).map(Locks.Holder::toString).orElse("another process");
    }

    private String hold(Runs.Claimed claimed, Cancellation cancellation) {
        Run run = claimed.run();
        RunContext context = new RunContext(run.id(), request(run), settings.get(), new Records(run.folder()), progress, cancellation);
        active.put(run.id(), new Active(context, claimed));
        tell(run, "started", "carrying begins", null);
        return run.id();
    }

    /** Into the run's log and into its events. */
    private void tell(Run run, String kind, String text, Throwable reason) {
        try (LogContext context = LogContext.of(run.id(), run.model(), null)) {
            LOG.info("run {}: {}", run.id(), text, reason);
        }
        ledger.events().add(run.id(), run.model(), kind, text, null);
    }

    /** The run as its stages see it; only while this process carries it. */
    public RunContext context(String id) {
        Active run = active.get(id);
        if (run == null) {
            throw new FerryException("Run " + id + " is not being carried by this process.");
        }
        run.claimed().lease().check();
        return run.context();
    }

    /** Whether this process carries the run. */
    public boolean carries(String id) {
        return active.containsKey(id);
    }

    /** Whether somebody asked the run to stop, which this process carries. */
    public boolean isCancelled(String id) {
        Active run = active.get(id);
        return run != null && run.context().cancellation().isRequested();
    }

    /** Ends a run as failed whose routes came to their end without saying how: an edited passage may have lost its last step. */
    public void settle(String id) {
        if (carries(id)) {
            fail(id, null, new FerryException("The routes left run " + id + " without ending it. The passage must end with the beans runs.finish, runs.fail or runs.cancel."));
        }
    }

    /**
     * Ends a run that came to its end.
     *
     * @return done, or partly failed when a stage failed that was allowed to
     */
    public RunState finish(String id) {
        boolean partly = ledger.stages().of(id).stream().anyMatch(s -> s.state() == StageState.FAILED);
        return end(id, partly ? RunState.PARTLY_FAILED : RunState.DONE, null, null);
    }

    /**
     * Ends a run that failed for good.
     *
     * @param stage  stage that failed, or null
     * @param reason the failure
     */
    public void fail(String id, String stage, Throwable reason) {
        String sentence = sentence(reason);
        if (stage != null) {
            ledger.stages().failed(id, RunRequest.stage(stage).text(), sentence);
        }
        end(id, RunState.FAILED, sentence, reason);
    }

    /** Ends a run that somebody cancelled. */
    public void cancelled(String id, String stage) {
        if (stage != null) {
            ledger.stages().cancelled(id, RunRequest.stage(stage).text());
        }
        end(id, RunState.CANCELLED, "cancelled", null);
    }

    private RunState end(String id, RunState state, String error, Throwable reason) {
        if (parking) {
            // The shutdown cancelled the work, not somebody the run: it stays in the queue.
            return RunState.QUEUED;
        }
        Active run = active.remove(id);
        servers.release(id);
        boolean changed = ledger.runs().end(id, state, error);
        if (run != null) {
            if (changed) {
                Intermediates.clean(run.context(), state, ledger);
            }
            run.claimed().lease().close();
        }
        if (changed) {
            Run ended = ledger.runs().get(id);
            Duration took = ended.duration(Instant.now());
            tell(ended, state.text(), error == null ? state.text() + " after " + took.toSeconds() + "s" : error, reason);
            RunReport.write(ledger, ended);
        }
        return state;
    }

    /**
     * Asks a run to stop, whoever carries it.
     *
     * @return false when it has ended already
     */
    public boolean cancel(String id) {
        Active run = active.get(id);
        boolean asked = ledger.runs().cancel(id);
        if (run != null) {
            run.context().cancellation().request();
        }
        return asked;
    }

    /** Runs that this process carries just now. */
    public List<String> carried() {
        return List.copyOf(active.keySet());
    }

    /** Queues again what a process left open that is no more. */
    public List<Run> recover() {
        return ledger.runs().recover();
    }

    /** The request of a run. */
    public static RunRequest request(Run run) {
        try {
            return Records.JSON.readValue(run.request(), RunRequest.class);
        } catch (JsonProcessingException e) {
            throw new FerryException("The request of run " + run.id() + " in the ledger is not readable: " + e.getOriginalMessage(), e);
        }
    }

    /** A request as JSON. */
    public static String json(RunRequest request) {
        try {
            return Records.JSON.writer().without(com.fasterxml.jackson.databind.SerializationFeature.INDENT_OUTPUT).writeValueAsString(request);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** A failure as the sentence that people read. */
    public static String sentence(Throwable failure) {
        String message = failure.getMessage();
        return message == null ? failure.toString() : failure instanceof FerryException ? message : failure.getClass().getSimpleName() + ": " + message;
    }

    /** Parks what is still being carried: it goes back into the queue, and the next process takes it up. */
    @Override
    public void close() {
        parking = true;
        active.forEach((id, run) -> {
            run.context().cancellation().request();
            ledger.runs().park(id);
            servers.release(id);
            run.claimed().lease().close();
        });
        active.clear();
    }
}
