package dev.adapterferry.source.ssh;

import java.io.IOException;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.PublicKey;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.sshd.client.keyverifier.ServerKeyVerifier;
import org.apache.sshd.client.session.ClientSession;
import org.apache.sshd.common.config.keys.KeyUtils;
import org.apache.sshd.common.config.keys.PublicKeyEntry;

/**
 * The host key of one machine, believed the first time it is seen and held to from then on. Rented machines share
 * addresses and change them, so the file belongs to the machine's alias ({@code vast-123-direct}), not to an address; it
 * is a {@code known_hosts} file for that alias, so an external ssh can use it with {@code HostKeyAlias}.
 */
final class KnownHosts implements ServerKeyVerifier {
    private final Path file;
    private final String alias;
    private final AtomicReference<String> refusal = new AtomicReference<>();
    private volatile String unseen;

    /**
     * @param folder holds one file per alias; made when missing
     * @param alias  the machine's name, {@code [A-Za-z0-9._-]+}
     */
    KnownHosts(Path folder, String alias) {
        if (!alias.matches("[A-Za-z0-9._-]+") || alias.startsWith(".")) {
            throw new IllegalArgumentException("not a host alias: " + alias);
        }
        this.file = folder.resolve(alias);
        this.alias = alias;
    }

    Path file() {
        return file;
    }

    String alias() {
        return alias;
    }

    /** Why the last key was refused; null when it was not. */
    String refusal() {
        return refusal.get();
    }

    @Override
    public synchronized boolean verifyServerKey(ClientSession session, SocketAddress address, PublicKey key) {
        String entry = alias + " " + PublicKeyEntry.toString(key);
        try {
            List<String> known = Files.exists(file) ? Files.readAllLines(file, StandardCharsets.UTF_8).stream().filter(l -> !l.isBlank() && !l.startsWith("#")).toList() : List.of();
            if (known.isEmpty()) {
                unseen = entry;
                return true;
            }
            if (known.contains(entry)) {
                return true;
            }
            refusal.set("its host key " + KeyUtils.getFingerPrint(key) + " is not the one seen before. Either the machine was made anew (then delete "
                    + file + " and try again) or somebody else answers at this address (then do not)");
        } catch (IOException e) {
            refusal.set("its known-hosts file " + file + " cannot be used: " + e.getMessage());
        }
        return false;
    }

    /**
     * Remembers the key that was just seen for the first time. Called after the login: an address that turns out to be
     * somebody else's machine refuses the login, and must not become the known one.
     */
    void remember() throws IOException {
        String entry = unseen;
        if (entry != null) {
            Files.createDirectories(file.getParent());
            Files.writeString(file, entry + "\n", StandardCharsets.UTF_8, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
    }
}
