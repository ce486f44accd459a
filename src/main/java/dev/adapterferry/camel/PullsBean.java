package dev.adapterferry.camel;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.AdapterSources;
import dev.adapterferry.stage.Lookout;
import java.util.List;
import org.apache.camel.Exchange;

/** The bean {@code pulls} of the routes: which sources to look at, and whether there is anything new. */
public final class PullsBean {
    private final Lookout lookout;

    PullsBean(Settings settings, Ledger ledger, AdapterSources sources) {
        this.lookout = new Lookout(settings, ledger, sources);
    }

    /** Names of the models that are trained on rented machines. */
    public List<String> onInstances() {
        return lookout.onInstances();
    }

    /** Names of the models whose adapters come from anywhere else. */
    public List<String> elsewhere() {
        return lookout.elsewhere();
    }

    /** Body: a model's name. Leaves a request when a finished adapter waits that was not carried yet, else null. */
    public void findNew(Exchange exchange) {
        String model = exchange.getMessage().getBody(String.class);
        exchange.getMessage().setHeader(FerryHeaders.MODEL, model);
        Lookout.Find find = lookout.look(model).orElse(null);
        exchange.getMessage().setHeader(FerryHeaders.SOURCE, find == null ? null : find.place());
        exchange.getMessage().setBody(find == null ? null : find.request());
    }
}
