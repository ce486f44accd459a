package dev.adapterferry.http;

/** Sends one request and returns whatever the server answers, whatever its status. Safe for many threads. */
@FunctionalInterface
public interface HttpCaller {
    /**
     * Sends a request; redirects are not followed.
     *
     * @param call the request
     * @return the answer
     * @throws dev.adapterferry.failure.TransientFailure when no answer came: refused, cut, timed out
     */
    HttpReply call(HttpCall call);
}
