package dev.adapterferry.http;

import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;

/**
 * One request.
 *
 * @param method  HTTP method in capitals
 * @param uri     absolute http or https address
 * @param headers request headers; may hold secrets, so {@link #toString()} leaves the values out
 * @param body    request body, empty for none
 * @param timeout limit for the whole exchange
 */
public record HttpCall(String method, URI uri, Map<String, String> headers, byte[] body, Duration timeout) {
    /** Copies the headers. */
    public HttpCall {
        headers = Map.copyOf(headers);
    }

    /** A GET without a body. */
    public static HttpCall get(URI uri, Map<String, String> headers, Duration timeout) {
        return new HttpCall("GET", uri, headers, new byte[0], timeout);
    }

    /** A request with a JSON body; sets {@code Content-Type}. */
    public static HttpCall json(String method, URI uri, Map<String, String> headers, String json, Duration timeout) {
        Map<String, String> all = new java.util.HashMap<>(headers);
        all.put("Content-Type", "application/json");
        return new HttpCall(method, uri, all, json.getBytes(StandardCharsets.UTF_8), timeout);
    }

    @Override
    public String toString() {
        return method + " " + uri.getScheme() + "://" + uri.getAuthority() + uri.getPath();
    }
}
