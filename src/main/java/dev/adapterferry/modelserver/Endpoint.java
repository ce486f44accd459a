package dev.adapterferry.modelserver;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;

/**
 * Where a server listens.
 *
 * @param base    scheme, host and port, with or without a trailing {@code /v1}: {@code http://127.0.0.1:1234}
 * @param token   bearer token, or null when the server wants none
 * @param timeout limit for one exchange, the time to load a model on first use included
 */
public record Endpoint(URI base, Secret token, Duration timeout) {
    /** Checks the address and drops the trailing {@code /v1}. */
    public Endpoint {
        String text = base.toString().replaceAll("/+$", "").replaceAll("/v1$", "");
        base = URI.create(text);
        if (!("http".equals(base.getScheme()) || "https".equals(base.getScheme())) || base.getHost() == null) {
            throw new SettingsException("Endpoint '" + text + "' is no http or https address; expected something like http://127.0.0.1:1234.");
        }
        if (timeout.isNegative() || timeout.isZero()) {
            throw new SettingsException("The time limit of endpoint " + text + " must be positive, not " + timeout + ".");
        }
    }

    /** An address below the base: {@code at("/v1/models")}. */
    public URI at(String path) {
        return URI.create(base + path);
    }

    /** The same server with another limit. */
    public Endpoint within(Duration limit) {
        return new Endpoint(base, token, limit);
    }

    /** Request headers: the token, when there is one. */
    public Map<String, String> headers() {
        Map<String, String> headers = new HashMap<>();
        headers.put("Accept", "application/json, text/event-stream");
        if (token != null) {
            headers.put("Authorization", "Bearer " + token.reveal());
        }
        return headers;
    }

    /** The address alone. */
    @Override
    public String toString() {
        return base.toString();
    }
}
