package dev.adapterferry.camel;

import dev.adapterferry.ledger.Ledger;
import dev.adapterferry.settings.Settings;
import dev.adapterferry.stage.AdapterSources;
import dev.adapterferry.stage.Lookout;
import java.util.List;
import org.apache.camel.Exchange;

/** The bean {@code pulls} of the routes: which sources to look at, and whether there is anything new. */
public final class PullsBean {
    private final Settings settings;
    private final Lookout lookout;
    private final Looks looks;

    PullsBean(Settings settings, Ledger ledger, AdapterSources sources, Looks looks) {
        this.settings = settings;
        this.looks = looks;
        this.lookout = new Lookout(settings, ledger, sources);
    }

    /** Leaves the names of the models that are trained on rented machines; none while the look before is under way. */
    public void onInstances(Exchange exchange) {
        exchange.getMessage().setBody(looks.begin(settings.home(), "scheduled-pull", exchange) ? lookout.onInstances() : List.of());
    }

    /** Leaves the names of the models whose adapters come from anywhere else; none while the look before is under way. */
    public void elsewhere(Exchange exchange) {
        exchange.getMessage().setBody(looks.begin(settings.home(), "scheduled-look", exchange) ? lookout.elsewhere() : List.of());
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
