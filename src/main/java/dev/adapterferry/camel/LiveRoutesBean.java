package dev.adapterferry.camel;

import com.fasterxml.jackson.databind.node.ArrayNode;
import java.util.Comparator;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.Route;

/** The bean {@code liveRoutes} of the routes: the generation that answers, route by route. */
public final class LiveRoutesBean {
    private final Meters meters;

    LiveRoutesBean(Meters meters) {
        this.meters = meters;
    }

    /** Leaves the routes as JSON: id, file, state, what has gone through them since the daemon was started, and what is in them now. */
    public void list(Exchange exchange) {
        CamelContext context = exchange.getContext();
        ArrayNode list = ApiAnswers.JSON.createArrayNode();
        context.getRoutes().stream().sorted(Comparator.comparing(Route::getRouteId)).forEach(route -> list.addObject().put("id", route.getRouteId()).put("file", file(route))
                .put("state", context.getRouteController().getRouteStatus(route.getRouteId()).name().toLowerCase(java.util.Locale.ROOT))
                .put("from", route.getEndpoint().getEndpointBaseUri()).put("done", (long) meters.exchanges(route.getRouteId(), "done").count())
                .put("failed", (long) meters.exchanges(route.getRouteId(), "failed").count()).put("inflight", context.getInflightRepository().size(route.getRouteId()))
                .put("description", route.getRouteDescription()));
        ApiAnswers.answer(exchange.getMessage(), 200, list);
    }

    private static String file(Route route) {
        String location = route.getSourceResource() == null ? "" : route.getSourceResource().getLocation();
        return location.substring(location.lastIndexOf('/') + 1);
    }
}
