package dev.adapterferry.camel;

import dev.adapterferry.ledger.Ledger;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Serves {@code /api/runs/RUN/events}: what happens to a run, as it happens. Beside the routes, since Camel's HTTP server hands
 * a streamed body on in pieces of eight kilobytes, and a reader would see nothing for minutes. Holds no thread while it waits.
 */
final class RunFollowers implements Handler<RoutingContext>, AutoCloseable {
    private static final int MOST = 64;
    private static final long POLL_MILLIS = 250;

    private final Ledger ledger;
    private final Set<Follower> followers = ConcurrentHashMap.newKeySet();
    private volatile boolean closing;

    RunFollowers(Ledger ledger) {
        this.ledger = ledger;
    }

    /** Takes its place right behind the guard. */
    void serve(Router router) {
        router.get("/api/runs/:run/events").order(Integer.MIN_VALUE + 1).handler(this);
    }

    @Override
    public void handle(RoutingContext context) {
        String run = context.pathParam("run");
        long after;
        try {
            String last = context.request().getHeader("Last-Event-ID");
            after = last == null ? 0 : Long.parseLong(last.strip());
        } catch (NumberFormatException e) {
            HttpGuard.refuse(context, 400, "Last-Event-ID must be the number of an event.");
            return;
        }
        if (closing || followers.size() >= MOST) {
            HttpGuard.refuse(context, 503, "No more clients can follow runs just now; try again later.");
            return;
        }
        Vertx vertx = context.vertx();
        vertx.executeBlocking(() -> ledger.runs().find(run).isPresent(), false).onComplete(known -> {
            if (known.failed() || !known.result()) {
                HttpGuard.refuse(context, known.failed() ? 500 : 404, known.failed() ? "The ledger cannot be read." : "There is no run '" + run + "'. /api/runs lists them.");
            } else {
                Follower follower = new Follower(vertx, context.response(), new RunEventFeed(ledger, run, after));
                followers.add(follower);
                follower.begin();
            }
        });
    }

    /** Lets clients follow again after {@link #close}. */
    void reopen() {
        closing = false;
    }

    /** Ends every stream: clients come again by themselves, to whoever serves then. */
    @Override
    public void close() {
        closing = true;
        followers.forEach(Follower::end);
    }

    /** One client. Everything here runs on its own event loop, but for the look into the ledger. */
    private final class Follower {
        private final Vertx vertx;
        private final HttpServerResponse response;
        private final RunEventFeed feed;
        private long timer;
        private boolean looking;

        Follower(Vertx vertx, HttpServerResponse response, RunEventFeed feed) {
            this.vertx = vertx;
            this.response = response;
            this.feed = feed;
        }

        void begin() {
            response.setChunked(true).putHeader("Content-Type", "text/event-stream").putHeader("Cache-Control", "no-store");
            response.closeHandler(gone -> end());
            timer = vertx.setPeriodic(POLL_MILLIS, tick -> look());
            look();
        }

        private void look() {
            // A client that reads slower than things happen is given what has happened once it has read what it has.
            if (looking || response.ended() || response.writeQueueFull()) {
                return;
            }
            looking = true;
            vertx.executeBlocking(feed::next, false).onComplete(next -> {
                looking = false;
                if (next.failed() || closing) {
                    end();
                } else if (!next.result().isEmpty() && !response.closed()) {
                    response.write(next.result());
                    if (feed.over()) {
                        end();
                    }
                }
            });
        }

        void end() {
            vertx.cancelTimer(timer);
            followers.remove(this);
            if (!response.ended() && !response.closed()) {
                response.end();
            }
        }
    }
}
