package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import org.apache.camel.CamelContext;
import org.apache.camel.Consumer;
import org.apache.camel.ProducerTemplate;
import org.apache.camel.Route;
import org.apache.camel.component.micrometer.MicrometerConstants;
import org.apache.camel.component.seda.SedaEndpoint;
import org.apache.camel.main.BaseMainSupport;
import org.apache.camel.main.Main;
import org.apache.camel.main.MainListenerSupport;
import org.apache.camel.support.service.ServiceHelper;

/**
 * One generation of routes: a Camel application made of the route files as they were at one moment. An edit does not change a
 * generation, it starts the next one; the old one lets its running exchanges finish and closes. So a broken edit never
 * touches what runs, and a run that is under way ends on the routes it began with.
 */
final class RouteGeneration implements AutoCloseable {
    /** Sources that take part in the passage itself; everything else brings work in from outside. */
    private static final Set<String> INNER = Set.of("direct", "seda");

    /** For what is left when a generation closes: alerts. Its runs have ended or are parked by then. */
    private static final int SHUTDOWN_SECONDS = 5;

    /** A queue's reader hears of the end only when it has waited so long for work; Camel's own second would be paid at the end of every command. */
    private static final Map<String, String> QUICK_QUEUES = Map.of("camel.component.seda.default-poll-timeout", "100");

    /** Camel looks at what is under way once, and again a second later; most of it ends sooner. */
    private static final long SETTLING_NANOS = 1_000_000_000;

    private final Main main;
    private final ProducerTemplate template;
    private final HttpDoor http;
    private final RunFollowers followers;

    private RouteGeneration(Main main, RunFollowers followers) {
        this.main = main;
        this.followers = followers;
        followers.reopen();
        this.template = main.getCamelContext().createProducerTemplate();
        this.http = new HttpDoor(main.getCamelContext());
    }

    /**
     * What a generation is made of.
     *
     * @param routes       folder of {@code *.camel.yaml} files
     * @param camelOptions Camel's own switches ({@code application.properties}), may be absent
     * @param properties   what routes see as <code>{{...}}</code>; wins over the file
     * @param beans        what routes name with {@code ref}
     * @param guard        stands before the HTTP server
     * @param followers    serves those who follow runs
     */
    record Parts(Path routes, Path camelOptions, Properties properties, Map<String, Object> beans, HttpGuard guard, RunFollowers followers) {
        /** The same with other values for some properties. */
        Parts with(Map<String, String> other) {
            Properties all = new Properties();
            all.putAll(properties);
            all.putAll(other);
            return new Parts(routes, camelOptions, all, new HashMap<>(beans), guard, followers);
        }
    }

    /**
     * Builds and starts a generation.
     *
     * @throws BrokenRoutes when the routes cannot be built; nothing is left running then
     */
    static RouteGeneration start(Parts parts) {
        RouteFiles files = RouteFiles.read(parts.routes());
        files.check(parts.properties());
        Main main = new Main();
        main.setDefaultPropertyPlaceholderLocation("false");
        if (Files.isRegularFile(parts.camelOptions())) {
            main.setPropertyPlaceholderLocations("file:" + parts.camelOptions().toAbsolutePath());
        }
        main.setOverrideProperties(parts.with(QUICK_QUEUES).properties());
        main.configure().withRoutesIncludePattern(files.files().stream().map(file -> "file:" + file.path().toAbsolutePath()).collect(Collectors.joining(",")));
        main.configure().setShutdownTimeout(SHUTDOWN_SECONDS);
        main.configure().setShutdownSuppressLoggingOnTimeout(true);
        main.configure().setShutdownLogInflightExchangesOnTimeout(false);
        parts.beans().forEach(main::bind);
        main.bind("quartz", new OwnSchedule());
        main.addMainListener(new MainListenerSupport() {
            @Override
            public void afterConfigure(BaseMainSupport configured) {
                // Before any route listens: the guard has to be the first that a request meets.
                try {
                    configured.getCamelContext().addStartupListener((context, started) -> HttpDoor.guard(context, parts.guard(), parts.followers()));
                } catch (Exception e) {
                    throw new IllegalStateException(e);
                }
            }
        });
        HttpDoor.requireFree(parts.properties());
        try {
            main.start();
        } catch (Exception e) {
            main.stop();
            throw new RouteFault(files, parts.routes()).explain(e);
        }
        return new RouteGeneration(main, parts.followers());
    }

    /**
     * Builds a generation without letting it do anything: proves that the files can be taken, also those whose routes are switched
     * off. Its HTTP server, which some routes need to be built, listens on a free port of the loopback for that moment.
     *
     * @throws BrokenRoutes when the routes cannot be built
     */
    static void rehearse(Parts parts) {
        Parts silent = parts.with(RouteProperties.REHEARSAL);
        // What a rehearsal counts is nobody's.
        silent.beans().put(MicrometerConstants.METRICS_REGISTRY_NAME, new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        start(silent).close();
    }

    /** The context, for what this room needs to ask of it. */
    CamelContext context() {
        return main.getCamelContext();
    }

    /** Sends messages into this generation. */
    ProducerTemplate template() {
        return template;
    }

    /**
     * Stops taking work from outside and leaves running exchanges alone: only the sources pause, nobody waits for what they have
     * begun. The HTTP server lets go of its port.
     */
    void pause() {
        sources(ServiceHelper::suspendService);
        followers.close();
        http.close();
    }

    /** Takes work again after a pause. */
    void resume() {
        try {
            http.open();
            followers.reopen();
        } finally {
            sources(ServiceHelper::resumeService);
        }
    }

    private void sources(java.util.function.Consumer<Consumer> act) {
        context().getRoutes().stream().filter(RouteGeneration::bringsWork).map(Route::getConsumer).forEach(act);
    }

    private static boolean bringsWork(Route route) {
        String uri = route.getEndpoint().getEndpointUri();
        return !INNER.contains(uri.substring(0, Math.max(0, uri.indexOf(':'))));
    }

    /** Exchanges that are on their way in this generation, those that wait in its queues included. */
    int inflight() {
        return context().getInflightRepository().size()
                + context().getEndpoints().stream().filter(SedaEndpoint.class::isInstance).mapToInt(queue -> ((SedaEndpoint) queue).getCurrentQueueSize()).sum();
    }

    @Override
    public void close() {
        followers.close();
        http.close();
        settle();
        main.stop();
    }

    /** Waits a little for what is under way, so that Camel need not. */
    private void settle() {
        try {
            for (long end = System.nanoTime() + SETTLING_NANOS; inflight() > 0 && System.nanoTime() < end;) {
                Thread.sleep(10);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
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
