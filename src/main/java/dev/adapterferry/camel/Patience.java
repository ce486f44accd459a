package dev.adapterferry.camel;

import dev.adapterferry.settings.PipelineSettings;
import dev.adapterferry.stage.RunDesk;
import dev.adapterferry.stage.StageDesk;
import java.time.Duration;
import java.util.function.Supplier;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * The bean {@code patience} of the routes: waits before something that can heal is tried again, each time longer. Camel's own
 * pause cannot be left; this one ends at once when the run is cancelled, and for alerts when the ferry stops.
 */
final class Patience implements Processor {
    private static final long SLICE_MILLIS = 100;

    private final Supplier<PipelineSettings.Retries> retries;
    private final RunDesk runs;
    private final StageDesk stages;
    private final Meters meters;
    private volatile boolean closing;

    Patience(Supplier<PipelineSettings.Retries> retries, RunDesk runs, StageDesk stages, Meters meters) {
        this.retries = retries;
        this.runs = runs;
        this.stages = stages;
        this.meters = meters;
    }

    @Override
    public void process(Exchange exchange) throws InterruptedException {
        int again = exchange.getMessage().getHeader(Exchange.REDELIVERY_COUNTER, 1, Integer.class);
        Duration pause = retries.get().pause(again);
        String run = StagesBean.run(exchange);
        boolean alert = exchange.getMessage().getHeader(FerryHeaders.ALERT) != null || run == null;
        if (!alert && exchange.getMessage().getHeader(FerryHeaders.STAGE) != null) {
            meters.retried(StagesBean.stage(exchange));
            stages.tryAgain(run, StagesBean.stage(exchange), RunsBean.caught(exchange), pause);
        }
        long end = System.nanoTime() + pause.toNanos();
        for (long left = pause.toNanos(); left > 0 && !(alert ? closing : runs.isCancelled(run)); left = end - System.nanoTime()) {
            Thread.sleep(Math.clamp(left / 1_000_000, 1, SLICE_MILLIS));
        }
    }

    /** Alerts that could not be sent yet are tried a last time without pauses. */
    void hurry() {
        closing = true;
    }
}
