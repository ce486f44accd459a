package dev.adapterferry.camel;

import dev.adapterferry.failure.FerryException;
import io.vertx.core.Future;
import io.vertx.core.http.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.camel.CamelContext;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpRouter;
import org.apache.camel.component.platform.http.vertx.VertxPlatformHttpServer;

/**
 * The HTTP server of a generation, as far as it lets go of its port for the next one and may have to take it back. Camel's own
 * stop and start would forget the paths that routes have registered.
 */
final class HttpDoor {
    private static final long PATIENCE_SECONDS = 10;

    private final CamelContext context;
    private final List<HttpServer> reopened = new ArrayList<>();

    HttpDoor(CamelContext context) {
        this.context = context;
    }

    /** Puts the guard before everything that the servers of a context serve, and what is served beside the routes behind it. */
    static void guard(CamelContext context, HttpGuard guard, RunFollowers followers) {
        context.hasServices(VertxPlatformHttpServer.class).stream().map(server -> router(context, server)).distinct().forEach(router -> {
            guard.guard(router);
            followers.serve(router);
        });
    }

    private static VertxPlatformHttpRouter router(CamelContext context, VertxPlatformHttpServer server) {
        return VertxPlatformHttpRouter.lookup(context, VertxPlatformHttpRouter.getRouterNameFromPort(server.getConfigurationPort()));
    }

    /**
     * Makes sure that the HTTP server will get its port: it would otherwise only log that it did not.
     *
     * @throws FerryException when somebody else listens there
     */
    static void requireFree(Properties properties) {
        int port = Integer.parseInt(properties.getProperty("camel.server.port", "0"));
        if (!Boolean.parseBoolean(properties.getProperty("camel.server.enabled")) || port == 0) {
            return;
        }
        String host = properties.getProperty("camel.server.host");
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(host, port));
        } catch (IOException e) {
            throw new FerryException("Cannot listen on " + host + ":" + port + ": " + e.getMessage() + ". Another daemon may run; choose another http.port, or set http.enabled: false.", e);
        }
    }

    /** Lets go of the port; open connections end. */
    void close() {
        servers().forEach(server -> await(server.getServer().close(), server));
        reopened.forEach(HttpServer::close);
        reopened.clear();
    }

    /** Listens again where it did before. */
    void open() {
        for (VertxPlatformHttpServer server : servers()) {
            int port = server.getConfigurationPort();
            HttpServer again = server.getVertx().createHttpServer();
            await(again.requestHandler(router(context, server)).listen(port, server.getHost()), server);
            reopened.add(again);
        }
    }

    private List<VertxPlatformHttpServer> servers() {
        return context.hasServices(VertxPlatformHttpServer.class).stream().filter(server -> server.getServer() != null).toList();
    }

    private static void await(Future<?> act, VertxPlatformHttpServer server) {
        try {
            act.toCompletionStage().toCompletableFuture().get(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (ExecutionException | TimeoutException e) {
            throw new FerryException("The HTTP server on " + server.getHost() + ":" + server.getConfigurationPort() + " cannot be switched: " + RouteGeneration.innermost(e), e);
        }
    }
}
