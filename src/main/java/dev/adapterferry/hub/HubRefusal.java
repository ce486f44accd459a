package dev.adapterferry.hub;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.failure.TransientFailure;
import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How the hub says no. It hides from anonymous users whether a repository is missing or private, answers a wrong token with
 * 401 even for public ones, and tells the finer reason in {@code X-Error-Code}.
 */
final class HubRefusal {
    /** {@code ratelimit: "api";r=0;t=55}: t seconds until the window opens again. */
    private static final Pattern RESET = Pattern.compile(";\\s*t=(\\d{1,6})");

    private HubRefusal() { }

    /**
     * The failure that an answer means.
     *
     * @param status   HTTP status, not 2xx
     * @param header   the answer's headers by lower-case name
     * @param what     what was asked for, for example {@code config.json of org/name}
     * @param endpoint the hub
     * @param repo     {@code org/name}
     * @param token    whether a token was sent
     */
    static FerryException of(int status, Function<String, Optional<String>> header, String what, URI endpoint, String repo, boolean token) {
        String code = header.apply("x-error-code").orElse("");
        String said = header.apply("x-error-message").map(m -> m.replaceAll("\\p{Cntrl}+", " ").strip()).filter(m -> !m.isEmpty())
                .map(m -> " (it says: " + (m.length() > 160 ? m.substring(0, 160) + "..." : m) + ")").orElse("");
        String request = header.apply("x-request-id").filter(id -> id.matches("[A-Za-z0-9;=:_-]{1,80}")).map(id -> " [request " + id + "]").orElse("");
        String page = endpoint + "/" + repo;
        String cannot = "Cannot get " + what + " from " + endpoint.getHost() + ": ";
        if (status == 408 || status == 429 || status >= 500) {
            return new TransientFailure(cannot + (status == 429 ? "it says that requests come too often" : "it has trouble of its own (HTTP " + status + ")") + said + ". Try again later." + request);
        }
        String reason;
        if (code.equals("GatedRepo")) {
            reason = token ? "the repository is gated and this account may not read it yet. Open " + page + ", accept its terms, wait if they are granted by hand, and try again."
                    : "the repository is gated. Open " + page + ", accept its terms, and set HF_TOKEN to a token of that account.";
        } else if (code.equals("RevisionNotFound")) {
            reason = "the repository has no such branch, tag or commit. Look at " + page + " for those that exist.";
        } else if (code.equals("EntryNotFound")) {
            reason = "the repository has no such file in this revision. Look at " + page + "/tree/main.";
        } else if (status == 401 && token) {
            reason = "it does not accept the token" + said + ". A wrong token is refused even for public repositories: renew HF_TOKEN, or unset it.";
        } else if (status == 401) {
            reason = "there is no repository " + repo + ", or it is private. Check the name; if it is private, set HF_TOKEN.";
        } else if (status == 403) {
            reason = "access is refused" + said + ". The repository may be disabled, or the token lacks the permission to read it; see " + page + ".";
        } else if (status == 404) {
            reason = "there is no repository " + repo + (token ? ", or it is private and this token may not read it" : "") + ". Check the name.";
        } else {
            reason = "it answered HTTP " + status + said + ".";
        }
        return new FerryException(cannot + reason + request);
    }

    /** How long the hub asks to wait; empty when it does not say. At most five minutes. */
    static Optional<Duration> wait(Function<String, Optional<String>> header) {
        Optional<Long> seconds = header.apply("ratelimit").map(RESET::matcher).filter(Matcher::find).map(m -> Long.parseLong(m.group(1)));
        if (seconds.isEmpty()) {
            seconds = header.apply("retry-after").map(String::strip).filter(v -> v.matches("\\d{1,6}")).map(Long::parseLong);
        }
        return seconds.map(s -> Duration.ofSeconds(Math.min(300, s + 1)));
    }
}
