package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Predicate;
import org.apache.camel.CamelContext;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.Route;
import org.apache.camel.component.platform.http.main.MainHttpServer;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.main.Main;
import org.apache.camel.support.service.ServiceHelper;

/**
 * One generation of routes: a Camel application made of the route files as they were at one moment. An edit does not change a
 * generation, it starts the next one; the old one lets its running exchanges finish and closes. So a broken edit never
 * touches what runs, and a run that is under way ends on the routes it began with.
 */
final class RouteGeneration implements AutoCloseable {
    private final Main main;
    private final ProducerTemplate template;

    private RouteGeneration(Main main) {
        this.main = main;
        this.template = main.getCamelContext().createProducerTemplate();
    }

    /**
     * Builds and starts a generation.
     *
     * @param routes       folder of {@code *.camel.yaml} files
     * @param camelOptions Camel's own switches ({@code application.properties}), may be absent
     * @param properties   what routes see as <code>{{...}}</code>; wins over the file
     * @param beans        what routes name with {@code ref}
     * @param shutdown     how long closing waits for running exchanges
     * @throws FerryException when the routes cannot be built; nothing is left running then
     */
    static RouteGeneration start(Path routes, Path camelOptions, Properties properties, Map<String, Object> beans, Duration shutdown) {
        if (!Files.isDirectory(routes)) {
            throw new FerryException("Cannot start the routes: " + routes.toAbsolutePath() + " is no folder. Set routes.path, or start ferry from its installation.");
        }
        Main main = new Main();
        main.setDefaultPropertyPlaceholderLocation("false");
        if (Files.isRegularFile(camelOptions)) {
            main.setPropertyPlaceholderLocations("file:" + camelOptions.toAbsolutePath());
        }
        main.setOverrideProperties(properties);
        main.configure().withRoutesIncludePattern("file:" + routes.toAbsolutePath() + "/*.camel.yaml");
        main.configure().setShutdownTimeout((int) Math.max(1, shutdown.toSeconds()));
        main.configure().setShutdownSuppressLoggingOnTimeout(true);
        main.configure().setShutdownLogInflightExchangesOnTimeout(false);
        beans.forEach(main::bind);
        try {
            main.start();
        } catch (Exception e) {
            main.stop();
            throw new FerryException("Cannot start the routes in " + routes + ": " + innermost(e), e);
        }
        return new RouteGeneration(main);
    }

    /** The context, for what this room needs to ask of it. */
    CamelContext context() {
        return main.getCamelContext();
    }

    /** Sends messages into this generation. */
    ProducerTemplate template() {
        return template;
    }

    /** Stops taking work from every source that matches, and leaves running exchanges alone. The HTTP server lets go of its port. */
    void pause(Predicate<Route> which) {
        eachRoute(which, "pause", id -> context().getRouteController().suspendRoute(id));
        httpServers().forEach(ServiceHelper::stopService);
    }

    /** Takes work again from what was paused. */
    void resume(Predicate<Route> which) {
        httpServers().forEach(ServiceHelper::startService);
        eachRoute(which, "resume", id -> context().getRouteController().resumeRoute(id));
    }

    private List<Object> httpServers() {
        List<Object> servers = new ArrayList<>(context().hasServices(ManagementHttpServer.class));
        servers.addAll(context().hasServices(MainHttpServer.class));
        return servers;
    }

    /** Something done to one route by its id. */
    private interface RouteAct {
        void on(String id) throws Exception;
    }

    private void eachRoute(Predicate<Route> which, String verb, RouteAct act) {
        for (Route route : List.copyOf(context().getRoutes())) {
            if (which.test(route)) {
                try {
                    act.on(route.getRouteId());
                } catch (Exception e) {
                    throw new FerryException("Cannot " + verb + " route '" + route.getRouteId() + "': " + innermost(e), e);
                }
            }
        }
    }

    /** Exchanges that are on their way in this generation. */
    int inflight() {
        return context().getInflightRepository().size();
    }

    @Override
    public void close() {
        main.stop();
    }

    /** The innermost message: Camel wraps the reason several times. */
    static String innermost(Throwable failure) {
        Throwable last = failure;
        while (last.getCause() != null && last.getCause() != last) {
            last = last.getCause();
        }
        return last.getMessage() == null ? last.getClass().getSimpleName() : last.getMessage();
    }
}
