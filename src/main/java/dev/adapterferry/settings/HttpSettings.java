package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.net.URI;
import java.util.Optional;

/** The ferry's own HTTP API: section {@code http}. */
public record HttpSettings(
        @Setting(value = "Whether the daemon serves the API.", def = "true") boolean enabled,
        @Setting(value = "Address to listen on.", def = "127.0.0.1") String host,
        @Setting(value = "Port to listen on; 0 takes a free one.", def = "8765", min = 0, max = 65535) int port,
        @Setting("Bearer token that clients must send; required beyond loopback.") Optional<Secret> token) {

    /** Refuses an open server without a token. */
    public HttpSettings {
        Names.requireTokenBeyondLoopback(host, token.isPresent());
    }

    /** Where programs of this machine reach the server at a port; one that listens on every address is asked on the loopback. */
    public URI address(int at) {
        String reachable = host.equals("0.0.0.0") ? "127.0.0.1" : host.equals("::") ? "::1" : host;
        return URI.create("http://" + (reachable.contains(":") ? "[" + reachable + "]" : reachable) + ":" + at);
    }
}
