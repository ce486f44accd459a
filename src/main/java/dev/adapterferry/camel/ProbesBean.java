package dev.adapterferry.camel;

import dev.adapterferry.stage.ModelProbe;
import java.util.List;
import java.util.Locale;
import org.apache.camel.Exchange;

/** The bean {@code probes} of the routes: the health checks on a timer. */
public final class ProbesBean {
    private final ModelProbe probe;

    ProbesBean(ModelProbe probe) {
        this.probe = probe;
    }

    /** Names of the models that have an active release. */
    public List<String> deployed() {
        return probe.deployed();
    }

    /** Body: a model's name. Leaves its health in the headers: {@code FerryHealth}, how it differs from the last time, and why. */
    public void probe(Exchange exchange) {
        String model = exchange.getMessage().getBody(String.class);
        ModelProbe.Result result = probe.probe(model);
        exchange.getMessage().setHeader(FerryHeaders.MODEL, model);
        exchange.getMessage().setHeader(FerryHeaders.HEALTH, result.status().text());
        exchange.getMessage().setHeader(FerryHeaders.HEALTH_CHANGE, result.change().name().toLowerCase(Locale.ROOT));
        exchange.getMessage().setHeader(FerryHeaders.REASON, result.sentence());
    }
}
