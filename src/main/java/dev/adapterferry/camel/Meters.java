package dev.adapterferry.camel;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.Stage;
import dev.adapterferry.stage.Facts;
import dev.adapterferry.stage.RunDesk;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/**
 * What is counted and measured of the passage. One for the life of the process: generations of routes come and go, their counts go
 * on. Routes add their own with {@code micrometer:} endpoints; what only the stages' results tell is counted here.
 */
final class Meters {
    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    /**
     * @param ledger knows what waits
     * @param runs   knows what is being carried
     */
    Meters(Ledger ledger, RunDesk runs) {
        Gauge.builder("ferry.queue", ledger, book -> book.runs().queued()).description("Runs that wait").register(registry);
        Gauge.builder("ferry.carrying", runs, desk -> desk.carried().size()).description("Runs that are being carried").register(registry);
        Gauge.builder("ferry.letters", ledger, book -> book.letters().open().size()).description("Dead letters that nobody sent again").register(registry);
        for (Stage stage : Stage.values()) {
            retries(stage);
            failures(stage);
        }
        bytes("pulled");
        bytes("written");
        tensors();
        new JvmMemoryMetrics().bindTo(registry);
        new ProcessorMetrics().bindTo(registry);
        new UptimeMetrics().bindTo(registry);
    }

    /** The registry that Camel's components use. */
    PrometheusMeterRegistry registry() {
        return registry;
    }

    /** A stage is tried again. */
    void retried(Stage stage) {
        retries(stage).increment();
    }

    /** An attempt of a stage failed. */
    void failed(Stage stage) {
        failures(stage).increment();
    }

    /** A stage is done. */
    void done(Object facts) {
        switch (facts) {
            case Facts.Downloaded pulled -> bytes("pulled").increment(pulled.bytes());
            case Facts.Merged merged -> tensors().increment(merged.tensors());
            case Facts.Quantized made -> bytes("written").increment(made.bytesWritten());
            default -> { }
        }
    }

    /** How many messages have gone through a route. */
    Counter exchanges(String route, String result) {
        return Counter.builder("ferry.route.exchanges").description("Messages that have gone through a route").tag("route", route).tag("result", result).register(registry);
    }

    private Counter retries(Stage stage) {
        return Counter.builder("ferry.retries").description("Further attempts of stages").tag("stage", stage.text()).register(registry);
    }

    private Counter failures(Stage stage) {
        return Counter.builder("ferry.stage.failures").description("Failed attempts of stages").tag("stage", stage.text()).register(registry);
    }

    private Counter bytes(String kind) {
        return Counter.builder("ferry.data").baseUnit("bytes").description("Adapter bytes that were pulled, GGUF bytes that were written").tag("kind", kind).register(registry);
    }

    private Counter tensors() {
        return Counter.builder("ferry.tensors").description("Tensors that adapters have changed").register(registry);
    }
}
