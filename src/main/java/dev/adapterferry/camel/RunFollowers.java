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
    /** So many at once: each looks into the ledger four times a second. */
    static final int MOST = 64;
    private static final int RETRY_SECONDS = 5;
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
        Follower follower = new Follower(context.vertx(), context.response(), new RunEventFeed(ledger, run, after));
        // Its place is taken before the ledger is asked: of many that come at once no more than the limit get one.
        followers.add(follower);
        if (closing || followers.size() > MOST) {
            followers.remove(follower);
            context.response().putHeader("Retry-After", Integer.toString(RETRY_SECONDS));
            HttpGuard.refuse(context, 503, closing ? "The routes are being replaced; try again in a moment." : MOST + " clients follow runs already, and no more can; try again when one has gone.");
            return;
        }
        context.response().closeHandler(gone -> follower.end());
        context.vertx().executeBlocking(() -> ledger.runs().find(run).isPresent(), false).onComplete(known -> {
            if (known.failed() || !known.result()) {
                followers.remove(follower);
                HttpGuard.refuse(context, known.failed() ? 500 : 404, known.failed() ? "The ledger cannot be read." : "There is no run '" + run + "'. /api/runs lists them.");
            } else {
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
        private long timer = -1;
        private boolean looking;

        Follower(Vertx vertx, HttpServerResponse response, RunEventFeed feed) {
            this.vertx = vertx;
            this.response = response;
            this.feed = feed;
        }

        void begin() {
            // The client may have gone while the ledger was asked.
            if (response.ended() || response.closed()) {
                return;
            }
            response.setChunked(true).putHeader("Content-Type", "text/event-stream").putHeader("Cache-Control", "no-store");
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
