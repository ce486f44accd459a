package dev.adapterferry.source.ssh;

import dev.adapterferry.failure.FerryException;
import dev.adapterferry.secret.Secret;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.util.ArrayList;
import java.util.List;
import org.apache.sshd.common.NamedResource;
import org.apache.sshd.common.config.keys.FilePasswordProvider;
import org.apache.sshd.common.util.security.SecurityUtils;

/** The private keys of a login, read from their files. Keys that the user named must open; usual ones may be passed over. */
final class SshKeys {
    private static final List<String> USUAL = List.of("id_ed25519", "id_ecdsa", "id_rsa");

    private final List<KeyPair> pairs = new ArrayList<>();
    private final List<Path> files = new ArrayList<>();
    private final List<String> passedOver = new ArrayList<>();

    SshKeys(SshLogin login) {
        boolean named = !login.keys().isEmpty();
        List<Path> candidates = named ? login.keys() : USUAL.stream().map(login.home().resolve(".ssh")::resolve).filter(Files::isRegularFile).toList();
        for (Path file : candidates) {
            try {
                load(file, login);
                files.add(file);
            } catch (IOException | GeneralSecurityException | RuntimeException e) {
                String reason = reason(file, login, e);
                if (named) {
                    throw new FerryException("Cannot use the SSH key " + file + ": " + reason + ".", e);
                }
                passedOver.add(file + " (" + reason + ")");
            }
        }
    }

    private void load(Path file, SshLogin login) throws IOException, GeneralSecurityException {
        FilePasswordProvider passphrase = (session, resource, attempt) -> login.passphrase().map(Secret::reveal).orElse(null);
        try (InputStream in = Files.newInputStream(file)) {
            Iterable<KeyPair> loaded = SecurityUtils.loadKeyPairIdentities(null, NamedResource.ofName(file.toString()), in, passphrase);
            int before = pairs.size();
            if (loaded != null) {
                loaded.forEach(pairs::add);
            }
            if (pairs.size() == before) {
                throw new IOException("it is no private key in a known format");
            }
        }
    }

    private static String reason(Path file, SshLogin login, Exception e) {
        if (!Files.isReadable(file)) {
            return Files.exists(file) ? "it is not readable" : "there is no such file";
        }
        boolean encrypted = e instanceof javax.security.auth.login.FailedLoginException || String.valueOf(e.getMessage()).contains("password");
        if (encrypted && login.passphrase().isEmpty()) {
            return "it is encrypted; set FERRY_SSH_PASSPHRASE or add it to the SSH agent";
        }
        return login.passphrase().isPresent() ? "the passphrase does not open it, or it is damaged" : "it is no private key in a known format";
    }

    /** Key pairs in the order in which to offer them. */
    List<KeyPair> pairs() {
        return pairs;
    }

    /** The files that the pairs came from. */
    List<Path> files() {
        return files;
    }

    /** What was tried, for the sentence about a refused login. */
    String tried(boolean agent) {
        String keys = files.isEmpty() ? "no key file" : String.join(", ", files.stream().map(Path::toString).toList());
        return (agent ? "the agent's keys and " : "") + keys + (passedOver.isEmpty() ? "" : "; passed over " + String.join(", ", passedOver));
    }
}
