package dev.adapterferry.camel;

import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.NamedNode;
import org.apache.camel.Route;
import org.apache.camel.spi.RoutePolicy;
import org.apache.camel.spi.RoutePolicyFactory;
import org.apache.camel.support.RoutePolicySupport;

/** Counts what goes through each route, under its id, whatever generation it belongs to. */
final class RouteCounts implements RoutePolicyFactory {
    private final Meters meters;

    RouteCounts(Meters meters) {
        this.meters = meters;
    }

    @Override
    public RoutePolicy createRoutePolicy(CamelContext context, String routeId, NamedNode definition) {
        return new RoutePolicySupport() {
            @Override
            public void onExchangeDone(Route route, Exchange exchange) {
                meters.exchanges(route.getRouteId(), exchange.isFailed() ? "failed" : "done").increment();
            }
        };
    }
}
