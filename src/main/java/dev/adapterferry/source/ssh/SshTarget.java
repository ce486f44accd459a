package dev.adapterferry.source.ssh;

import java.util.List;

/**
 * A machine and the addresses at which it may answer.
 *
 * @param name      what messages call it: {@code vast.ai instance 123}, {@code root@10.0.0.1:22}
 * @param alias     name of its known-hosts file; the way of the endpoint is appended
 * @param endpoints addresses in the order in which to try them
 * @param remedy    what to do when the login is refused, a sentence
 */
public record SshTarget(String name, String alias, List<SshEndpoint> endpoints, String remedy) {
    /** Copies the endpoints. */
    public SshTarget {
        endpoints = List.copyOf(endpoints);
    }

    /** A machine with one known address. */
    public static SshTarget of(SshEndpoint endpoint) {
        String alias = (endpoint.host() + "_" + endpoint.port()).replaceAll("[^A-Za-z0-9._-]", "_");
        return new SshTarget(endpoint.toString(), alias, List.of(endpoint),
                "Add your public key to ~/.ssh/authorized_keys of " + endpoint.user() + " there, or name the right key.");
    }
}
