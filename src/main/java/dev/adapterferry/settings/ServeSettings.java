package dev.adapterferry.settings;

import dev.adapterferry.secret.Secret;
import java.util.Optional;

/** The embedded OpenAI-compatible server: section {@code serve}. */
public record ServeSettings(
        @Setting(value = "Whether probes and evaluation use the embedded server. `auto`: when the model's endpoint does not answer.", def = "auto") Use enabled,
        @Setting(value = "Address to listen on.", def = "127.0.0.1") String host,
        @Setting(value = "Port to listen on; 0 takes a free one.", def = "1235", min = 0, max = 65535) int port,
        @Setting("Bearer token that clients must send; required beyond loopback.") Optional<Secret> token,
        @Setting(value = "Threads that compute; 0 takes every core.", def = "0", min = 0, max = 1024) int threads) {

    /** Refuses an open server without a token. */
    public ServeSettings {
        Names.requireTokenBeyondLoopback(host, token.isPresent());
    }
}
