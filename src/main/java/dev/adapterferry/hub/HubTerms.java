package dev.adapterferry.hub;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * Which hub, and how to deal with it.
 *
 * @param endpoint address of the hub or of a mirror, without a slash at the end
 * @param token    access token
 * @param cache    cache folder in the Python tools' layout ({@code models--org--name} below it)
 * @param offline  never ask the hub, use the cache only
 * @param channels connections per file
 * @param timeout  limit for a small exchange, and for silence during a download
 */
public record HubTerms(URI endpoint, Optional<Secret> token, Path cache, boolean offline, int channels, Duration timeout) {
    /** Drops a slash at the end of the address. */
    public HubTerms {
        endpoint = URI.create(endpoint.toString().replaceAll("/+$", ""));
    }
}
