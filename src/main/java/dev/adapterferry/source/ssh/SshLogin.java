package dev.adapterferry.source.ssh;

import dev.adapterferry.secret.Secret;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * How to log in.
 *
 * @param keys           private keys to offer; empty means the agent and the usual files of {@code home/.ssh}
 * @param home           the user's home folder
 * @param agentSocket    socket of the SSH agent ({@code SSH_AUTH_SOCK}); used only when no keys are named
 * @param passphrase     opens encrypted keys
 * @param knownHosts     folder with one known-hosts file per machine
 * @param connectTimeout limit for the TCP connection, and again for key exchange and login
 * @param loginAttempts  how often a refused login is tried again: a key that was just attached needs some seconds
 * @param loginWait      wait between those attempts
 * @param keepAlive      interval of keep-alive messages; a connection that misses three is dead
 */
public record SshLogin(List<Path> keys, Path home, Optional<Path> agentSocket, Optional<Secret> passphrase, Path knownHosts,
                       Duration connectTimeout, int loginAttempts, Duration loginWait, Duration keepAlive) {
    /** Copies the keys. */
    public SshLogin {
        keys = List.copyOf(keys);
    }

    /**
     * Logs in as {@code ssh} would by default: agent, then the usual key files.
     *
     * @param environment variables of the process: {@code SSH_AUTH_SOCK}, {@code FERRY_SSH_PASSPHRASE}
     * @param knownHosts  folder for the known-hosts files
     */
    public static SshLogin usual(java.util.Map<String, String> environment, Path knownHosts) {
        Optional<Path> agent = Optional.ofNullable(environment.get("SSH_AUTH_SOCK")).filter(s -> !s.isBlank()).map(Path::of);
        Optional<Secret> passphrase = Optional.ofNullable(environment.get("FERRY_SSH_PASSPHRASE")).filter(s -> !s.isBlank()).map(Secret::new);
        return new SshLogin(List.of(), Path.of(System.getProperty("user.home")), agent, passphrase, knownHosts,
                Duration.ofSeconds(8), 4, Duration.ofSeconds(3), Duration.ofSeconds(10));
    }

    /** The same login with these keys alone. */
    public SshLogin withKeys(List<Path> only) {
        return new SshLogin(only, home, agentSocket, passphrase, knownHosts, connectTimeout, loginAttempts, loginWait, keepAlive);
    }
}
