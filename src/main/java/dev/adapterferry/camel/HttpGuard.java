package dev.adapterferry.camel;

import dev.adapterferry.secret.Secret;
import io.vertx.core.Handler;
import io.vertx.ext.web.Route;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Stands before everything that the ferry's HTTP server serves. With a token, every request must carry it. Without one the server
 * listens on the loopback alone, and a web page that the user's browser shows could still reach it there: requests that come
 * from a page, or under another name than the loopback's, are turned away. Errors of the server itself are problem details, like all others.
 */
final class HttpGuard implements Handler<RoutingContext> {
    private static final String BEARER = "Bearer ";
    private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "localhost", "::1", "[::1]");

    private final Optional<byte[]> token;

    /** @param token what clients must send, or empty on the loopback */
    HttpGuard(Optional<Secret> token) {
        this.token = token.map(secret -> digest(secret.reveal()));
    }

    /** Takes its place before all handlers that are there and that will come. */
    void guard(Router router) {
        router.route().order(Integer.MIN_VALUE).handler(this).failureHandler(context -> refuse(context, status(context), reason(context, status(context))));
        router.route().order(Integer.MAX_VALUE).handler(context -> {
            int status = unserved(router, context);
            refuse(context, status, reason(context, status));
        });
    }

    @Override
    public void handle(RoutingContext context) {
        if (token.isPresent()) {
            String given = context.request().getHeader("Authorization");
            // Digests: of equal length, so that neither the token nor its length can be told from how long the comparison takes.
            if (given == null || !given.regionMatches(true, 0, BEARER, 0, BEARER.length())
                    || !MessageDigest.isEqual(token.get(), digest(given.substring(BEARER.length()).strip()))) {
                context.response().putHeader("WWW-Authenticate", "Bearer");
                refuse(context, 401, "The request must carry the token of http.token: Authorization: Bearer ...");
                return;
            }
        } else if (context.request().getHeader("Origin") != null || !LOOPBACK.contains(host(context))) {
            refuse(context, 403, "Without http.token only programs on this machine are served, no web pages.");
            return;
        }
        context.next();
    }

    /** Why no route took a request: there is none for the path, the method, or the type of the body. */
    private static int unserved(Router router, RoutingContext context) {
        List<Route> there = router.getRoutes().stream().filter(route -> route.getPath() != null && context.normalizedPath().matches(route.getPath().replaceAll(":\\w+", "[^/]+"))).toList();
        return there.isEmpty() ? 404 : there.stream().noneMatch(route -> route.methods() == null || route.methods().contains(context.request().method())) ? 405 : 415;
    }

    private static String host(RoutingContext context) {
        return context.request().authority() == null ? "" : context.request().authority().host();
    }

    private static int status(RoutingContext context) {
        return context.statusCode() < 400 ? 500 : context.statusCode();
    }

    private static String reason(RoutingContext context, int status) {
        return switch (status) {
            case 404 -> "There is nothing at " + context.request().method() + " " + context.normalizedPath() + ". /api/openapi.json lists what there is.";
            case 405 -> context.request().method() + " is not for " + context.normalizedPath() + ". /api/openapi.json lists what is.";
            case 413 -> "The request is too large.";
            case 415 -> "The request must be JSON: Content-Type: application/json.";
            default -> "The request cannot be answered (status " + status + ").";
        };
    }

    static void refuse(RoutingContext context, int status, String sentence) {
        if (!context.response().ended()) {
            context.response().setStatusCode(status).putHeader("Content-Type", ApiAnswers.PROBLEM).end(ApiAnswers.problem(status, sentence));
        }
    }

    private static byte[] digest(String text) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
