package dev.adapterferry.http;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * One answer.
 *
 * @param status  HTTP status
 * @param headers answer headers under lower-case names, first value each
 * @param body    answer body
 */
public record HttpReply(int status, Map<String, String> headers, byte[] body) {
    /** The body as UTF-8 text. */
    public String text() {
        return new String(body, StandardCharsets.UTF_8);
    }

    /** A header by its lower-case name. */
    public Optional<String> header(String lowerCaseName) {
        return Optional.ofNullable(headers.get(lowerCaseName));
    }
}
