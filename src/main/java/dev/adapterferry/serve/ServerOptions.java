package dev.adapterferry.serve;

import dev.adapterferry.failure.SettingsException;
import dev.adapterferry.secret.Secret;
import java.util.Optional;

/**
 * How a server listens and computes.
 *
 * @param host      address to listen on
 * @param port      port; 0 for a free one
 * @param token     bearer token that clients must send, or empty for none
 * @param threads   CPU threads per answer; 0 for as many as the model's size makes useful
 * @param gpuLayers layers to put on the GPU where the library has one; 0 for none
 * @param maxLoaded how many models may be in memory at once, at least 1
 */
public record ServerOptions(String host, int port, Optional<Secret> token, int threads, int gpuLayers, int maxLoaded) {
    /** Checks. */
    public ServerOptions {
        if (maxLoaded < 1) {
            throw new SettingsException("A model server must be allowed to hold at least one model, not " + maxLoaded + ".");
        }
    }

    /** A free loopback port, useful threads, one model at a time. */
    public static ServerOptions loopback() {
        return new ServerOptions("127.0.0.1", 0, Optional.empty(), 0, 0, 1);
    }
}
